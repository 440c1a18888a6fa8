"""Which remembered events of a history a part of a condition is about: inside a window, passing `where`."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable

from profiles.profile import History, Moment, moment_time
from segments.conditions.calendar import Calendar
from segments.conditions.language import RETENTION_MS, Test
from segments.conditions.values import Check, Turns, compile_test, compile_turns

# (moments, now) -> those that pass
Filter = Callable[[list[Moment], int], list[Moment]]


def find_ahead(history: History, now: int) -> list[Moment]:
    """Moments dated after `now`: they count only when their time has come."""
    recent = history.recent
    if not recent or recent[-1].at <= now:
        return []
    return recent[bisect_right(recent, now, key=moment_time) :]


def find_inside(moments: list[Moment], start: int, end: int) -> tuple[int, int]:
    """The slice of sorted `moments` with `start <= at <= end`."""
    if not moments or start > end or moments[-1].at < start:
        return 0, 0
    low = 0 if moments[0].at >= start else bisect_left(moments, start, key=moment_time)
    high = len(moments) if moments[-1].at <= end else bisect_right(moments, end, key=moment_time)
    return low, max(low, high)


def find_remembered(history: History, now: int) -> list[Moment]:
    """Every moment up to now that retention leaves."""
    low, high = find_inside(history.recent, now - RETENTION_MS, now)
    return history.recent[low:high]


def find_first(history: History, now: int) -> int | None:
    """When it was done for the first time, None if that is still to come."""
    return history.first if history.first <= now else None


def find_last(history: History, now: int) -> int | None:
    """When it was done for the last time up to now. With one dated ahead, that is the newest of those still kept."""
    if history.last <= now:
        return history.last
    kept = bisect_right(history.recent, now, key=moment_time)
    return history.recent[kept - 1].at if kept else find_first(history, now)


def compile_where(where: tuple[Test, ...], calendar: Calendar) -> Filter | None:
    """Keeps the moments that pass every test; None where there is nothing to test."""
    tests: tuple[tuple[str, Check], ...] = tuple((test.name, compile_test(test, calendar)) for test in where)
    if not tests:
        return None

    def keep(moments: list[Moment], now: int) -> list[Moment]:
        for name, passes in tests:
            moments = [moment for moment in moments if passes(moment.properties.get(name), now)]
        return moments

    return keep


def compile_where_turns(where: tuple[Test, ...], calendar: Calendar) -> Turns | None:
    """(moments, now) -> when a test of one of them could turn by itself; None where none can."""
    tests: list[tuple[str, Turns]] = []
    for test in where:
        turns = compile_turns(test, calendar)
        if turns is not None:
            tests.append((test.name, turns))
    if not tests:
        return None

    def turns_at(moments: list[Moment], now: int) -> int | None:
        found = (turns(moment.properties.get(name), now) for moment in moments for name, turns in tests)
        return min((at for at in found if at is not None), default=None)

    return turns_at


def soonest(*moments: int | None) -> int | None:
    """The first of some moments, None of which may be known."""
    return min((at for at in moments if at is not None), default=None)
