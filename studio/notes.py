"""What the product notes at edits, acts and Books: kept in English, and shown in the reader's language."""

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from profiles.writing import write_known
from studio.sentences import Sentences

NOTES = (
    _("A copy of %(slug)s"),
    _("As in version %(number)s"),
    _("Back to Book %(number)s"),
    _("Build %(number)s"),
    _("Entry %(number)s"),
    _("Snapshot of %(slug)s"),
    _("Upload of %(name)s"),
    _("With its slot %(slug)s"),
    # Whole sentences
    _("As it was before its first edit"),
    _("Moved in its slot"),
    _("A link to set the password"),
    _("Rotated the write key."),
)
_PLACES = {"number": "[0-9]+", "slug": "[-a-zA-Z0-9_]+", "name": ".+"}
_KNOWN = Sentences(NOTES, _PLACES)
_TEMPLATE = re.compile(r"From the template (?P<name>.+)")


def say_note(note: str) -> str:
    """A note as it was kept; what people wrote themselves stays as it is."""
    if (found := _KNOWN.find(note)) is not None:
        return found[0] % found[1]
    if match := _TEMPLATE.fullmatch(note):
        return gettext("From the template “%(name)s”") % {"name": write_known(match["name"])}
    return note
