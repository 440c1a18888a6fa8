"""What rules.fitting and rules.checking find that is named and not there, or fits nowhere, in the reader's language;
both are pure, and speak English."""

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from studio.sentences import Sentences

MISFITS = (
    _("Slot %(slot)s: is for %(channel)s and cannot take %(kind)s; take it out of its kinds"),
    _("Slot %(slot)s: the block %(block)s is not there; choose another"),
    _("Slot %(slot)s: the block %(block)s is %(kind)s, and the slot %(other)s takes %(kinds)s"),
    _("Block %(block)s: falls back to %(other)s, which is not there; choose another block"),
    _("Block %(block)s: falls back to %(other)s, which is %(kind)s; choose HTML or JSON"),
    _("Block %(block)s: has a place for the slot %(slot)s, which is not there; make it, or mend the name"),
    _("Block %(block)s: has a place for the slot %(slot)s, which is not for e-mails; choose another"),
    _("Block %(block)s: its slot %(slot)s shows %(other)s, which is %(kind)s; inside an e-mail is only HTML"),
    _("Rule %(rule)s: the slot %(slot)s is not there; choose another"),
    _("Rule %(rule)s: the block %(block)s is not there; choose another"),
    _("Rule %(rule)s: the offer %(offer)s is not there; choose another"),
    _("Rule %(rule)s: the block %(block)s is %(kind)s, and the slot %(slot)s takes %(kinds)s"),
)
WORDS = ("HTML", "JSON", _("an e-mail"), _("recommendations"), _("web pages"), _("e-mails"))  # of kinds and channels
_SLUG, _WORD = "[-a-zA-Z0-9_]+", "|".join(WORDS)
_PLACES = {
    **dict.fromkeys(("slot", "block", "rule", "offer", "other"), _SLUG),
    **dict.fromkeys(("channel", "kind"), _WORD),
    "kinds": f"(?:{_WORD})(?: or (?:{_WORD}))*",
}
_SENTENCES = Sentences(MISFITS, _PLACES)


def say_misfit(text: str) -> str:
    """In the reader's language if it is one of these; any other remark as it is."""
    found = _SENTENCES.find(text)
    if found is None:
        return text
    form, said = found
    for place in said.keys() & {"channel", "kind", "kinds"}:
        said[place] = f" {gettext('or')} ".join(gettext(word) for word in said[place].split(" or "))
    return form % said
