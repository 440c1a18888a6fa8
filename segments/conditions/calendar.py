"""Local days, weeks and months of one time zone, worked out from a table of its offsets: the same in every engine."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from profiles.profile import DAY_MS
from segments.conditions.language import Unit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1)
FROM, TO = datetime(1999, 12, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)  # outside, the nearest offset holds
PROBE = timedelta(days=7)  # no zone changes its offset and back within a week, Ramadan's pauses included
HOUR_MS = 3_600_000
THURSDAY = 3  # 1 January 1970, with Monday 0


class Calendar:
    """The calendar of a time zone such as `Europe/Dublin`. Moments are Unix milliseconds, days `YYYY-MM-DD`."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.transitions = _list_transitions(zone)
        self._moments = [at for at, _ in self.transitions]
        self._day: tuple[int, int, int] = (1, 0, 0)  # start, end and number of the day asked for last

    def day_of(self, at: int) -> str:
        """The local day at a moment."""
        return write_day(self._number_of(at))

    def start_of_day(self, day: str) -> int:
        """The first millisecond of a local day; where the clock jumps over midnight, the first one after it."""
        return self._start(read_day(day))

    def end_of_day(self, day: str) -> int:
        """The last millisecond of a local day."""
        return self._start(read_day(day) + 1) - 1

    def start_of(self, unit: Unit, at: int) -> int:
        """The first millisecond of the day, week (from Monday) or month that `at` lies in."""
        return self._start(_first(unit, self._number_of(at)))

    def next_start(self, unit: Unit, at: int) -> int:
        """The first millisecond of the day, week or month after the one that `at` lies in."""
        number = self._number_of(at)
        return self._start(_first(unit, _first(unit, number) + {"day": 1, "week": 7, "month": 31}[unit]))

    def hour(self, at: int) -> int:
        """The local hour, 0 to 23."""
        return (at + self._offset(at)) % DAY_MS // HOUR_MS

    def weekday(self, at: int) -> int:
        """The local weekday, Monday 1 to Sunday 7."""
        return (self._number_of(at) + THURSDAY) % 7 + 1

    def _number_of(self, at: int) -> int:
        start, end, number = self._day
        if start <= at < end:  # one question is mostly about the same day as the one before it
            return number
        number = (at + self._offset(at)) // DAY_MS
        start, end = self._start(number), self._start(number + 1)
        if at >= end:  # the clock went back over midnight: a day that has begun stays
            start, end, number = end, self._start(number + 2), number + 1
        self._day = (start, end, number)
        return number

    def _offset(self, at: int) -> int:
        return self.transitions[max(bisect_right(self._moments, at) - 1, 0)][1]

    def _start(self, number: int) -> int:
        """The first moment whose local day is `number` or later."""
        midnight = number * DAY_MS
        place = max(bisect_right(self._moments, midnight - DAY_MS) - 1, 0)
        at = midnight - self.transitions[place][1]
        for start, offset in self.transitions[place + 1 :]:
            if at < start:
                break
            at = max(start, midnight - offset)
        return at


def read_day(day: str) -> int:
    """The number of days from 1 January 1970 to `YYYY-MM-DD`."""
    return (date.fromisoformat(day) - FIRST_DAY).days


def write_day(number: int) -> str:
    """The day so many days after 1 January 1970; beyond the calendar, its nearest end."""
    number = min(max(number, -719_162), 2_932_896)
    return (FIRST_DAY + timedelta(days=number)).isoformat()


def _first(unit: Unit, number: int) -> int:
    """The number of the first day of the unit that day `number` lies in."""
    if unit == "day":
        return number
    if unit == "week":
        return number - (number + THURSDAY) % 7
    return number - int(write_day(number)[8:]) + 1


@cache
def _list_transitions(zone: str) -> tuple[tuple[int, int], ...]:
    """(from which moment, offset from UTC) in milliseconds, found by halving the weeks in which the offset changes."""
    info = ZoneInfo(zone)
    found = [(0, _offset_of(info, FROM))]
    at = FROM
    while at < TO:
        following = at + PROBE
        if _offset_of(info, following) != found[-1][1]:
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if _offset_of(info, middle) == found[-1][1] else (low, middle)
            found.append(((high - EPOCH) // timedelta(milliseconds=1), _offset_of(info, high)))
        at = following
    return tuple(found)


def _offset_of(info: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(info).utcoffset()
    assert offset is not None  # every zone has one
    return offset // timedelta(milliseconds=1)


UTC_CALENDAR = Calendar("UTC")


def is_zone(name: str) -> bool:
    """Whether a time zone is called that."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # no name at all, or of nothing that is there
        return False
    return True
