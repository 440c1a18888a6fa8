"""Every case of the language, asked of the evaluator of the stream: its answer, what it saw, and when it turns."""

from collections.abc import Iterable
from typing import Any

import pytest

from segments.conditions.explain import explain
from segments.conditions.python import Compiled, compile_condition
from tests.segments.cases import UNSAID, Case, load_cases, to_instant, to_ms


def name_each(cases: Iterable[Case]) -> list[Any]:
    return [pytest.param(case, id=f"{case.table}: {case.name}") for case in cases]


CASES = name_each(load_cases())
SAYING_FLIPS = name_each(case for case in load_cases() if case.flips is not UNSAID)
# What is asked about a page turns with the hours of the clock, and is asked anew with every page.
ANNOUNCING = name_each(case for case in load_cases() if "time." not in str(case.tree))
SAYING_OBSERVED = name_each(case for case in load_cases() if "observed" in case.told)
HORIZON_MS = 800 * 86_400_000  # beyond every window, and beyond the next anniversary of 29 February's neighbours
KNOWN = {
    *("name", "condition", "matches", "now", "zone", "events", "traits", "segments", "cluster", "scores"),
    *("context", "flips", "observed"),
}


def answer(case: Case, condition: Compiled, now: int) -> bool:
    return condition.matches(case.profile, case.segments, case.context, now)


def test_there_are_as_many_cases_as_we_think() -> None:
    assert len(CASES) >= 770
    assert len({param.id for param in CASES}) == len(CASES)
    assert [case.name for case in load_cases() if not case.told.keys() <= KNOWN] == []


@pytest.mark.parametrize("case", CASES)
def test_the_answer_is_that_of_the_case(case: Case) -> None:
    assert answer(case, compile_condition(case.root, case.calendar), case.now) is case.matches
    told = explain(case.root, case.profile, case.segments, case.context, case.now, case.calendar)
    assert told.matched is case.matches


@pytest.mark.parametrize("case", SAYING_OBSERVED)
def test_what_was_seen_is_told(case: Case) -> None:
    told = explain(case.root, case.profile, case.segments, case.context, case.now, case.calendar)
    wanted: Any = case.told["observed"]
    assert told.observed == wanted or (isinstance(told.observed, int) and told.observed == to_ms(wanted))


@pytest.mark.parametrize("case", SAYING_FLIPS)
def test_the_answer_turns_at_its_moment(case: Case) -> None:
    """The millisecond before it is as now, the moment itself is not; without one nothing turns."""
    condition = compile_condition(case.root, case.calendar)
    until = case.now + HORIZON_MS if case.flips is None else case.flips - 1
    assert until >= case.now
    assert answer(case, condition, until) is case.matches
    if case.flips is not None:
        assert answer(case, condition, case.flips) is not case.matches


@pytest.mark.parametrize("case", ANNOUNCING)
def test_a_turn_is_announced(case: Case) -> None:
    """Between a moment and the next announced one nothing changes; the first change is the one the case tells of."""
    condition, now, turned = compile_condition(case.root, case.calendar), case.now, None
    while now < case.now + HORIZON_MS and turned is None:
        flip = condition.next_flip(case.profile, now)
        until = case.now + HORIZON_MS if flip is None else flip - 1
        assert until >= now
        assert answer(case, condition, until) is case.matches
        if flip is None:
            break
        now = flip
        turned = flip if answer(case, condition, flip) is not case.matches else None
    if case.flips is not UNSAID:
        assert show(turned) == show(case.flips)


def show(ms: int | None) -> str:
    return "never" if ms is None else to_instant(ms)
