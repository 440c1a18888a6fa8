"""What the processor promises: once per message, everything in one commit, poison set aside, windows exact."""

import pytest
from msgspec.structs import replace

from ingestion import processor as processing
from ingestion.accepted import Applied, Dead
from ingestion.log import START
from ingestion.steps import Definitions
from profiles.event import Event, Merge, derive_profile_id, pack, partition_of, unpack
from profiles.store import Commit, Fenced
from tests.processing.harness import BROKEN, HOUR, POISON, Harness

DAY = 24 * HOUR
VIEWED_TWICE = {
    "v": 1,
    "root": {
        "id": "views",
        "kind": "event",
        "event": "Product Viewed",
        "op": "at_least",
        "value": 2,
        "where": [{"property": "category", "op": "is", "value": "Outdoor"}],
        "window": {"last": 1, "unit": "hours"},
    },
}


def outdoor(harness: Harness, visitor: str = "anna") -> Event:
    return harness.event(properties={"category": "Outdoor"}, anonymous_id=visitor)


def test_an_event_becomes_part_of_its_profile() -> None:
    harness = Harness()
    harness.send(harness.event(properties={"category": "Outdoor", "price": 9.5, "colour": "red"}))
    assert harness.run() == 1
    profile = harness.profile("a:anna")
    assert profile.events["Product Viewed"].count == 1
    assert profile.events["Product Viewed"].recent[0].properties == {"category": "Outdoor", "price": 9.5}
    assert harness.outcome("accepted") == 1


def test_a_message_sent_again_has_no_second_effect() -> None:
    harness = Harness()
    event = harness.event()
    harness.send(event, event)
    harness.run()
    harness.now += 23 * HOUR
    harness.send(event)
    harness.run()
    assert harness.profile("a:anna").events["Product Viewed"].count == 1
    assert (harness.outcome("accepted"), harness.outcome("duplicate")) == (1, 2)


def test_the_same_message_id_of_two_sources_is_two_messages() -> None:
    harness = Harness()
    event = harness.event()
    harness.send(event, replace(event, source="app"))
    harness.run()
    assert harness.profile("a:anna").events["Product Viewed"].count == 2


def test_a_segment_is_entered_and_left_at_the_exact_millisecond() -> None:
    harness = Harness({"outdoor": VIEWED_TWICE})
    first = harness.now
    harness.send(outdoor(harness))
    harness.run()
    harness.now += 10
    harness.send(outdoor(harness))
    harness.run()
    assert harness.profile("a:anna").segments == {"outdoor": first + 10}
    harness.now = first + HOUR  # the first view is exactly one hour old: it still counts
    harness.run()
    assert "outdoor" in harness.profile("a:anna").segments
    harness.now += 1
    harness.run()
    assert harness.profile("a:anna").segments == {}


def test_the_accepted_log_tells_what_an_event_made_the_person_enter() -> None:
    harness = Harness({"outdoor": VIEWED_TWICE})
    harness.send(outdoor(harness), outdoor(harness))
    harness.run()
    entered = [record.entered for record in harness.accepted() if isinstance(record, Applied)]
    assert entered == [(), ("outdoor",)]


def test_a_commit_from_an_old_offset_is_refused() -> None:
    harness = Harness(partitions=1)
    harness.send(harness.event())
    harness.run()
    with pytest.raises(Fenced):
        harness.store.commit(Commit(0, "0-0", "5-0", harness.now))


def test_a_restarted_processor_reads_on_where_the_last_commit_ended() -> None:
    harness = Harness(partitions=1)
    harness.send(harness.event(), harness.event())
    harness.run()
    harness.processor = harness.start_processor()
    harness.send(harness.event())
    assert harness.run() == 1
    assert harness.profile("a:anna").events["Product Viewed"].count == 3


def test_a_record_that_breaks_its_consumer_is_set_aside_and_its_neighbours_are_not() -> None:
    harness = Harness(partitions=1)
    poison, whole = harness.event(name=POISON), harness.definitions
    harness.definitions = Definitions(BROKEN, whole.segments)
    harness.send(*(harness.event() for _ in range(5)), poison, *(harness.event() for _ in range(5)))
    for _ in range(30):
        harness.run()
    dead = [record for record in harness.accepted() if isinstance(record, Dead)]
    assert [(record.raw, record.tries) for record in dead] == [(pack(poison), processing.TRIES)]
    assert harness.profile("a:anna").events["Product Viewed"].count == 10
    assert (harness.outcome("accepted"), harness.outcome("dead")) == (10, 1)
    harness.definitions = whole
    harness.send(poison)  # after the fix, a replay goes through
    harness.run()
    assert harness.profile("a:anna").events[POISON].count == 1


def test_a_record_of_a_profile_that_cannot_be_read_is_set_aside() -> None:
    harness = Harness(partitions=1)
    harness.send(outdoor(harness, "bert"))
    harness.run()
    bert = derive_profile_id("a:bert")
    whole, harness.store.profiles[bert] = harness.store.profiles[bert], b"\xc1nonsense"
    again = outdoor(harness, "bert")
    harness.send(outdoor(harness), again, outdoor(harness, "carl"))
    for _ in range(10):
        harness.run()
    assert [record.raw for record in harness.accepted() if isinstance(record, Dead)] == [pack(again)]
    assert harness.profile("a:anna").events["Product Viewed"].count == 1
    assert harness.profile("a:carl").events["Product Viewed"].count == 1
    harness.store.profiles[bert] = whole
    harness.send(again)
    harness.run()
    assert harness.profile("a:bert").events["Product Viewed"].count == 2


def test_a_message_of_the_next_day_is_known_to_a_processor_whose_clock_is_behind() -> None:
    harness = Harness()
    harness.now += DAY - harness.now % DAY
    event = harness.event()
    harness.send(event)
    harness.run()
    harness.now -= 1
    harness.send(event)
    harness.run()
    assert (harness.outcome("accepted"), harness.outcome("duplicate")) == (1, 1)


def test_a_state_that_is_handed_over_twice_is_taken_once() -> None:
    """Whoever replays a letter and dies before it is marked as replayed brings it twice."""
    harness = Harness(partitions=5)
    harness.send(outdoor(harness, "phone"), harness.event("Identified", anonymous_id="laptop", user_id="anna"))
    harness.run()
    harness.send(harness.event("Identified", anonymous_id="phone", user_id="anna"))
    harness.run()
    home = partition_of(derive_profile_id("a:laptop"), harness.partitions)
    [handed] = [raw for _, raw in harness.log.read(home, START, 100) if isinstance(unpack(raw), Merge)]
    harness.log.append({home: [handed, handed]})
    harness.run()
    assert harness.profile("u:anna").events["Product Viewed"].count == 1
    assert harness.outcome("duplicate") == 2


def test_bytes_that_are_no_record_are_set_aside_at_once() -> None:
    harness = Harness(partitions=1)
    harness.log.append({0: [b"\xc1nonsense"]})
    harness.send(harness.event())
    harness.run()
    assert [record.reason for record in harness.accepted() if isinstance(record, Dead)] == ["cannot be decoded"]
    assert harness.outcome("accepted") == 1


def test_a_profile_that_cannot_be_evaluated_keeps_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    harness = Harness({"outdoor": VIEWED_TWICE}, partitions=1)
    for visitor in ("anna", "bert", "carl"):
        harness.send(outdoor(harness, visitor), outdoor(harness, visitor))
    harness.run()
    bert = derive_profile_id("a:bert")
    whole = harness.store.profiles[bert]
    harness.store.profiles[bert] = b"\xc1nonsense"
    harness.now += HOUR + 1
    harness.run()
    assert harness.profile("a:anna").segments == harness.profile("a:carl").segments == {}
    assert "a profile cannot be evaluated" in caplog.text
    assert bert not in caplog.text
    assert harness.store.timers[0] == {bert: harness.now + processing.POSTPONED_MS}
    harness.store.profiles[bert] = whole
    harness.now += processing.POSTPONED_MS
    harness.run()
    assert harness.profile("a:bert").segments == {}
