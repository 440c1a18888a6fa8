"""Why a slot got its answer and why a rule was kept back, as people read it."""

from django.utils.translation import gettext_lazy as _

from rules.engine import Kept, Reason

REASONS = {
    Reason.RULE_MATCHED: _("A rule held"),
    Reason.NO_RULE_MATCHED: _("No rule held"),
    Reason.UNKNOWN_SLOT: _("There is no such slot"),
    Reason.TIMEOUT: _("It took too long"),
    Reason.RENDER_FAILED: _("The block could not be drawn"),
}
KEPT = {
    Kept.OUTSIDE_SCHEDULE: _("outside its schedule"),
    Kept.NO_CONSENT: _("no consent to its purpose"),
    Kept.UNKNOWN_PERSON: _("the person is not known"),
    Kept.CAP_REACHED: _("seen often enough by this person"),
    Kept.TOTAL_CAP_REACHED: _("seen often enough by everybody together"),
    Kept.CODES_EXHAUSTED: _("no codes are left"),
    Kept.LOWER_PRIORITY: _("another rule came first"),
}
DOORS = {
    "web": _("Page"),
    "live": _("Open page, pushed"),
    "fragment": _("Fragment of a page"),
    "email": _("E-mail"),
    "batch": _("Batch of a back end"),
    "rest": _("Back end"),
    "graphql": _("GraphQL"),
}
OUTCOMES = {"impression": _("Seen"), "click": _("Clicked"), "conversion": _("Led to")}
GROUPS = {"and": _("All of these"), "or": _("Any of these"), "not": _("None of these")}


def say_reason(reason: str) -> str:
    return str(next((said for known, said in REASONS.items() if known == reason), reason))


def say_kept(why: str) -> str:
    return str(next((said for known, said in KEPT.items() if known == why), why))


def say_door(door: str) -> str:
    return str(DOORS.get(door, door))
