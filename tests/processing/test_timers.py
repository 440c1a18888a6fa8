"""Membership turns by itself, at the very millisecond of a virtual clock: what is stored is what asking anew says."""

from collections.abc import Iterator
from itertools import count, islice

import pytest
from msgspec.structs import replace

from ingestion.steps import Definitions
from profiles.event import user_key
from segments.conditions.language import InContext, list_leaves
from segments.conditions.python import compile_condition
from segments.membership import compile_segments
from tests.processing.harness import Harness
from tests.segments.cases import MEMORY, Case, to_instant
from tests.segments.strategies import Seeded, draw_case

CASES = 1_500
TURNS = 12  # looked at of each
SLUG = "asked"


def cases() -> Iterator[Case]:
    """Conditions that a segment can have, each with somebody's events on their edges."""
    for number in count():
        case = draw_case(Seeded(3, number))
        if case.events and not any(isinstance(leaf, InContext) for leaf in list_leaves(case.root)):
            yield case


def live(case: Case) -> Harness:
    """A processor that has taken the events in as they came."""
    harness = Harness()
    harness.definitions = Definitions(MEMORY, compile_segments({SLUG: case.tree}, calendar=case.calendar))
    for event in sorted(case.events, key=lambda event: event.received):
        harness.now = event.received
        harness.run()
        harness.send(replace(event, source="shop"))
        harness.run()
    return harness


def next_timer(harness: Harness) -> int | None:
    return min((at for timers in harness.store.timers.values() for at in timers.values()), default=None)


@pytest.mark.timeout(300)
def test_what_is_stored_is_the_answer_of_the_moment() -> None:
    turned = 0
    for number, case in enumerate(islice(cases(), CASES)):
        harness, condition = live(case), compile_condition(case.root, case.calendar)
        before = None
        for _ in range(TURNS):
            at = next_timer(harness)
            if at is None:
                break
            for moment in (max(harness.now, at - 1), max(harness.now, at), at + 1):
                harness.now = moment
                harness.run()
                profile = harness.profile(user_key("ann"))
                holds = condition.matches(profile, {}, {}, moment)
                assert (SLUG in profile.segments) is holds, f"case {number} at {to_instant(moment)}: {case.told}"
                turned += before is not None and before is not holds
                before = holds
    assert turned > CASES / 10  # or little would have been proved


@pytest.mark.timeout(300)
def test_nothing_turns_between_two_timers() -> None:
    """Halfway, and anywhere else: the stored answer holds until the next timer, which is never late."""
    for number, case in enumerate(islice(cases(), CASES // 3)):
        harness, condition = live(case), compile_condition(case.root, case.calendar)
        for _ in range(TURNS):
            at = next_timer(harness)
            until = harness.now + 400 * 86_400_000 if at is None else at - 1
            for step in range(5):
                moment = harness.now + (until - harness.now) * step // 4
                profile = harness.profile(user_key("ann"))
                holds = condition.matches(profile, {}, {}, moment)
                assert (SLUG in profile.segments) is holds, f"case {number} at {to_instant(moment)}: {case.told}"
            if at is None:
                break
            harness.now = at
            harness.run()
