"""What the archiver makes of the accepted log: each record once, in its place, and nothing in the way of the next."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from ingestion.accepted import Applied, Dead, Filled, Linked, Merged, Unlinked
from ingestion.archiver import Archiver, Overtaken
from ingestion.models import ArchiveOffset, DeadLetter, EventType
from ingestion.streams import Streams
from profiles import keys
from profiles.clients import Client
from profiles.event import derive_profile_id
from profiles.models import ArchivedEvent, Identifier, MergeRecord, StoredProfile
from profiles.months import Months
from profiles.profile import Memory, Profile, fold
from profiles.profile import pack as pack_profile
from profiles.store import StoreUnavailable
from tests.archive.conftest import NOW, AcceptedLog, tables_of_events

ANNA = derive_profile_id("a:anna")
NOW_AS_TIME = datetime(2027, 1, 15, 8, tzinfo=UTC)


def test_an_applied_event_becomes_a_row(accepted: AcceptedLog, archiver: Archiver) -> None:
    event = accepted.event(
        id="m1",
        at=NOW + 1,
        user_id="u-1",
        properties={"price": 1.5, "tags": ["a", "b"]},
        traits={"city": "Zürich"},
        context={"page": {"path": "/"}},
    )
    accepted.add(0, Applied(profile=ANNA, event=event, entered=("likes-outdoor",), left=("new",)))
    assert archiver.drain() == 1
    row = ArchivedEvent.objects.get()
    assert (row.at - row.received).total_seconds() == 0.001
    assert row.received == NOW_AS_TIME
    assert row.profile_id.hex == ANNA
    assert (row.source, row.message_id, row.type, row.name) == ("shop", "m1", "track", "Product Viewed")
    assert (row.anonymous_id, row.user_id, row.value) == ("anna", "u-1", 0.0)
    assert (row.properties, row.traits) == ({"price": 1.5, "tags": ["a", "b"]}, {"city": "Zürich"})
    assert (row.context, row.entered, row.left) == ({"page": {"path": "/"}}, ["likes-outdoor"], ["new"])


def test_what_is_archived_leaves_redis_and_is_not_archived_again(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(*(accepted.event(anonymous_id=f"a{number}") for number in range(20)))
    assert archiver.drain() == 20
    assert accepted.length() == 0
    assert archiver.drain() == accepted.start_archiver().drain() == 0
    accepted.apply(accepted.event(anonymous_id="a1"))
    assert accepted.start_archiver().drain() == 1
    assert ArchivedEvent.objects.count() == 21


def test_more_than_one_batch_of_a_stream(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(*(accepted.event() for _ in range(1_101)))
    assert archiver.drain() == 1_101
    assert ArchivedEvent.objects.count() == 1_101


def test_a_death_between_commit_and_trimming_doubles_nothing(
    accepted: AcceptedLog, archiver: Archiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted.apply(accepted.event())

    def die(self: Streams, ends: Mapping[str, str]) -> None:
        if len(ends) == 1:  # not the tidying of a start, which names every stream
            raise redis.ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(Streams, "trim", die)
        with pytest.raises(redis.ConnectionError):
            archiver.drain()
    assert accepted.length() == 1
    assert accepted.start_archiver().drain() == 0
    assert (accepted.length(), ArchivedEvent.objects.count()) == (0, 1)


def test_a_message_applied_anew_by_a_redis_that_lost_a_second_is_archived_once(
    accepted: AcceptedLog, archiver: Archiver
) -> None:
    event = accepted.event(properties={"price": 1})
    accepted.apply(event, event)
    archiver.drain()
    accepted.apply(event, accepted.event())
    archiver.drain()
    assert ArchivedEvent.objects.count() == 2
    assert EventType.objects.get().volume == 2


def test_the_same_message_id_of_two_sources_is_two_messages(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(accepted.event(id="1", source="app"), accepted.event(id="1", source="shop"))
    archiver.drain()
    assert ArchivedEvent.objects.count() == 2


def test_an_archiver_that_was_overtaken_writes_nothing(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(accepted.event())
    archiver.drain()
    other = accepted.start_archiver()
    accepted.apply(accepted.event())
    other.drain()
    accepted.apply(accepted.event())
    with pytest.raises(Overtaken):
        archiver.drain()
    assert ArchivedEvent.objects.count() == 2


def test_every_month_has_a_table(accepted: AcceptedLog, archiver: Archiver) -> None:
    moments = {
        "december": datetime(2026, 12, 31, 23, 59, 59, 999_000, UTC),
        "january": datetime(2027, 1, 1, tzinfo=UTC),
        "old": datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        "strange": datetime(1969, 7, 20, tzinfo=UTC),
    }
    for id, at in moments.items():
        accepted.apply(accepted.event(id=id, at=int(at.timestamp() * 1000)))
    archiver.drain()
    assert tables_of_events() == {
        "december": "profiles_archivedevent_2026_12",
        "january": "profiles_archivedevent_2027_01",
        "old": "profiles_archivedevent_2010_12",
        "strange": "profiles_archivedevent_rest",
    }


def test_a_month_made_late_takes_its_events_along(
    accepted: AcceptedLog, archiver: Archiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted.apply(accepted.event(id="early"))
    with monkeypatch.context() as patch:
        patch.setattr(Months, "make", lambda self, months: None)
        archiver.drain()
    assert tables_of_events() == {"early": "profiles_archivedevent_rest"}
    accepted.apply(accepted.event(id="late"))
    archiver.drain()
    assert set(tables_of_events().values()) == {"profiles_archivedevent_2027_01"}


HOSTILE: dict[str, dict[str, Any]] = {
    "nul": {"id": "a\0b", "name": "N\0", "user_id": "\0", "properties": {"k\0": ["\0", {"x": "\\u0000"}]}},
    "infinite": {"properties": {"value": math.inf, "x": math.nan, "y": -math.inf}},
    "huge": {"properties": {"n": 2**64 - 1, "x": 1e308, "text": "\U0010ffff" * 5_000}},
    "far": {"at": 2**62, "received": -(2**62)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_are_archived(accepted: AcceptedLog, archiver: Archiver, name: str) -> None:
    accepted.apply(accepted.event(**HOSTILE[name]), accepted.event())
    archiver.drain()
    assert ArchivedEvent.objects.count() == 2
    assert not DeadLetter.objects.exists()


def test_a_nul_becomes_a_mark(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(accepted.event(**HOSTILE["nul"]))
    archiver.drain()
    row = ArchivedEvent.objects.get()
    assert (row.message_id, row.name, row.user_id) == ("a�b", "N�", "�")
    assert row.properties == {"k�": ["�", {"x": "\\u0000"}]}


def test_what_postgresql_cannot_take_is_set_aside_and_its_neighbours_are_archived(
    accepted: AcceptedLog, archiver: Archiver
) -> None:
    bad = Applied(profile="not an id", event=accepted.event())
    accepted.apply(*(accepted.event() for _ in range(7)))
    accepted.add(1, bad)
    accepted.apply(*(accepted.event() for _ in range(6)))
    archiver.drain()
    assert ArchivedEvent.objects.count() == 13
    letter = DeadLetter.objects.get()
    assert (letter.log, letter.partition, letter.tries) == (DeadLetter.Log.ACCEPTED, 1, 1)
    assert letter.reason == "cannot be archived: DataError"
    assert accepted.length() == 0


def test_what_cannot_be_decoded_is_set_aside(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.add(2, b"\xc1")
    accepted.client.xadd(keys.accepted(2), {"something": "else"})
    accepted.apply(accepted.event())
    archiver.drain()
    letters = DeadLetter.objects.order_by("id")
    assert [(letter.log, bytes(letter.raw), letter.reason) for letter in letters] == [
        ("accepted", b"\xc1", "cannot be decoded"),
        ("accepted", b"", "cannot be decoded"),
    ]
    assert ArchivedEvent.objects.count() == 1


def test_dead_letters_of_the_processor(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.add(3, Dead(partition=3, offset="7-0", raw=b"raw", reason="failed its consumer", tries=3, at=NOW))
    archiver.drain()
    letter = DeadLetter.objects.get()
    assert (letter.log, letter.partition, letter.offset, letter.tries) == (DeadLetter.Log.EVENTS, 3, "7-0", 3)
    assert (bytes(letter.raw), letter.reason, letter.at) == (b"raw", "failed its consumer", NOW_AS_TIME)


def test_the_durable_copy_of_a_profile_follows(accepted: AcceptedLog, archiver: Archiver) -> None:
    first = accepted.event(type="identify", name="Identified", user_id="u-1", traits={"city": "Z\0rich"})
    profile = fold(Profile(id=ANNA, user_id="u-1", segments={"new": NOW}), first, Memory())
    for event in (first, accepted.event(at=NOW + 5)):
        if event is not first:
            profile = fold(profile, event, Memory())
        accepted.client.set(keys.profile(ANNA), pack_profile(profile))
        accepted.apply(event)
        archiver.drain()
        stored = StoredProfile.objects.get()
        assert (stored.id.hex, stored.user_id) == (ANNA, "u-1")
        assert (stored.traits, stored.segments) == ({"city": "Z�rich"}, {"new": NOW})
        assert bytes(stored.state) == pack_profile(profile)
    assert (stored.last_seen - stored.first_seen).total_seconds() == 0.005


def test_links_are_stored_as_the_map_has_them_now(accepted: AcceptedLog, archiver: Archiver) -> None:
    old, new = derive_profile_id("a:old"), derive_profile_id("a:new")
    accepted.client.set(keys.identifier("a:1"), new)
    accepted.client.set(keys.identifier("a:2"), old)
    # Two partitions, read in the other order than they were written.
    accepted.add(0, Linked(identifier="a:1", profile=new, at=NOW + 1))
    accepted.add(1, Linked(identifier="a:1", profile=old, at=NOW), Linked(identifier="a:2", profile=old, at=NOW))
    archiver.drain()
    assert {each.key: each.profile_id.hex for each in Identifier.objects.all()} == {"a:1": new, "a:2": old}


def test_what_the_map_does_not_hold_any_more_is_not_stored(accepted: AcceptedLog, archiver: Archiver) -> None:
    """A merge is undone: whichever of the two streams is read first."""
    name = keys.identifier(f"p:{ANNA}")
    linked = Linked(identifier=f"p:{ANNA}", profile=derive_profile_id("u:u-1"), at=NOW)
    unlinked = Unlinked(identifier=f"p:{ANNA}", at=NOW + 1)
    accepted.client.set(name, linked.profile)
    accepted.add(1, linked)
    archiver.drain()
    assert Identifier.objects.get().key == f"p:{ANNA}"
    accepted.client.delete(name)
    accepted.client.set(keys.profile(ANNA), pack_profile(fold(Profile(id=ANNA), accepted.event(), Memory())))
    accepted.add(0, unlinked, Filled(profiles=(ANNA,)))
    archiver.drain()
    assert not Identifier.objects.exists()
    accepted.add(1, linked)
    archiver.drain()
    assert not Identifier.objects.exists()
    assert StoredProfile.objects.get().id.hex == ANNA


def test_a_profile_that_was_taken_over_has_no_copy(accepted: AcceptedLog, archiver: Archiver) -> None:
    winner = derive_profile_id("u:u-1")
    state = pack_profile(fold(Profile(id=ANNA), accepted.event(), Memory()))
    accepted.client.set(keys.profile(ANNA), state)
    accepted.apply(accepted.event())
    archiver.drain()
    assert StoredProfile.objects.get().id.hex == ANNA

    accepted.client.delete(keys.profile(ANNA))
    accepted.client.set(keys.identifier(f"p:{ANNA}"), winner)
    accepted.client.set(keys.profile(winner), pack_profile(Profile(id=winner, user_id="u-1")))
    accepted.add(0, Linked(identifier=f"p:{ANNA}", profile=winner, at=NOW))
    merged = Merged(loser=ANNA, winner=winner, state=state, because="m9", at=NOW)
    accepted.add(1, merged, merged)
    archiver.drain()
    assert StoredProfile.objects.get().id.hex == winner
    accepted.add(1, merged)
    archiver.drain()
    record = MergeRecord.objects.get()
    assert (record.loser_id.hex, record.winner_id.hex, bytes(record.state)) == (ANNA, winner, state)
    assert record.because == "m9"


def test_offsets_are_named_after_their_streams(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.add(2, Linked(identifier="a:1", profile=ANNA, at=NOW))
    archiver.drain()
    assert [row.stream for row in ArchiveOffset.objects.all()] == [keys.accepted(2)]


class Busy(Streams):
    """Something happens between the look at the log and the look at the profiles, once."""

    def __init__(self, client: Client, happens: Callable[[], object]) -> None:
        super().__init__(client)
        self._happens: Callable[[], object] | None = happens

    def read(self, after: Mapping[str, str], limit: int) -> Any:
        found = super().read(after, limit)
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()
        return found


def test_a_copy_knows_of_nothing_that_the_archive_does_not(accepted: AcceptedLog, archiver: Archiver) -> None:
    """Somebody does something while the batch before is read; what others do comes with the next one."""

    def go_on() -> None:
        accepted.apply(accepted.event(id="second"))
        accepted.client.set(keys.profile(ANNA), pack_profile(Profile(id=ANNA, user_id="after the second")))

    accepted.apply(accepted.event(id="first"))
    archiver._streams = Busy(accepted.client, go_on)
    archiver.step()
    assert StoredProfile.objects.get().user_id == "after the second"
    assert list(ArchivedEvent.objects.order_by("id").values_list("message_id", flat=True)) == ["first", "second"]
    archiver._streams = Busy(accepted.client, lambda: accepted.apply(accepted.event(id="ben", anonymous_id="ben")))
    accepted.apply(accepted.event(id="third"))
    assert archiver.step() == 1
    assert not ArchivedEvent.objects.filter(message_id="ben").exists()


def test_a_redis_that_is_emptied_meanwhile_takes_nothing_along(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.client.set(keys.identifier("a:1"), ANNA)
    linked = Linked(identifier="a:1", profile=ANNA, at=NOW)
    accepted.add(0, linked)
    archiver.drain()
    accepted.add(0, linked)
    archiver._streams = Busy(accepted.client, accepted.client.flushdb)
    with pytest.raises(StoreUnavailable):
        archiver.step()
    assert Identifier.objects.get().profile_id.hex == ANNA


def test_a_copy_stays_until_that_of_whoever_took_it_over_is_stored(accepted: AcceptedLog, archiver: Archiver) -> None:
    winner = derive_profile_id("u:u-1")
    state = pack_profile(fold(Profile(id=ANNA), accepted.event(), Memory()))
    accepted.client.set(keys.profile(ANNA), state)
    accepted.apply(accepted.event())
    archiver.drain()
    accepted.client.delete(keys.profile(ANNA))
    accepted.client.set(keys.identifier(f"p:{ANNA}"), winner)
    accepted.add(0, Linked(identifier=f"p:{ANNA}", profile=winner, at=NOW))
    archiver.drain()
    assert StoredProfile.objects.get().id.hex == ANNA
    accepted.client.set(keys.profile(winner), state)
    accepted.add(1, Merged(loser=ANNA, winner=winner, state=state, because="m9", at=NOW))
    archiver.drain()
    assert StoredProfile.objects.get().id.hex == winner
