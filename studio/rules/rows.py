"""The list of rules: its columns, filters, and what each row says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.conflicts import Effect, Finding
from rules.findings import list_findings
from rules.models import Rule, Slot
from rules.standing import Published, Standing, find_standing, find_standings, read_published
from studio.lists import Column, Filter, Listing
from studio.rules.caps import say_caps
from studio.rules.schedule import say_state
from studio.rules.words import name_audiences, say_whom

STATUS: Mapping[Standing, tuple[Any, str]] = {
    Standing.LIVE: (_("Live"), "tag-success"),
    Standing.CHANGED: (_("Changed"), "tag-warning"),
    Standing.DRAFT: (_("Draft"), ""),
}
EFFECTS: Mapping[Effect, Any] = {
    Effect.NEVER: _("cannot be shown"),
    Effect.HIDDEN: _("always hidden"),
    Effect.LEVEL: _("shares a priority"),
}
RUNNING, AHEAD, OVER = "running", "ahead", "over"

COLUMNS = (
    Column(_("Rule"), ("name",)),
    Column(_("Slot"), ("slot__name", "-priority", "slug")),
    Column(_("Shows"), ("block__name",)),
    Column(_("When and how often"), ("ends",)),
    Column(_("Status")),
    Column(_("Seen"), more="number"),
    Column(_("Clicks"), more="number"),
    Column(_("Orders"), more="number"),
)


@dataclass(frozen=True)
class Told:
    """What a row says of its rule."""

    whom: str
    state: str
    when: str
    caps: str
    standing: Standing
    tone: str
    status: Any
    note: str


def make_listing(now: datetime) -> Listing:
    slots = list(Slot.objects.order_by("name", "slug").values_list("slug", "name"))
    return Listing(
        COLUMNS,
        search=("name", "slug", "slot__name", "block__name", "block__slug"),
        filters=(
            Filter("slot", _("Every slot"), slots, lambda rows, value: rows.filter(slot__slug=value)),
            Filter("status", _("Every status"), [(key.value, said) for key, (said, _) in STATUS.items()], _keep_status),
            Filter(
                "when",
                _("Any time"),
                [(RUNNING, _("On now")), (AHEAD, _("Still to come")), (OVER, _("Ended"))],
                lambda rows, value: _keep_time(rows, value, now),
            ),
            Filter("warnings", _("With or without warnings"), [("some", _("With warnings"))], _keep_warned),
        ),
        sort="slot__name",
    )


def _keep_status(rows: QuerySet[Rule], value: str) -> QuerySet[Rule]:
    rules = Rule.objects.select_related("slot", "block", "offer")
    standings = find_standings(rules, read_published())
    return rows.filter(slug__in=[slug for slug, standing in standings.items() if standing == value])


def _keep_time(rows: QuerySet[Rule], value: str, now: datetime) -> QuerySet[Rule]:
    if value == OVER:
        return rows.filter(ends__lte=now)
    if value == AHEAD:
        return rows.filter(starts__gt=now)
    return rows.filter(Q(starts=None) | Q(starts__lte=now), Q(ends=None) | Q(ends__gt=now))


def _keep_warned(rows: QuerySet[Rule], value: str) -> QuerySet[Rule]:
    return rows.filter(slug__in=list(list_findings()))


def tell(rules: Sequence[Rule]) -> None:
    """Gives each rule what its row says, as `told`: two statements, however many they are."""
    published, names, now = read_published(), name_audiences(rules), timezone.now()
    for rule in rules:
        rule.told = _tell(rule, published, names, now)  # type: ignore[attr-defined]


def _tell(rule: Rule, published: Published, names: Mapping[str, str], now: datetime) -> Told:
    state, when = say_state(rule.starts, rule.ends, rule.zone, now)
    standing = find_standing(rule, published)
    status, tone = STATUS[standing]
    caps = say_caps(rule.caps)
    note = ""
    if standing is Standing.DRAFT and rule.live:
        note = gettext("goes live with the next Book")
    if standing is Standing.CHANGED and not rule.live:
        note = gettext("goes off with the next Book")
    whom = say_whom(rule.condition, names)
    return Told(whom, state, when, caps[:1].upper() + caps[1:], standing, tone, status, note)


def say_effects(findings: Sequence[Finding]) -> list[tuple[Any, str]]:
    """Each kind of finding once, with all that it says."""
    found: dict[Effect, list[str]] = {}
    for each in findings:
        found.setdefault(each.effect, []).append(each.words)
    return [(EFFECTS[effect], ". ".join(words)) for effect, words in found.items()]
