"""What runs when, in a month: rules as bars over its days, and what is going to be published."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from rules.models import Rule, ScheduledPublication
from rules.zones import find_zone

WEEK = 7
MOST_BARS = 200
FIRST_YEAR, LAST_YEAR = 1971, 2998
TONES = ("cal-a", "cal-b", "cal-c", "cal-d", "cal-e")  # one slot after the other


@dataclass(frozen=True)
class Span:
    """A rule on the days of a month, `last` with it."""

    rule: Rule
    first: date
    last: date
    begins: bool
    ends: bool
    tone: str


@dataclass(frozen=True)
class Bar:
    """A span within one week: `before` are the columns that are free before it in its lane."""

    span: Span
    before: int
    length: int
    begins: bool
    ends: bool


@dataclass
class Lane:
    bars: list[Bar] = field(default_factory=list)
    filled: int = 0  # columns

    @property
    def after(self) -> int:
        return WEEK - self.filled


@dataclass(frozen=True)
class Day:
    date: date
    is_inside: bool
    is_today: bool
    publications: tuple[ScheduledPublication, ...]


@dataclass(frozen=True)
class Week:
    days: tuple[Day, ...]
    lanes: tuple[Lane, ...]


@dataclass(frozen=True)
class Month:
    first: date
    weeks: tuple[Week, ...]
    spans: tuple[Span, ...]
    always: tuple[Rule, ...]
    publications: tuple[ScheduledPublication, ...]
    is_cut: bool
    rules: tuple[Rule, ...] = ()  # all that is seen

    @property
    def previous(self) -> date:
        return (self.first - timedelta(days=1)).replace(day=1)

    @property
    def next(self) -> date:
        return find_next(self.first)


def read_month(said: str, today: date) -> date:
    """The first day of the month `2026-08`; this month's for what is none."""
    try:
        first = date.fromisoformat(f"{said}-01")
    except ValueError:
        return today.replace(day=1)
    return first if FIRST_YEAR <= first.year <= LAST_YEAR else today.replace(day=1)


def find_next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def find_month(first: date, *, slot: str = "") -> Month:
    """Two statements, and the rules that run all the time."""
    monday, end = _find_sight(first)
    opens, closes = _start_of(monday), _start_of(end)
    rules = Rule.objects.select_related("slot", "block").order_by("starts", "ends", "slug")
    if slot:
        rules = rules.filter(slot__slug=slot)
    scheduled = rules.exclude(starts=None, ends=None)
    running = scheduled.filter(Q(starts=None) | Q(starts__lt=closes), Q(ends=None) | Q(ends__gt=opens))
    found = list(running[: MOST_BARS + 1])
    tones = {each: TONES[number % len(TONES)] for number, each in enumerate(sorted({rule.slot.slug for rule in found}))}
    spans = tuple(_span(rule, first, tones[rule.slot.slug]) for rule in found[:MOST_BARS])
    waiting = ScheduledPublication.objects.filter(
        at__gte=opens,
        at__lt=closes,
        state__in=(ScheduledPublication.State.WAITING, ScheduledPublication.State.PUBLISHED),
    )
    publications = tuple(waiting.select_related("by").defer("payload", "base").order_by("at"))
    return Month(
        first,
        tuple(_make_weeks(first, spans, publications)),
        tuple(each for each in spans if each.first < find_next(first) and each.last >= first),
        tuple(rules.filter(starts=None, ends=None).filter(live=True)[:MOST_BARS]),
        tuple(each for each in publications if first <= timezone.localdate(each.at) < find_next(first)),
        len(found) > MOST_BARS,
        tuple(span.rule for span in spans),
    )


def _find_sight(first: date) -> tuple[date, date]:
    """The Monday of the first week, and the one after the last."""
    last = find_next(first) - timedelta(days=1)
    return first - timedelta(days=first.weekday()), last + timedelta(days=WEEK - last.weekday())


def _start_of(day: date) -> datetime:
    """The first moment of a day by the organisation's clocks."""
    return datetime.combine(day, datetime.min.time(), find_zone("")).astimezone(UTC)


def _span(rule: Rule, first: date, tone: str) -> Span:
    """What lies beyond the weeks of the month is as if it went on."""
    far, late = first - timedelta(days=60), first + timedelta(days=90)
    begins = None if rule.starts is None else timezone.localdate(rule.starts)
    ends = None if rule.ends is None else timezone.localdate(rule.ends - timedelta(microseconds=1))
    return Span(
        rule,
        far if begins is None else max(begins, far),
        late if ends is None else min(ends, late),
        begins is not None and begins >= far,
        ends is not None and ends <= late,
        tone,
    )


def _make_weeks(first: date, spans: Sequence[Span], publications: Sequence[ScheduledPublication]) -> Sequence[Week]:
    today = timezone.localdate()
    monday = first - timedelta(days=first.weekday())
    weeks = []
    while monday < find_next(first):
        days = tuple(
            Day(day, day.month == first.month, day == today, tuple(_on(day, publications)))
            for day in (monday + timedelta(days=number) for number in range(WEEK))
        )
        weeks.append(Week(days, tuple(_make_lanes(monday, spans))))
        monday += timedelta(days=WEEK)
    return weeks


def _on(day: date, publications: Sequence[ScheduledPublication]) -> list[ScheduledPublication]:
    return [each for each in publications if timezone.localdate(each.at) == day]


def _make_lanes(monday: date, spans: Sequence[Span]) -> list[Lane]:
    """Bars in as few lanes as they fit into, one below the other where they run at once."""
    sunday = monday + timedelta(days=WEEK - 1)
    here = sorted((each for each in spans if each.first <= sunday and each.last >= monday), key=lambda each: each.first)
    lanes: list[Lane] = []
    for span in here:
        start = max((span.first - monday).days, 0)
        stop = min((span.last - monday).days, WEEK - 1)
        lane = next((each for each in lanes if each.filled <= start), None)
        if lane is None:
            lane = Lane()
            lanes.append(lane)
        begins, ends = span.begins and span.first >= monday, span.ends and span.last <= sunday
        lane.bars.append(Bar(span, start - lane.filled, stop - start + 1, begins, ends))
        lane.filled = stop + 1
    return lanes
