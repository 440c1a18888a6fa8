"""Dates as texts, and what each date operator asks of them: bounds, worked out once for all the values tested."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from profiles.profile import DAY_MS
from segments.conditions.calendar import Calendar, read_day, write_day
from segments.conditions.language import Test

FIRST, LAST = "0000-00-00", "9999-99-99"  # days before and after every other
LAST_DAY = "9999-12-31"  # of the calendar
LOWEST, HIGHEST = -(10**15), 10**15  # moments before and after every other
MAX_OFFSET_HOURS = 15

DAY = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
INSTANT = (
    r"([1-9][0-9]{3}-[0-9]{2}-[0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)

_DAY, _INSTANT = re.compile(DAY), re.compile(INSTANT)

Moment = int | str  # Unix milliseconds of an instant, or a day


class Bounds(NamedTuple):
    """The dates an operator accepts, inclusive: instants by Unix milliseconds, days by their text."""

    low: int
    high: int
    first: str
    last: str


def read_date(value: object) -> Moment | None:
    """The moment or day that a text names; None for everything else."""
    if not isinstance(value, str) or not 10 <= len(value) <= 40:
        return None
    if len(value) == 10:
        return value if _DAY.fullmatch(value) and _exists(value) else None
    found = _INSTANT.fullmatch(value)
    if found is None or not _exists(found[1]):
        return None
    hour, minute, second = int(found[2]), int(found[3]), int(found[4] or 0)
    east, west = int(found[7] or 0), int(found[8] or 0)
    if hour > 23 or minute > 59 or second > 59 or east > MAX_OFFSET_HOURS or west > 59:
        return None
    offset = (east * 60 + west) * (-60_000 if found[6] == "-" else 60_000)
    thousandths = int((found[5] or "0")[:3].ljust(3, "0"))
    return read_day(found[1]) * DAY_MS + (hour * 3600 + minute * 60 + second) * 1000 + thousandths - offset


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def lies_in(value: object, bounds: Bounds) -> bool:
    """Whether a text is a date inside the bounds."""
    moment = read_date(value)
    if moment is None:
        return False
    if isinstance(moment, str):
        return bounds.first <= moment <= bounds.last
    return bounds.low <= moment <= bounds.high


def find_bounds(test: Test, calendar: Calendar, now: int) -> Bounds:
    """What a date operator other than `anniversary` accepts at `now`."""
    return _BOUNDS[test.op](test.value, calendar, now)


def _before(value: Any, calendar: Calendar, now: int) -> Bounds:
    moment = read_date(value)
    if isinstance(moment, str):
        return Bounds(LOWEST, calendar.start_of_day(moment) - 1, FIRST, shift_day(moment, -1))
    assert moment is not None  # the parser has read it
    return Bounds(LOWEST, moment - 1, FIRST, shift_day(calendar.day_of(moment), -1))


def _after(value: Any, calendar: Calendar, now: int) -> Bounds:
    moment = read_date(value)
    if isinstance(moment, str):
        return Bounds(calendar.end_of_day(moment) + 1, HIGHEST, shift_day(moment, 1), LAST)
    assert moment is not None
    return Bounds(moment + 1, HIGHEST, shift_day(calendar.day_of(moment), 1), LAST)


def _between(value: Any, calendar: Calendar, now: int) -> Bounds:
    return Bounds(*find_ends(value[0], value[1], calendar), day_in(value[0], calendar), day_in(value[1], calendar))


def find_ends(start: str | None, end: str | None, calendar: Calendar) -> tuple[int, int]:
    """The first and last millisecond from one date to another; a day counts whole."""
    low, high = read_date(start), read_date(end)
    if isinstance(low, str):
        low = calendar.start_of_day(low)
    if isinstance(high, str):
        high = calendar.end_of_day(high)
    return LOWEST if low is None else low, HIGHEST if high is None else high


def day_in(value: str, calendar: Calendar) -> str:
    """The day a date names, or the local day of an instant."""
    moment = read_date(value)
    return calendar.day_of(moment) if isinstance(moment, int) else value


def _within_last(ms: Any, calendar: Calendar, now: int) -> Bounds:
    return Bounds(now - ms, now, _first_started(calendar, now - ms), calendar.day_of(now))


def _longer_ago(ms: Any, calendar: Calendar, now: int) -> Bounds:
    return Bounds(LOWEST, now - ms - 1, FIRST, shift_day(_first_started(calendar, now - ms), -1))


def _within_next(ms: Any, calendar: Calendar, now: int) -> Bounds:
    return Bounds(now, now + ms, calendar.day_of(now), calendar.day_of(now + ms))


def _first_started(calendar: Calendar, at: int) -> str:
    """The first day that starts at `at` or later."""
    day = calendar.day_of(at)
    return day if calendar.start_of_day(day) == at else shift_day(day, 1)


def shift_day(day: str, by: int) -> str:
    return LAST if day == LAST_DAY and by > 0 else write_day(read_day(day) + by)


def find_anniversaries(ahead: int, calendar: Calendar, now: int) -> frozenset[str]:
    """The `MM-DD` whose anniversary is today or up to `ahead` days later; 29 February is kept on the 28th in a year
    without one."""
    today = read_day(calendar.day_of(now))
    found = set()
    for number in range(today, today + ahead + 1):
        day = write_day(number)
        found.add(day[5:])
        if day[5:] == "02-28" and write_day(number + 1)[5:] == "03-01":
            found.add("02-29")
    return frozenset(found)


def next_turn(test: Test, value: object, calendar: Calendar, now: int) -> int | None:
    """The next moment after `now` at which a date test of `value` could turn by itself; None for never.

    `value` is what is tested: a text, or Unix milliseconds."""
    turns = _TURNS.get(test.op)
    moment = value if isinstance(value, int) else read_date(value)
    if moment is None or turns is None:
        return None
    if test.op == "anniversary":
        moment = str(value)[:10]  # the day as it is written
    return min((at for at in turns(test.value, moment, calendar, now) if at > now), default=None)


def _turn_since(ms: Any, moment: Moment, calendar: Calendar, now: int) -> tuple[int, ...]:
    """A date comes, and is some time ago."""
    at = calendar.start_of_day(moment) if isinstance(moment, str) else moment
    return at, at + ms + 1


def _turn_until(ms: Any, moment: Moment, calendar: Calendar, now: int) -> tuple[int, ...]:
    """A date comes near, and is past."""
    if isinstance(moment, str):
        return calendar.start_of_day(moment) - ms, calendar.end_of_day(moment) + 1
    return moment - ms, moment + 1


def _turn_yearly(ahead: Any, moment: Moment, calendar: Calendar, now: int) -> tuple[int, ...]:
    """The anniversary of this year or the next comes near, and is past."""
    month_day, year = str(moment)[5:], int(calendar.day_of(now)[:4])
    days = [read_day(_celebrate(month_day, each)) for each in (year, year + 1) if each < 9999]
    return tuple(calendar.start_of_day(write_day(day + by)) for day in days for by in (-ahead, 1))


def _celebrate(month_day: str, year: int) -> str:
    """The day of a year on which a `MM-DD` is celebrated."""
    is_short = month_day == "02-29" and not _exists(f"{year}-02-29")
    return f"{year}-02-28" if is_short else f"{year}-{month_day}"


_BOUNDS: dict[str, Callable[[Any, Calendar, int], Bounds]] = {
    "before": _before,
    "after": _after,
    "between": _between,
    "within_last": _within_last,
    "longer_ago_than": _longer_ago,
    "within_next": _within_next,
}

_TURNS: dict[str, Callable[[Any, Moment, Calendar, int], tuple[int, ...]]] = {
    "within_last": _turn_since,
    "longer_ago_than": _turn_since,
    "within_next": _turn_until,
    "anniversary": _turn_yearly,
}
