"""What kinds, fields and changes are called on the pages of publishing."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

KINDS = {  # title, what one is called, icon, address of its page
    "segment": (_("Audiences"), _("Audience"), "users", "studio:audience"),
    "rule": (_("Rules"), _("Rule"), "list-checks", "studio:rule"),
    "block": (_("Blocks"), _("Block"), "code", "studio:block"),
    "offer": (_("Offers"), _("Offer"), "ticket-percent", "studio:offer"),
    "slot": (_("Slots"), _("Slot"), "layout-template", "studio:slot"),
}
WHATS = {  # how a definition differs: tag and its colour
    "new": (_("New"), "tag-success"),
    "changed": (_("Changed"), "tag-info"),
    "removed": (_("Taken out"), "tag-error"),
}
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
WHO = _("Who is in it")  # the condition of an audience
