"""Whatever is sent, repeated, held up, poisoned, merged, parted or erased, and whoever dies in between: each
acknowledged event counts once, for the right person. A state machine in memory, with the real processor and steps."""

import logging
from itertools import product
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from profiles.event import Event, user_key
from tests.faults.sizes import SEED, sized
from tests.faults.world import ORDERED, PARTITIONS, VIEWED, World
from tests.processing.harness import HOUR, POISON
from tests.processing.lives import list_undoable

LONGEST = 19 * HOUR  # of an example, and at most four hours more: less than any dedup window
MINUTE = 60_000


class Deed(NamedTuple):
    """`signed_in`: `no`, `yes`, or `only` when the device is not named; `late` in minutes; `held` up on the way."""

    user: str
    device: int
    signed_in: str
    name: str
    late: int
    plan: str
    held: bool

    def fields(self, now: int) -> dict[str, Any]:
        said: dict[str, Any] = {"at": now - self.late * MINUTE}
        said["anonymous_id"] = None if self.signed_in == "only" else f"{self.user}-{self.device}"
        said["user_id"] = None if self.signed_in == "no" else self.user
        if self.name == "Identified":
            return {**said, "type": "identify", "traits": {"plan": self.plan}}
        return {**said, "properties": {"value": 7, "category": self.plan}}


users = st.sampled_from(("u0", "u1", "u2"))
devices = st.integers(0, 2)
DEEDS = [
    Deed(*chosen)
    for chosen in product(
        ("u0", "u1", "u2"),
        range(3),
        ("no", "yes", "only"),
        (VIEWED, ORDERED, "Identified"),
        (0, 1, 50, 130, -90),
        ("gold", "silver"),
        (False, False, True),
    )
]
deeds = st.integers(0, len(DEEDS) - 1).map(
    lambda number: DEEDS[number]
)  # one draw each: drawing takes most of the time
partitions = st.sets(st.integers(0, PARTITIONS - 1), min_size=1)


class Delivery(RuleBasedStateMachine):
    """Each user has devices of their own: two known users never share one, so that who is who is plain."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.until = self.world.now + LONGEST
        self.held: list[Event] = []

    # --- Clients -------------------------------------------------------------------------------------------------

    @rule(did=st.lists(deeds, min_size=3, max_size=8))
    def live(self, did: list[Deed]) -> None:
        for deed in did:
            self._make(deed)

    @rule(did=st.lists(deeds, min_size=2, max_size=8), user=users)
    def live_alone(self, did: list[Deed], user: str) -> None:
        for deed in did:
            self._make(deed._replace(user=user))

    @rule(user=users, device=devices, hold=st.booleans())
    def poison(self, user: str, device: int, hold: bool) -> None:
        self.world.break_definitions(True)
        self._make(Deed(user, device, "no", POISON, 0, "", hold))

    @rule(user=users, other=users)
    def alias(self, user: str, other: str) -> None:
        if user != other and user_key(other) in self.world.store.links:
            event = self.world.event("Aliased", type="alias", user_id=user, previous_id=other, anonymous_id=None)
            self.world.take_in(event)

    def _make(self, deed: Deed) -> None:
        event = self.world.event(deed.name, **deed.fields(self.world.now))
        if deed.held:
            self.held.append(event)
        else:
            self.world.take_in(event)

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 50))
    def deliver_late(self, which: int) -> None:
        self.world.take_in(self.held.pop(which % len(self.held)))

    @precondition(lambda self: self.world.truth.sent)
    @rule(which=st.integers(0, 200), times=st.integers(1, 3))
    def send_again(self, which: int, times: int) -> None:
        sent = list(self.world.truth.sent.values())
        event = sent[-1 - which % len(sent)]
        if event.type != "alias":  # by now it may say something else
            for _ in range(times):
                self.world.take_in(event)

    # --- Processors ----------------------------------------------------------------------------------------------

    @rule(
        where=partitions,
        size=st.integers(1, 5),
        times=st.integers(1, 3),
        dies=st.sampled_from((None, None, "before", "after")),
        minutes=st.sampled_from((0, 0, 1, 30, 61, 121, 241)),
    )
    def work(self, where: set[int], size: int, times: int, dies: str | None, minutes: int) -> None:
        """For a while, or until it dies."""
        world = self.world
        if world.now < self.until:
            world.now += minutes * MINUTE
        with world.may_die():
            world.log.size, world.log.times, world.store.dies = size, times, dies
            world.processor.drain(sorted(where))

    @rule(where=partitions, behind=st.sampled_from((0, 0, 5)))
    def work_beside_others(self, where: set[int], behind: int) -> None:
        """One takes everything between another's reading and its commit; one that was given up wakes up."""
        world = self.world
        with world.may_die():
            world.store.meanwhile = world.start_behind(behind)
            world.processor.drain(sorted(where))
        world.former.step()

    # --- Operators -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.world.letters)
    @rule(which=st.integers(0, 20), times=st.integers(1, 2), mended=st.booleans())
    def replay(self, which: int, times: int, mended: bool) -> None:
        letters = self.world.letters
        self.world.break_definitions(not mended)
        self.world.replay(letters[which % len(letters)], times)

    @rule(which=st.integers(0, 50))
    def bring_a_state_again(self, which: int) -> None:
        self.world.bring_again(which)

    @precondition(lambda self: not self.world.truth.parted and not self.world.truth.erased)
    @rule(which=st.integers(0, 20))
    def undo_a_merge(self, which: int) -> None:
        """One of an example: what it takes to undo several, or after an erasure, the archive alone can tell."""
        self.world.settle()
        if not self.world.letters and (merges := list_undoable(self.world)):
            self.world.undo(which, merges)

    @rule(user=users)
    def erase(self, user: str) -> None:
        self.world.settle()
        group = self.world.truth.groups.get(user_key(user), set())
        if group and not self.world.letters and not group & self.world.truth.parted:
            self.world.erase(user_key(user))

    # --- What must hold ------------------------------------------------------------------------------------------

    @rule()
    def settle(self) -> None:
        self.world.settle()
        self.world.check_settled()

    @invariant()
    def nothing_is_doubled(self) -> None:
        self.world.check_always()

    def teardown(self) -> None:
        """The cause is mended, every letter is replayed, and not one thing is left to wait for."""
        world = self.world
        world.break_definitions(False)
        world.settle()
        for letter in list(world.letters):
            world.replay(letter, 2)
        world.settle()
        assert not world.letters
        world.check_always()
        world.check_settled()


def test_every_acknowledged_event_counts_once_for_the_right_person(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "ingestion.processor")  # it is meant to break
    chosen = settings(
        max_examples=sized(200, 2_000),
        stateful_step_count=sized(40, 80),
        database=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    run_state_machine_as_test(hypothesis.seed(SEED)(Delivery), settings=chosen)
