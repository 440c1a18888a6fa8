"""What is concluded of two tests, windows or counts is true of every value, moment and count, on the edges too."""

from itertools import combinations, product
from typing import Any

import pytest

from segments.conditions.language import CALENDAR_UNITS, RETENTION_MS, Dates, Did, Last, This, Window
from segments.conditions.language import Test as ValueTest
from segments.conditions.logic import Logic, to_form
from segments.conditions.logic_events import lies_in_window
from segments.conditions.logic_tests import excludes_test, implies_test
from segments.conditions.values import COMPARE, compile_test
from segments.conditions.windows import compile_window
from tests.segments.cases import calendar_of, to_instant, to_ms


def list_value_tests() -> list[ValueTest]:
    """Every operator, with operands that lie on each other's edges."""
    texts = ("Outdoor", "Out", "outdoor", "1", "2026-06-17", "2026-06-17T12:00:00Z")
    scalars = (*texts, "", 1, 2.5, True, 0)
    dates = ("2026-06-17", "2026-06-16", "2026-06-17T12:00:00Z", "2026-06-17T00:00:00Z")
    lengths = (3_600_000, 86_400_000, 7 * 86_400_000)
    found = [ValueTest("fact", op, value) for op in ("is", "is_not") for value in scalars]
    found += [
        ValueTest("fact", "in", values) for values in (("Outdoor", "Out"), ("Out", 1), (1, True), ("Out",), texts)
    ]
    found += [ValueTest("fact", op, value) for op in ("contains", "starts_with") for value in texts]
    found += [
        ValueTest("fact", op, value)
        for op in ("at_least", "at_most", "more_than", "less_than")
        for value in (0, 1, 2.5)
    ]
    ends: list[tuple[Any, Any]] = [(0, 1), (1, 1), (1, 2.5), *combinations(dates, 2)]
    found += [ValueTest("fact", "between", pair) for pair in ends]
    found += [ValueTest("fact", op, date) for op in ("before", "after") for date in dates]
    found += [ValueTest("fact", op, ms) for op in ("within_last", "longer_ago_than", "within_next") for ms in lengths]
    return [*found, *(ValueTest("fact", "anniversary", days) for days in (0, 1, 30)), ValueTest("fact", "exists", None)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Dublin", "Pacific/Auckland"])
def test_what_is_concluded_of_two_tests_is_true_of_every_value(zone: str) -> None:
    calendar, tests = calendar_of(zone), list_value_tests()
    noon = to_ms("2026-06-17T12:00:00Z")
    moments = [noon, noon + 1, noon - 1, calendar.start_of_day("2026-06-17")]
    near = [to_instant(noon + by) for by in (0, 1, -1, -3_600_000, -3_600_001, -86_400_000, 86_400_000, 7 * 86_400_000)]
    near += [f"2026-06-{day:02}" for day in range(9, 26)] + ["1990-06-17", "1990-06-18", "soon"]
    singles: list[Any] = ["Outdoor", "Out", "outdoor", "", "1", "in Out", 0, 1, 1.0, 2.5, 2, -1, True, False, {}, *near]
    lists: list[Any] = [[], [None], [["Out"]], *map(list, combinations(singles[:14] + near[:12], 2))]
    values = list(enumerate([*singles, *lists]))
    checks = [compile_test(test, calendar) for test in tests]
    answers = [{(place, at) for at in moments for place, value in values if passes(value, at)} for passes in checks]
    simple = [{(place, at) for place, at in found if place < len(singles)} for found in answers]
    leads = apart = 0
    for (number, a), (other, b) in product(enumerate(tests), repeat=2):
        said = f"{a} and {b}"
        if implies_test(a, b, calendar):
            leads += 1
            assert answers[number] <= answers[other], said
        if implies_test(a, b, calendar, is_single=True):
            assert simple[number] <= simple[other], said
        if excludes_test(a, b, calendar):
            assert not answers[number] & answers[other], said
        if excludes_test(a, b, calendar, is_single=True):
            apart += 1
            assert not simple[number] & simple[other], said
    # Of what is true of these values, much is seen; of some it is true only as there are no others here.
    true_leads = sum(a <= b for a, b in product(answers, repeat=2))
    true_apart = sum(not a & b for a, b in product(simple, repeat=2))
    assert leads / true_leads > 0.45
    assert apart / true_apart > 0.45


def test_what_is_concluded_of_two_windows_is_true_of_every_moment() -> None:
    lengths = (3_600_000, 86_400_000, 90_000_000, 2 * 86_400_000, 8 * 86_400_000, 32 * 86_400_000, RETENTION_MS)
    dates = ("2026-03-28", "2026-03-29T01:00:00Z", "2026-10-25", None)
    windows: list[Window | None] = [None, *map(Last, lengths), *map(This, CALENDAR_UNITS)]
    windows += [Dates(start, end) for start, end in product(dates, repeat=2) if start or end]
    seen = 0
    for zone in ("UTC", "Europe/Dublin", "Pacific/Apia", "Antarctica/Casey"):
        calendar = calendar_of(zone)
        turns = [at for at, _ in calendar.transitions if at > 1_250_000_000_000][:20]
        anchors = [*turns, to_ms("2026-10-25T00:00:00Z"), to_ms("2026-03-29T00:00:00Z"), to_ms("2026-07-31T23:59:59Z")]
        ends = [calendar.next_start(unit, at) - 1 for at in anchors for unit in CALENDAR_UNITS]
        bounds = [(window, compile_window(window or Dates("1970-01-01", None), calendar)) for window in windows]
        for (one, inner), (other, outer) in product(bounds, repeat=2):
            if lies_in_window(one, other, calendar):
                seen += 1
                for now in (*anchors, *ends):
                    (low, high), (start, end) = inner(now), outer(now)
                    assert low > high or (start <= low and high <= end), f"{one} in {other} at {to_instant(now)}"
    assert seen > 4 * len(windows) * 2


def test_what_is_concluded_of_two_counts_is_true_of_every_count() -> None:
    """The first counts events that are among those of the second, are the same, or have them among them."""
    numbers = (0, 1, 1.5, 2, 3)
    compared: list[tuple[str, Any]] = [
        (op, value) for op in ("at_least", "at_most", "exactly", "more_than", "less_than") for value in numbers
    ]
    compared += [("between", pair) for pair in ((0, 0), (1, 2), (1.2, 1.8), (0, 3))]
    asked = [(did, op, value) for did in (True, False) for op, value in compared]
    windows = (Last(1_000), Last(2_000))
    logic, leads = Logic(), 0
    for (did, op, value), (did_too, other_op, other_value) in product(asked, repeat=2):
        for short, long in ((0, 1), (1, 0), (0, 0)):
            one = Did("a", "A", did, (), "count", None, op, value, windows[short])
            other = Did("b", "A", did_too, (), "count", None, other_op, other_value, windows[long])
            pairs = [
                (few, many) if short < long else (many, few)
                for few, many in product(range(6), repeat=2)
                if few <= many and (short != long or few == many)
            ]
            true = all(
                (COMPARE[other_op](b, other_value) is did_too) or (COMPARE[op](a, value) is not did) for a, b in pairs
            )
            concluded = logic.implies(to_form(one), to_form(other))
            leads += concluded
            assert concluded is true, f"{one} and {other}"
    assert leads > 1_000
