"""Redis loses everything: people come back as they were, by themselves, and nobody is anybody's stranger meanwhile."""

import time
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from ingestion.archiving import moment
from ingestion.models import ArchiveOffset
from personalization.checkup_parts import Light
from personalization.checkup_stores import check_rebuild
from personalization.people import request_erasure
from personalization.rebuilding import Waits, keep_whole, notice_old_copy, rebuild
from profiles import keys
from profiles.actions import store_identifiers
from profiles.clients import Client
from profiles.event import derive_profile_id, partition_of
from profiles.models import Erasure, Rebuild, StoredProfile
from profiles.profile import Profile as Person
from profiles.profile import pack, unpack
from profiles.store import mark_of
from profiles.whole import read_mark
from rules.models import Book, Grant
from tests.faults.town import CODES, Town
from tests.processing.harness import HOUR

ANNA, BEN, CARL, DORA = (derive_profile_id(f"a:{who}") for who in ("laptop", "ben", "carl", "dora"))
PHONE = derive_profile_id("a:phone")
Cause, Phase = Rebuild.Cause, Rebuild.Phase


def rule_of(answer: Any, slot: str = "hero") -> str | None:
    found: str | None = answer.slots[slot].rule
    return found


def marks_of(client: Client) -> set[bytes]:
    return {mark for name in client.scan_iter(match="pz:seen:*") for mark in client.smembers(name)}


def test_everything_of_people_is_as_it_was(town: Town) -> None:
    town.dwell()
    before, marks = town.dump(), marks_of(town.client)
    outcomes = town.client.hgetall(keys.OUTCOMES)
    town.archiver.drain()
    town.lose()
    town.look()
    assert town.dump() == before
    assert {f"pz:p:{ANNA}", f"pz:id:p:{PHONE}", f"pz:t:{BEN}"} < before.keys()
    assert f"pz:p:{DORA}" not in before
    assert marks_of(town.client) == marks == {mark_of(each.source, each.id) for each in town.sent}
    assert town.client.hgetall(keys.OUTCOMES) == outcomes
    assert newest().cause == Cause.LOST and newest().profiles == 3

    town.send_again()
    town.work()
    now = town.people()
    assert {id: each.events["Product Viewed"].count for id, each in now.items()} == {ANNA: 3, BEN: 2, CARL: 3}
    assert rule_of(town.decide("a:ben", "hero")) == "usual"
    assert rule_of(town.decide("a:ben", "banner"), "banner") is None
    offer = town.decide("u:anna", "footer").slots["footer"].offer
    assert offer is not None and offer.code == CODES[0]


def test_caps_come_back_though_old_decisions_are_not_kept(town: Town) -> None:
    """Newer ones say what they found."""
    town.dwell()
    town.archive()
    before = town.dump()
    Book.objects.update(published=moment(0))
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM rules_decision WHERE profile_id = %s AND NOT facts -> 'counts' ? 's:teaser:campaign:'",
            [UUID(BEN)],
        )
        assert cursor.rowcount == 1
    town.lose()
    town.look()
    after = town.dump()
    teaser = b"s:teaser:campaign:"
    assert after[f"pz:t:{BEN}"][teaser] == before[f"pz:t:{BEN}"][teaser] == b"2"
    assert [before[name] for name in before if "total" in name] == [after[name] for name in before if "total" in name]


def test_segments_end_by_their_windows_afterwards(town: Town) -> None:
    town.dwell()
    town.lose()
    town.look()
    assert "lately" in town.people()[BEN].segments
    town.pass_time(town.now + HOUR)
    assert all("lately" not in each.segments for each in town.people().values())
    town.archive()
    assert all("lately" not in each.segments for each in StoredProfile.objects.all())
    assert {id: pack(each) for id, each in town.people().items()} == {
        each.id.hex: bytes(each.state) for each in StoredProfile.objects.all()
    }


def test_meanwhile_nobody_is_a_stranger_and_nothing_is_granted(town: Town) -> None:
    town.dwell()
    town.lose()
    town.add_codes("gift", *CODES)
    town.send(town.event(anonymous_id="ben"), town.event(anonymous_id="new"))
    assert town.run() == 0
    assert town.decide("a:ben", "hero").slots["hero"].reason == "timeout"
    assert town.decide("a:new", "footer").slots["footer"].reason == "timeout"
    assert town.dump() == {}
    town.look()
    town.work()
    assert town.people()[BEN].events["Product Viewed"].count == 3
    assert town.people()[derive_profile_id("a:new")].events["Product Viewed"].count == 1
    assert rule_of(town.decide("a:ben", "hero")) == "usual"


def test_what_was_chosen_before_the_loss_is_not_granted_after_it(town: Town) -> None:
    """Between the look and the commit of a decision."""
    town.dwell()
    read = town.deciders[0]._recorder.record

    async def lose_and_record(*asked: Any) -> Any:
        town.client.flushdb()
        town.client.rpush(keys.codes("gift"), *CODES)
        return await read(*asked)

    town.deciders[0]._recorder.record = lose_and_record  # type: ignore[method-assign,assignment]
    assert town.decide("a:carl", "footer").slots["footer"].reason == "timeout"
    town.archive()
    assert not Grant.objects.filter(profile_id=UUID(CARL)).exists()


@pytest.mark.parametrize("phase", [Phase.CLEARING, Phase.IDENTIFIERS, Phase.PROFILES, Phase.MARKS, Phase.DECISIONS])
def test_one_that_dies_half_way_is_begun_anew(town: Town, phase: str) -> None:
    town.dwell()
    before = town.dump()
    town.lose()

    def die(state: Rebuild) -> None:
        if state.phase == phase:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        rebuild(town.client, die, clock=lambda: town.now)
    assert not read_mark(town.client)
    assert town.run() == 0
    town.look()
    assert town.dump() == before
    assert (newest().finished is not None, Rebuild.objects.count()) == (True, 2)


def test_one_whose_redis_is_emptied_on_the_way_begins_anew(town: Town) -> None:
    town.dwell()
    before = town.dump()
    town.lose()

    def lose(state: Rebuild) -> None:
        if state.phase == Phase.MARKS:
            town.client.flushdb()

    with pytest.raises(Waits):
        rebuild(town.client, lose, clock=lambda: town.now)
    assert not read_mark(town.client)
    town.look()
    assert town.dump() == before


def test_one_that_dies_after_its_last_step_is_done(town: Town) -> None:
    town.dwell()
    town.lose()
    town.look()
    before = town.dump()
    Rebuild.objects.filter(pk=newest().pk).update(finished=None, phase=Phase.DECISIONS)
    town.look()
    assert newest().phase == Phase.DONE
    assert (town.dump(), Rebuild.objects.count()) == (before, 2)


def test_a_history_that_was_being_handed_over_arrives(town: Town) -> None:
    town.send(town.event(anonymous_id="phone"), town.event(anonymous_id="laptop", user_id="anna"))
    town.work()
    # The phone has retired, and what it had was in the log that was lost.
    store_identifiers({f"p:{PHONE}": (ANNA, moment(town.now)), "a:phone": (ANNA, moment(town.now))})
    town.lose()
    town.look()
    assert town.people().keys() == {ANNA}
    town.work()
    assert town.people()[ANNA].events["Product Viewed"].count == 2
    assert [each.id.hex for each in StoredProfile.objects.all()] == [ANNA]


def test_a_history_that_waits_in_the_log_arrives_once(town: Town) -> None:
    home = partition_of(ANNA, 4)
    device = next(name for name in ("w1", "w2", "w3", "w4") if partition_of(derive_profile_id(f"a:{name}"), 4) != home)
    town.send(town.event(anonymous_id=device), town.event(anonymous_id="laptop", user_id="anna"))
    town.work()
    town.send(town.event(type="identify", name="Identified", anonymous_id=device, user_id="anna"))
    town.processor.drain([home])
    town.processor.drain([partition_of(derive_profile_id(f"a:{device}"), 4)])
    assert derive_profile_id(f"a:{device}") not in town.people()
    rebuild(town.client, clock=lambda: town.now)
    town.take_up()
    town.archiver = town.make_archiver()
    town.work()
    assert town.people()[ANNA].events["Product Viewed"].count == 2
    assert [each.id.hex for each in StoredProfile.objects.all()] == [ANNA]


def test_an_erasure_that_was_asked_for_is_done(town: Town) -> None:
    town.send(town.event(anonymous_id="carl"))
    town.work()
    receipt = request_erasure(UUID(CARL), by="olga", at=moment(town.now))
    town.lose()
    town.look()
    town.work()
    town.work()
    assert Erasure.objects.get(pk=receipt.pk).done is not None
    assert not town.people() and not StoredProfile.objects.exists()


def test_streams_go_on_after_what_is_archived_of_them(town: Town) -> None:
    """Whatever the clock of the new Redis says: the archiver passes over what is before its offsets."""
    town.send(town.event(anonymous_id="carl"))
    town.work()
    later = f"{int(time.time() * 1000) + HOUR}-0"
    ArchiveOffset.objects.filter(stream__startswith="pz:accepted").update(offset=later)
    town.archiver = town.archiver.__class__(
        town.client, partitions=4, clock=lambda: town.now, keeper=town.archiver._keeper
    )
    town.lose()
    town.look()
    town.send(town.event(anonymous_id="carl"))
    town.work()
    assert count_stored() == {CARL: 2}


def count_stored() -> dict[str, int]:
    return {
        each.id.hex: unpack(bytes(each.state)).events["Product Viewed"].count for each in StoredProfile.objects.all()
    }


def test_a_redis_that_is_older_than_the_archive_waits_for_somebody(town: Town) -> None:
    town.dwell()
    before = town.dump()
    later = f"{int(time.time() * 1000) + 20_000}-0"
    ArchiveOffset.objects.filter(stream__startswith="pz:accepted").update(offset=later)
    town.client.set(keys.profile(BEN), pack(Person(id=BEN)))  # as he was on another day
    assert check_rebuild(town.client).light == Light.GOOD
    notice_old_copy(town.client, clock=lambda: town.now)
    assert (newest().cause, newest().phase) == (Cause.OLD, Phase.WAITING)
    town.look()
    assert not read_mark(town.client)
    part = check_rebuild(town.client)
    assert (part.light, part.says) == (Light.BAD, "Older than the archive")
    assert "manage.py rebuild" in part.todo
    assert rebuild(town.client, clock=lambda: town.now).finished is not None
    assert town.dump() == before
    assert check_rebuild(town.client).light == Light.GOOD


def test_a_whole_redis_is_rebuilt_with_what_the_archiver_has_not_taken_yet(town: Town) -> None:
    town.dwell()
    town.send(town.event(anonymous_id="carl"), town.event(anonymous_id="ben"))
    town.run()
    waiting = town.event(anonymous_id="new")
    town.send(waiting)
    before = town.dump()
    assert rebuild(town.client, clock=lambda: town.now).cause == Cause.ASKED
    assert town.dump() == before
    town.take_up()
    town.work()
    assert derive_profile_id("a:new") in town.people()


def test_by_hand(town: Town) -> None:
    town.dwell()
    before = town.dump()
    with pytest.raises(CommandError, match="Redis is whole"):
        call_command("rebuild")
    said = StringIO()
    town.lose()
    assert check_rebuild(town.client).says == "Not whole"
    call_command("rebuild", stdout=said)
    assert "Identifiers: 0 of 3" in said.getvalue() and "3 profiles in" in said.getvalue()
    assert {name for name in town.dump() if name.startswith("pz:p:")} == {
        name for name in before if name.startswith("pz:p:")
    }
    call_command("rebuild", "--anyway", stdout=said)
    assert newest().cause == Cause.ASKED


def test_a_new_installation_is_whole_at_once(redis_client: Client, db: None) -> None:
    redis_client.delete(keys.WHOLE)
    keep_whole(redis_client)
    assert (newest().cause, newest().mark) == (Cause.NEW, read_mark(redis_client))


def test_one_from_before_there_were_marks_is_whole(redis_client: Client, db: None) -> None:
    redis_client.delete(keys.WHOLE)
    store_identifiers({"u:1": (ANNA, timezone.now())})
    redis_client.set(keys.offset(0), "7-0")
    keep_whole(redis_client)
    assert newest().cause == Cause.ADOPTED
    assert not redis_client.exists(keys.identifier("u:1"))


def newest() -> Rebuild:
    return Rebuild.objects.latest("pk")
