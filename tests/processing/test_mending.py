"""A profile is put into the state that the archive says, by its own processor, while nothing has changed it."""

import pytest
from msgspec.structs import replace

from ingestion.accepted import Cause, Filled, SegmentEntered
from ingestion.steps import Definitions
from profiles.event import Erase, Mend, Record, derive_profile_id, pack, partition_of
from profiles.profile import History, Profile, fingerprint
from profiles.profile import pack as pack_profile
from segments.membership import compile_segments
from tests.processing.harness import HOUR, MEMORY, Harness

ANNA = derive_profile_id("a:anna")
VIEWED = {
    "v": 1,
    "root": {"id": "v", "kind": "event", "event": "Product Viewed", "value": 2, "window": {"last": 1, "unit": "hours"}},
}


@pytest.fixture
def harness() -> Harness:
    """Anna has looked twice."""
    harness = Harness()
    harness.definitions = Definitions(MEMORY, compile_segments({"keen": VIEWED}))
    harness.send(harness.event(), harness.event())
    harness.run()
    return harness


def ask(harness: Harness, record: Record) -> None:
    harness.log.append({partition_of(ANNA, harness.partitions): [pack(record)]})
    harness.run()


def mend(state: Profile, expected: Profile | None) -> Mend:
    return Mend(
        profile=ANNA, run=7, expected=b"" if expected is None else fingerprint(expected), state=pack_profile(state)
    )


def test_it_is_put_back_with_its_segments_and_its_timer(harness: Harness) -> None:
    right = harness.profile("a:anna")
    timers = {**harness.store.timers[partition_of(ANNA, harness.partitions)]}
    harness.store.profiles.clear()
    harness.store.timers.clear()
    ask(harness, mend(replace(right, segments={}), None))
    assert replace(harness.profile("a:anna"), segments={}) == replace(right, segments={})
    assert harness.profile("a:anna").segments.keys() == {"keen"}
    assert harness.store.timers[partition_of(ANNA, harness.partitions)] == timers
    *_, entered, filled = harness.accepted()
    assert isinstance(entered, SegmentEntered) and (entered.cause, entered.because) == (Cause.MEND, "7")
    assert filled == Filled(profiles=(ANNA,))


def test_an_event_that_came_first_is_not_lost_by_it(harness: Harness) -> None:
    looked_at = harness.profile("a:anna")
    harness.send(harness.event())
    harness.run()
    ask(harness, mend(replace(looked_at, events={"Product Viewed": History(2, 0, 1, 1, [])}), looked_at))
    ask(harness, mend(looked_at, None))
    assert harness.profile("a:anna").events["Product Viewed"].count == 3


def test_who_is_somebody_else_by_now_or_was_erased_does_not_come_back(harness: Harness) -> None:
    right = harness.profile("a:anna")
    harness.now += HOUR
    ask(harness, Erase(profile=ANNA, erasure="r", at=harness.now))
    ask(harness, mend(right, None))
    assert ANNA not in harness.store.profiles

    other = Harness()
    other.send(other.event(), other.event("Signed In", anonymous_id="phone", user_id="ann"))
    other.run()
    other.send(other.event("Signed In", anonymous_id="anna", user_id="ann"))
    other.run()
    assert ANNA not in other.store.profiles
    ask(other, mend(right, None))
    assert ANNA not in other.store.profiles
