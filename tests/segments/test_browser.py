"""The evaluator of devices: every case as it says, and the moment of its turn as the stream announces it."""

from segments.conditions.python import compile_condition
from tests.segments import browser
from tests.segments.cases import Case, load_cases

CASES = load_cases()


def name_of(case: Case) -> str:
    return f"{case.table}: {case.name}"


def test_every_case_is_answered_as_it_says() -> None:
    answers = browser.ask(CASES)
    wrong = [name_of(case) for case, answer in zip(CASES, answers, strict=True) if answer.holds is not case.matches]
    assert wrong == []


def test_every_turn_is_announced_as_by_the_stream() -> None:
    answers = browser.ask(CASES)
    for case, answer in zip(CASES, answers, strict=True):
        flips = compile_condition(case.root, case.calendar).next_flip(case.profile, case.now)
        assert answer.flips == flips, name_of(case)
