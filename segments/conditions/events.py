"""Leaves about events: counts, sums and distinct values inside a window, first and last times."""

from collections.abc import Callable, Mapping
from typing import Any

from profiles.profile import PARTS, History, Moment, Profile, to_parts
from segments.conditions.calendar import Calendar
from segments.conditions.dates import next_turn
from segments.conditions.histories import (
    Filter,
    compile_where,
    compile_where_turns,
    find_ahead,
    find_first,
    find_inside,
    find_last,
    soonest,
)
from segments.conditions.language import Did, DidWhen
from segments.conditions.parts import Flips, Part
from segments.conditions.values import COMPARE, compile_bounds, is_number, turns_by_itself, values_of
from segments.conditions.windows import Bounding, compile_leaving, compile_window

# (history, now) -> how many, how much (in ten-thousandths), how many different
Measuring = Callable[[History, int], float]
# (history, now) -> the moments inside the window that pass `where`
Select = Callable[[History, int], list[Moment]]


def compile_did(node: Did, calendar: Calendar) -> Part:
    name, wanted, compare, is_sum = node.event, node.did, COMPARE[node.op], node.measure == "sum"
    value: Any = node.value
    if is_sum:
        value = tuple(map(to_parts_of, value)) if isinstance(value, tuple) else to_parts_of(value)
    measure = _compile_measure(node, calendar)

    def matches(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> bool:
        history = profile.events.get(name)
        return compare(0 if history is None else measure(history, now), value) is wanted

    def observe(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> float:
        history = profile.events.get(name)
        observed = 0 if history is None else measure(history, now)
        return observed / PARTS if is_sum else observed

    only_grows = node.op in ("at_least", "more_than") and not is_sum  # a refund may leave the window
    fades = node.did and only_grows and not any(map(turns_by_itself, node.where))
    return Part(matches, observe, ((name, _compile_flips(node, calendar)),), fades)


def to_parts_of(value: float) -> int:
    """A threshold in ten-thousandths, however large."""
    return round(value * PARTS) if abs(value) > 1e9 else to_parts(value)


def compile_did_when(node: DidWhen, calendar: Calendar) -> Part:
    """The first or last time as a date; who never did it does not pass the comparison."""
    name, wanted, test = node.event, node.did, node.test
    find = find_first if node.which == "first" else find_last
    bounds = compile_bounds(test, calendar)

    def observe(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> int | None:
        history = profile.events.get(name)
        return None if history is None else find(history, now)

    def matches(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> bool:
        at = observe(profile, segments, context, now)
        if at is None:
            return not wanted
        low, high, _, _ = bounds(now)
        return (low <= at <= high) is wanted

    def flips(profile: Profile, now: int) -> int | None:
        history = profile.events.get(name)
        if history is None:
            return None
        at = find(history, now)
        return soonest(_next_ahead(history, now), None if at is None else next_turn(test, at, calendar, now))

    fades = not turns_by_itself(test) or (node.did and test.op == "within_last")
    return Part(matches, observe, ((name, flips),), fades)


def _compile_measure(node: Did, calendar: Calendar) -> Measuring:
    if node.window is None:  # the language allows lifetime totals only
        if node.measure == "sum":
            return lambda history, now: history.total - sum(to_parts(each.value) for each in find_ahead(history, now))
        return lambda history, now: history.count - len(find_ahead(history, now))
    inside = compile_window(node.window, calendar)
    keep = compile_where(node.where, calendar)
    if node.measure == "count" and keep is None:
        return _compile_count(inside)
    select = _compile_select(inside, keep)
    if node.measure == "count":
        return lambda history, now: len(select(history, now))
    of = node.of or ""
    if node.measure == "sum":
        return lambda history, now: sum(_amount_of(moment, of) for moment in select(history, now))
    # A truth value is not the number it equals, so each value is told apart with its kind.
    return lambda history, now: len(
        {(isinstance(v, bool), v) for moment in select(history, now) for v in values_of(moment, of)}
    )


def _compile_count(bounds: Bounding) -> Measuring:
    def count(history: History, now: int) -> float:
        low, high = find_inside(history.recent, *bounds(now))
        return high - low

    return count


def _compile_select(bounds: Bounding, keep: Filter | None) -> Select:
    def select(history: History, now: int) -> list[Moment]:
        low, high = find_inside(history.recent, *bounds(now))
        found = history.recent[low:high]
        return found if keep is None else keep(found, now)

    return select


def _amount_of(moment: Moment, name: str) -> int:
    if name == "value":
        return to_parts(moment.value)
    return sum(to_parts(v) for v in values_of(moment, name) if is_number(v))


def _next_ahead(history: History, now: int) -> int | None:
    ahead = find_ahead(history, now)
    return ahead[0].at if ahead else None


def _compile_flips(node: Did, calendar: Calendar) -> Flips:
    """When a measure could change by itself: a moment leaves the window, one dated ahead enters it, or the date in a
    property comes or passes."""
    name, window = node.event, node.window
    if window is None:

        def enters(profile: Profile, now: int) -> int | None:
            history = profile.events.get(name)
            return None if history is None else _next_ahead(history, now)

        return enters

    bounds, leaving = compile_window(window, calendar), compile_leaving(window, calendar)
    everything = _compile_select(bounds, None)
    select = _compile_select(bounds, compile_where(node.where, calendar))
    turns = compile_where_turns(node.where, calendar)
    threshold = None if turns else _threshold(node)

    def flips(profile: Profile, now: int) -> int | None:
        history = profile.events.get(name)
        if history is None:
            return None
        ahead = _next_ahead(history, now)
        if turns is not None:
            around = everything(history, now)
            ahead = soonest(ahead, turns(around, now))
        inside = select(history, now)
        if not inside or (threshold is not None and not 0 < threshold <= len(inside)):
            return ahead
        return soonest(ahead, leaving(inside[-threshold if threshold else 0].at, now))

    return flips


def _threshold(node: Did) -> int | None:
    """The number of events at which a count condition flips, None when any change of the window may flip it."""
    if node.measure != "count" or isinstance(node.value, tuple) or node.op == "exactly" or node.value < 0:
        return None
    whole = int(node.value)
    if node.op in ("at_least", "less_than"):
        return whole if whole == node.value else whole + 1
    return whole + 1
