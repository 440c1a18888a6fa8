"""Tests of one value: every operator once, the rules of missing facts, lists and kinds of values in one place."""

from collections.abc import Callable, Iterable
from typing import Any

from profiles.profile import Moment
from segments.conditions.calendar import Calendar
from segments.conditions.dates import Bounds, find_anniversaries, find_bounds, lies_in, next_turn, read_date
from segments.conditions.language import Test

# (value, now in Unix milliseconds) -> does the test hold? A missing value is None.
Check = Callable[[Any, int], bool]
# (value, now) -> the next moment at which the test could turn by itself, None for never
Turns = Callable[[Any, int], int | None]


def compile_test(test: Test, calendar: Calendar) -> Check:
    """A value's test: a missing one never passes; a list passes by any of its values, with `is_not` by all of them."""
    if test.op == "is" and isinstance(test.value, str):
        return _compile_same_text(test.value)
    check = _compile_date(test, calendar) if test.asks_date else _OPERATORS[test.op](test.value)
    over: Callable[[Iterable[bool]], bool] = all if test.op == "is_not" else any

    def passes(value: Any, now: int) -> bool:
        if value is None:
            return False
        if isinstance(value, list):
            there = [item for item in value if item is not None]
            return bool(there) and over(check(item, now) for item in there)
        return check(value, now)

    return passes


def _compile_same_text(wanted: str) -> Check:
    """What most tests ask, and of many moments: in one call for each."""
    return lambda value, now: value == wanted or (isinstance(value, list) and wanted in value)


def compile_turns(test: Test, calendar: Calendar) -> Turns | None:
    """When a test could turn by itself; None for one that no time can turn."""
    if not turns_by_itself(test):
        return None

    def turns(value: Any, now: int) -> int | None:
        items = value if isinstance(value, list) else [value]
        found = (next_turn(test, item, calendar, now) for item in items if isinstance(item, str))
        return min((at for at in found if at is not None), default=None)

    return turns


def turns_by_itself(test: Test) -> bool:
    """Whether what the test accepts moves with the clock."""
    return test.asks_date and test.op not in ("before", "after", "between")


def compile_bounds(test: Test, calendar: Calendar) -> Callable[[int], Bounds]:
    """What a date operator accepts at a moment: worked out once for each, and kept while it is asked about."""
    known: tuple[int, Bounds] | None = None

    def bounds(now: int) -> Bounds:
        nonlocal known
        found = known  # another thread may be asking about another moment
        if found is None or found[0] != now:
            found = known = (now, find_bounds(test, calendar, now))
        return found[1]

    return bounds


def is_same(a: Any, b: Any) -> bool:
    """Equality without coercion: 1 is not true, "1" is not 1, 1 is 1.0."""
    return a == b and isinstance(a, bool) is isinstance(b, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def values_of(moment: Moment, name: str) -> list[Any]:
    """The values of a remembered property: none, one, or those of a list."""
    value = moment.properties.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _compile_date(test: Test, calendar: Calendar) -> Check:
    """A date test."""
    if test.op == "anniversary":
        return _compile_anniversary(test, calendar)
    bounds = compile_bounds(test, calendar)
    return lambda value, now: lies_in(value, bounds(now))


def _compile_anniversary(test: Test, calendar: Calendar) -> Check:
    known: tuple[str, frozenset[str]] = ("", frozenset())

    def check(value: Any, now: int) -> bool:
        nonlocal known
        if read_date(value) is None:
            return False
        day, found = calendar.day_of(now), known
        if found[0] != day:
            found = known = (day, find_anniversaries(test.value, calendar, now))  # type: ignore[arg-type]  # parsed
        return value[5:10] in found[1]

    return check


def _number(compare: Callable[[float, Any], bool]) -> Callable[[Any], Check]:
    def bind(wanted: Any) -> Check:
        return lambda value, now: is_number(value) and compare(value, wanted)

    return bind


def _one_of(wanted: Any) -> Check:
    """A set, with each value told apart by its kind."""
    known = {(isinstance(one, bool), one) for one in wanted}
    return lambda value, now: not isinstance(value, (dict, list)) and (isinstance(value, bool), value) in known


COMPARE: dict[str, Callable[[float, Any], bool]] = {
    "at_least": lambda a, b: a >= b,
    "at_most": lambda a, b: a <= b,
    "exactly": lambda a, b: a == b,
    "more_than": lambda a, b: a > b,
    "less_than": lambda a, b: a < b,
    "between": lambda a, b: b[0] <= a <= b[1],
}

_OPERATORS: dict[str, Callable[[Any], Check]] = {
    "is": lambda wanted: lambda value, now: is_same(value, wanted),
    "is_not": lambda wanted: lambda value, now: not is_same(value, wanted),
    "in": _one_of,
    "contains": lambda wanted: lambda value, now: isinstance(value, str) and wanted in value,
    "starts_with": lambda wanted: lambda value, now: isinstance(value, str) and value.startswith(wanted),
    "exists": lambda wanted: lambda value, now: True,
    "at_least": _number(COMPARE["at_least"]),
    "at_most": _number(COMPARE["at_most"]),
    "more_than": _number(COMPARE["more_than"]),
    "less_than": _number(COMPARE["less_than"]),
    "between": _number(COMPARE["between"]),
}
