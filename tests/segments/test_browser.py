"""The evaluator of devices: every case as it says, and the moment of its turn as the stream announces it."""

from segments.conditions.python import compile_condition
from tests.segments import browser
from tests.segments.cases import Case, load_cases
from tests.segments.edges import find_edges
from tests.segments.strategies import Seeded, draw_case
from tests.segments.test_differential import SEED, tell

CASES = load_cases()


def name_of(case: Case) -> str:
    return f"{case.table}: {case.name}"


def flip_of(case: Case) -> int | None:
    return compile_condition(case.root, case.calendar).next_flip(case.profile, case.now)


def test_every_case_is_answered_as_it_says() -> None:
    answers = browser.ask(CASES)
    wrong = [name_of(case) for case, answer in zip(CASES, answers, strict=True) if answer.holds is not case.matches]
    assert wrong == []


def test_every_turn_is_announced_as_by_the_stream() -> None:
    answers = browser.ask(CASES)
    wrong = [name_of(case) for case, answer in zip(CASES, answers, strict=True) if answer.flips != flip_of(case)]
    assert wrong == []


def test_at_every_edge_it_says_what_the_stream_says() -> None:
    """Of questions by chance, at later moments too."""
    asked = [
        case.ask_at(at)
        for case in (draw_case(Seeded(SEED, number)) for number in range(150))
        for at in find_edges(case, flip_of(case))
    ]
    assert len(asked) > 1_500
    for case, answer in zip(asked, browser.ask(asked), strict=True):
        condition = compile_condition(case.root, case.calendar)
        assert answer.holds is condition.matches(case.profile, case.segments, case.context, case.now), tell(case)
        assert answer.flips == condition.next_flip(case.profile, case.now), tell(case)
