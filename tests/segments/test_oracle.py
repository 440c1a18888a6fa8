"""The oracle knows the cases: whoever agrees with it agrees with them."""

import pytest

from tests.segments.cases import Case
from tests.segments.oracle import holds
from tests.segments.test_cases import CASES, SAYING_FLIPS


@pytest.mark.parametrize("case", CASES)
def test_the_oracle_answers_as_the_case(case: Case) -> None:
    assert holds(case) is case.matches


@pytest.mark.parametrize("case", SAYING_FLIPS)
def test_the_oracle_turns_when_the_case_does(case: Case) -> None:
    if case.flips is not None:
        assert holds(case.ask_at(case.flips - 1)) is case.matches
        assert holds(case.ask_at(case.flips)) is not case.matches
