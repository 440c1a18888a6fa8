"""What follows from a test of a value: whether whoever passes one always passes another, or never does. Pure.

Every answer is sound and none is complete: True is proved, False says that it could not be shown. An operator that is
not known here is only ever compared with itself."""

from collections.abc import Iterable
from typing import Any

from segments.conditions.calendar import Calendar
from segments.conditions.dates import Bounds, find_bounds, read_date
from segments.conditions.language import Test
from segments.conditions.values import compile_test, turns_by_itself

FIXED = ("before", "after", "between")  # date operators that do not move with the clock
# From the lower end to the upper one, and whether each is left out.
Range = tuple[float, bool, float, bool]

_INFINITE = float("inf")


def implies_test(a: Test, b: Test, calendar: Calendar, *, is_single: bool = False) -> bool:
    """Whether every value that passes `a` passes `b` at the same moment. `is_single`: the value is no list."""
    if is_same_test(a, b) or b.op == "exists":
        return True
    if a.op == "is_not":
        return False
    if b.op == "is_not":
        return is_single and _leaves_out(a, b.value, calendar)
    return _lies_within(a, b, calendar)


def excludes_test(a: Test, b: Test, calendar: Calendar, *, is_single: bool = False) -> bool:
    """Whether no value passes both at one moment. A list may pass two tests by two of its values."""
    for one, other in ((a, b), (b, a)):
        values = _list_values(one)
        if other.op == "is_not" and values is not None and all(_is_same(each, other.value) for each in values):
            return True
    return is_single and (_lie_apart(a, b, calendar) or _lie_apart(b, a, calendar))


def is_impossible_test(test: Test, calendar: Calendar) -> bool:
    """Whether no value passes it: from a date to an earlier one."""
    if not test.asks_date or test.op not in FIXED:
        return False
    bounds = find_bounds(test, calendar, 0)
    return bounds.low > bounds.high and bounds.first > bounds.last


def list_passing(test: Test, values: Iterable[Any], calendar: Calendar) -> frozenset[Any]:
    """Those of some numbers that pass a test: no moment changes that, as a number is no date."""
    passes = compile_test(test, calendar)
    return frozenset(value for value in values if passes(value, 0))


def is_same_test(a: Test, b: Test) -> bool:
    """Equality that tells true from 1."""
    return a.op == b.op and _is_same(a.value, b.value)


def _is_same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_is_same, a, b))
    return a == b and isinstance(a, bool) is isinstance(b, bool)


def _list_values(test: Test) -> tuple[Any, ...] | None:
    """The only values that pass, where they can be counted."""
    if test.op == "is":
        return (test.value,)
    return test.value if test.op == "in" and isinstance(test.value, tuple) else None


def _leaves_out(test: Test, value: Any, calendar: Calendar) -> bool:
    """Whether a single value never passes."""
    if turns_by_itself(test):
        return read_date(value) is None
    return not compile_test(test, calendar)(value, 0)


def _lies_within(a: Test, b: Test, calendar: Calendar) -> bool:
    values = _list_values(a)
    if values is not None:
        passes = compile_test(b, calendar)
        return not turns_by_itself(b) and all(passes(value, 0) for value in values)
    if a.asks_date or b.asks_date:
        return a.asks_date and b.asks_date and implies_date(a, b, calendar)
    inner, outer = _read_range(a), _read_range(b)
    if inner is not None and outer is not None:
        low = (inner[0], inner[1]) >= (outer[0], outer[1])
        return low and (inner[2], not inner[3]) <= (outer[2], not outer[3])
    if isinstance(a.value, str) and isinstance(b.value, str):
        if (a.op, b.op) == ("starts_with", "starts_with"):
            return a.value.startswith(b.value)
        return a.op in ("starts_with", "contains") and b.op == "contains" and b.value in a.value
    return False


def _lie_apart(a: Test, b: Test, calendar: Calendar) -> bool:
    values = _list_values(a)
    if values is not None:
        return all(_leaves_out(b, value, calendar) for value in values)
    first, second = _read_range(a), _read_range(b)
    if first is not None and second is not None:
        return _is_before(first, second) or _is_before(second, first)
    if first is not None:
        return b.asks_date or b.op in ("starts_with", "contains")  # a number is no text
    if (a.op, b.op) == ("starts_with", "starts_with"):
        one, other = str(a.value), str(b.value)
        return not one.startswith(other) and not other.startswith(one)
    return a.asks_date and b.asks_date and excludes_date(a, b, calendar)


def _is_before(a: Range, b: Range) -> bool:
    return a[2] < b[0] or (a[2] == b[0] and (a[3] or b[1]))


def _read_range(test: Test) -> Range | None:
    """The numbers that pass, None for a test that is not about numbers alone."""
    value: Any = test.value
    match test.op:
        case "at_least":
            return value, False, _INFINITE, False
        case "more_than":
            return value, True, _INFINITE, False
        case "at_most":
            return -_INFINITE, False, value, False
        case "less_than":
            return -_INFINITE, False, value, True
        case "between" if not test.asks_date:
            return value[0], False, value[1], False
    return None


def implies_date(a: Test, b: Test, calendar: Calendar) -> bool:
    """Whether every date, whether a day or an instant, that passes `a` passes `b`."""
    if a.op in FIXED and b.op in FIXED:
        inner, outer = find_bounds(a, calendar, 0), find_bounds(b, calendar, 0)
        instants = inner.low >= outer.low and inner.high <= outer.high
        return instants and inner.first >= outer.first and inner.last <= outer.last
    if a.op != b.op:
        return False
    first: Any = a.value
    second: Any = b.value
    match a.op:
        case "within_last" | "within_next" | "anniversary":
            return bool(first <= second)
        case "longer_ago_than":
            return bool(first >= second)
    return False


def excludes_date(a: Test, b: Test, calendar: Calendar) -> bool:
    """Whether no single date passes both."""
    if a.op in FIXED and b.op in FIXED:
        return _are_apart(find_bounds(a, calendar, 0), find_bounds(b, calendar, 0))
    ops = {a.op: a.value, b.op: b.value}
    recent: Any = ops.get("within_last")
    old: Any = ops.get("longer_ago_than")
    return recent is not None and old is not None and bool(recent <= old)


def _are_apart(a: Bounds, b: Bounds) -> bool:
    instants = a.high < b.low or b.high < a.low or a.low > a.high or b.low > b.high
    return instants and (a.last < b.first or b.last < a.first or a.first > a.last or b.first > b.last)
