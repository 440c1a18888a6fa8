"""What the processor promises: once per message, everything in one commit, poison set aside, windows exact."""

import pytest
from msgspec.structs import replace

from ingestion import processor as processing
from ingestion import steps
from ingestion.accepted import Applied, Dead
from profiles.event import Event, derive_profile_id, pack
from profiles.store import Commit, Fenced
from tests.processing.harness import HOUR, Harness

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


def test_a_record_that_breaks_its_consumer_is_set_aside_and_its_neighbours_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness(partitions=1)
    poison = harness.event(name="Poison")
    real = steps.apply_event

    def break_on_poison(work: steps.Work, event: Event) -> None:
        if event == poison:
            raise ZeroDivisionError
        real(work, event)

    monkeypatch.setattr(processing, "apply_event", break_on_poison)
    harness.send(*(harness.event() for _ in range(5)), poison, *(harness.event() for _ in range(5)))
    for _ in range(30):
        harness.run()
    dead = [record for record in harness.accepted() if isinstance(record, Dead)]
    assert [(record.raw, record.tries) for record in dead] == [(pack(poison), processing.TRIES)]
    assert harness.profile("a:anna").events["Product Viewed"].count == 10
    assert (harness.outcome("accepted"), harness.outcome("dead")) == (10, 1)
    harness.send(poison)  # after the fix, a replay goes through
    monkeypatch.setattr(processing, "apply_event", real)
    harness.run()
    assert harness.profile("a:anna").events["Poison"].count == 1


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
    assert bert in caplog.text
    assert harness.store.timers[0] == {bert: harness.now + processing.POSTPONED_MS}
    harness.store.profiles[bert] = whole
    harness.now += processing.POSTPONED_MS
    harness.run()
    assert harness.profile("a:bert").segments == {}
