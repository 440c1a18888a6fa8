"""Every evaluator gives the same answer to questions by chance, and turns when the oracle does.

`make fuzz` asks a million: FUZZ_EXAMPLES how many, FUZZ_SEED of which seed (0: of any, which is printed),
FUZZ_FROM from which number on, to go on where one left off."""

import json
import os
import time
from collections.abc import Sequence
from random import SystemRandom
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from segments.conditions.language import InContext, list_leaves
from segments.conditions.python import compile_condition
from segments.conditions.words import say_condition
from tests.segments import browser, oracle
from tests.segments.cases import Case, to_instant
from tests.segments.edges import find_edges
from tests.segments.engines import ENGINES
from tests.segments.strategies import Seeded, cases, draw_case

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
FROM = int(os.environ.get("FUZZ_FROM", "0"))
BATCH = 500
PATIENCE = 30  # seconds between two words of a long run


@given(case=cases())
@settings(max_examples=300, phases=(Phase.explicit, Phase.generate, Phase.shrink))
def test_a_question_that_divides_is_found_and_made_small(case: Case) -> None:
    assert find_dissent(case) is None


@pytest.mark.django_db
def test_every_evaluator_gives_the_answer_of_the_oracle() -> None:
    seed = SEED or SystemRandom().randrange(1, 2**32)
    print(f"seed {seed}, {EXAMPLES} questions from number {FROM} on", flush=True)
    held, since = 0, time.monotonic()
    for start in range(FROM, FROM + EXAMPLES, BATCH):
        batch = [draw_case(Seeded(seed, number)) for number in range(start, min(start + BATCH, FROM + EXAMPLES))]
        wanted = ENGINES["oracle"](batch)
        held += sum(answer is True for answer in wanted)
        for name, ask in ENGINES.items():
            for number, (case, answer, right) in enumerate(zip(batch, ask(batch), wanted, strict=True), start):
                assert answer in (None, right), f"{name} says {answer} to number {number} of seed {seed}: {tell(case)}"
        for number, (case, told) in enumerate(zip(batch, browser.ask(batch), strict=True), start):
            flips = compile_condition(case.root, case.calendar).next_flip(case.profile, case.now)
            assert told.flips == flips, (
                f"the browser turns at {told.flips} in number {number} of seed {seed}: {tell(case)}"
            )
        for number, case in enumerate(batch, start):
            dissent = find_dissent(case)
            assert dissent is None, f"number {number} of seed {seed}: {dissent}: {tell(case)}"
        if time.monotonic() - since > PATIENCE:
            since = time.monotonic()
            print(f"seed {seed}: {start + len(batch)} asked and answered alike", flush=True)
    # Questions that nobody or everybody answers with yes would prove nothing.
    assert 0.35 < held / EXAMPLES < 0.6


@pytest.mark.django_db
def test_every_evaluator_can_be_asked_most_of_it() -> None:
    batch = [draw_case(Seeded(SEED, number)) for number in range(BATCH)]
    assert {name for name, ask in ENGINES.items() if answered(ask(batch)) < 0.5} == set()


def answered(answers: Sequence[bool | None]) -> float:
    return sum(answer is not None for answer in answers) / len(answers)


def find_dissent(case: Case) -> str | None:
    """Where the stream's evaluator and the oracle part, now or at a later edge; or the moment of a turn that was not
    announced. None if they agree."""
    condition = compile_condition(case.root, case.calendar)
    flip = condition.next_flip(case.profile, case.now)
    turns_unasked = not any(
        isinstance(leaf, InContext) for leaf in list_leaves(case.root)
    )  # a page is asked about anew
    now = oracle.holds(case)
    assert say_condition(case.root)
    for at in (case.now, *find_edges(case, flip)):
        right = oracle.holds(case.ask_at(at))
        if condition.matches(case.profile, case.segments, case.context, at) is not right:
            return f"at {to_instant(at)} it is {right}"
        if turns_unasked and right is not now and (flip is None or at < flip):
            return f"it has turned to {right} at {to_instant(at)}, before {flip and to_instant(flip)}"
    return None


def tell(case: Case) -> str:
    told: dict[str, Any] = {**case.told, "matches": oracle.holds(case)}
    return json.dumps(told, ensure_ascii=False)
