"""What the kinds of drafts and their fields are called, and where their pages are."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

KINDS = {  # what many and one are called, the icon, the address of its page
    "segment": (_("Audiences"), _("Audience"), "users", "studio:audience"),
    "rule": (_("Rules"), _("Rule"), "list-checks", "studio:rule"),
    "block": (_("Blocks"), _("Block"), "code", "studio:block"),
    "offer": (_("Offers"), _("Offer"), "ticket-percent", "studio:offer"),
    "slot": (_("Slots"), _("Slot"), "layout-template", "studio:slot"),
}
ORGANISATION = (_("Organisation"), _("Organisation"), "building-2", "studio:organisation")
FIELDS = {
    "name": _("Name"),
    "kind": _("Kind"),
    "channel": _("Channel"),
    "kinds": _("Kinds of block it takes"),
    "default": _("Default block"),
    "slot": _("Slot"),
    "priority": _("Priority"),
    "weight": _("Weight"),
    "block": _("Block"),
    "offer": _("Offer"),
    "points": _("Points"),
    "every": _("Granted once in each"),
    "description": _("Description"),
    "subject": _("Subject"),
    "source": _("Content"),
    "text": _("Plain text"),
    "shape": _("Shape"),
    "fallback": pgettext_lazy("a block", "Fallback"),
    "condition": _("When"),
    "as_of": _("As of"),
    "starts": _("Starts"),
    "ends": _("Ends"),
    "zone": _("Time zone"),
    "caps": _("At most"),
    "purpose": _("Consent to"),
    "live": _("Live"),
}
ORGANISATION_FIELDS = {
    "zone": _("Time zone"),
    "purposes": _("Purposes"),
    "retention_days": _("Events in profiles, days"),
    "changes_days": _("Who entered and left, days"),
    "decisions_days": _("Decisions, days"),
}
WHO = _("Who is in it")  # the condition of an audience


def place_of(kind: str, slug: str) -> str:
    """Where a draft is looked at."""
    return reverse(ORGANISATION[3]) if kind == "organisation" else reverse(KINDS[kind][3], args=[slug])


def name_field(kind: str, field: str) -> str:
    if kind == "segment" and field == "condition":
        return str(WHO)
    return str(FIELDS.get(field, field))
