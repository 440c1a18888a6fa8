"""One person of a hundred is corrupted, in every way: exactly these are found and mended, none else is touched."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from msgspec.structs import replace

from ingestion.log_redis import FIELD
from ingestion.models import ArchiveOffset, DeadLetter
from personalization.wiring import clock
from profiles import keys
from profiles.event import partition_of
from profiles.models import Drift, Reconciliation, StoredProfile
from profiles.profile import Profile, Trait, pack, unpack
from profiles.store import digest_of
from rules.models import PointsEntry
from tests.builds.conftest import PARTITIONS
from tests.faults.sizes import SEED, sized
from tests.reconcile.conftest import DAY_MS, Town, changed, read_evidence

PEOPLE = sized(2_600, 10_000)


def change(town: Town, id: str, edit: Callable[[Profile], Profile]) -> None:
    town.client.set(keys.profile(id), pack(edit(unpack(town.client.get(keys.profile(id))))))


def edit_history(**more: object) -> Callable[[Profile], Profile]:
    def edit(profile: Profile) -> Profile:
        history = profile.events["Product Viewed"]
        changes = {name: made(history) for name, made in more.items() if callable(made)}
        return replace(profile, events={**profile.events, "Product Viewed": replace(history, **changes)})

    return edit


def miscount(town: Town, id: str) -> None:
    change(town, id, edit_history(count=lambda history: history.count + 1))


def missum(town: Town, id: str) -> None:
    change(town, id, edit_history(total=lambda history: history.total - 1))


def lose_moments(town: Town, id: str) -> None:
    change(town, id, edit_history(recent=lambda history: history.recent[:-2]))
    change(town, id, lambda profile: replace(profile, segments=_without(profile, "lookers")))


def forget_event(town: Town, id: str) -> None:
    change(town, id, lambda profile: replace(profile, events={}))


def leave_segment(town: Town, id: str) -> None:
    change(town, id, lambda profile: replace(profile, segments=_without(profile, "lookers")))


def enter_segment(town: Town, id: str) -> None:
    def edit(profile: Profile) -> Profile:
        wrong = "buyers@1" if "buyers@1" not in profile.segments else "hesitant@1"
        return replace(profile, segments={**profile.segments, wrong: 1})

    change(town, id, edit)


def misremember_trait(town: Town, id: str) -> None:
    change(town, id, lambda profile: replace(profile, traits={**profile.traits, "plan": Trait("platinum", 7)}))


def forget_no(town: Town, id: str) -> None:
    """An operator's slip that would write to somebody who does not want to be written to."""
    change(town, id, lambda profile: replace(profile, consent={**profile.consent, "email": Trait(True, 7)}))


def lose_profile(town: Town, id: str) -> None:
    town.client.delete(keys.profile(id))
    town.client.zrem(keys.timers(partition_of(id, PARTITIONS)), id)


def break_profile(town: Town, id: str) -> None:
    town.client.set(keys.profile(id), b"\x00 nothing that was ever packed")


def lose_timer(town: Town, id: str) -> None:
    assert town.client.zrem(keys.timers(partition_of(id, PARTITIONS)), id) == 1


def put_timer_off(town: Town, id: str) -> None:
    """A month: a timer may be early by days, as it is of those who became one."""
    town.client.zincrby(keys.timers(partition_of(id, PARTITIONS)), 30 * DAY_MS, id)


def lose_grant(town: Town, id: str) -> None:
    assert town.client.hdel(keys.tally(id), "g:ten:") == 1


def swap_code(town: Town, id: str) -> None:
    town.client.hset(keys.tally(id), "g:ten:", "SOMEBODY-ELSES")


def invent_grant(town: Town, id: str) -> None:
    town.client.hset(keys.tally(id), "g:twenty:", "NEVER-GRANTED")


def leave_list(town: Town, id: str) -> None:
    change(town, id, lambda profile: replace(profile, segments=_without(profile, "vip")))


def enter_list(town: Town, id: str) -> None:
    change(town, id, lambda profile: replace(profile, segments={**profile.segments, "few@1": 1}))


def leave_list_for_long(town: Town, id: str) -> None:
    """The copy knows it no better, and the audience that asks for the list is answered by the copy."""
    leave_list(town, id)
    profile = unpack(town.client.get(keys.profile(id)))
    StoredProfile.objects.filter(pk=id).update(state=pack(profile), segments=dict(profile.segments))


def lose_copy(town: Town, id: str) -> None:
    StoredProfile.objects.filter(pk=id).delete()


def age_copy(town: Town, id: str) -> None:
    """As it was before the newest event."""
    profile = unpack(town.client.get(keys.profile(id)))
    StoredProfile.objects.filter(pk=id).update(state=pack(replace(profile, events={})))


def spoil_column(town: Town, id: str) -> None:
    StoredProfile.objects.filter(pk=id).update(segments={"few@1": 1})


def lose_points(town: Town, id: str) -> None:
    PointsEntry.objects.get(profile_id=id, offer="stars").delete()


def multiply_points(town: Town, id: str) -> None:
    PointsEntry.objects.filter(profile_id=id, offer="stars").update(points=5_000)


def invent_points(town: Town, id: str) -> None:
    PointsEntry.objects.create(profile_id=id, offer="moons", points=9, key=f"grant:moons:{id}:", at=datetime.now(UTC))


def garble_counter(town: Town, id: str) -> None:
    town.client.hset(keys.tally(id), "s:teaser:campaign:", "many")


WAYS: dict[Callable[[Town, str], None], str] = {
    miscount: "events",
    missum: "events",
    forget_event: "events",
    lose_moments: "segments",
    leave_segment: "segments",
    enter_segment: "segments",
    misremember_trait: "traits",
    forget_no: "consent",
    lose_profile: "profile",
    break_profile: "profile",
    lose_timer: "timer",
    put_timer_off: "timer",
    lose_grant: "grants",
    swap_code: "grants",
    invent_grant: "grants",
    leave_list: "segments",
    enter_list: "segments",
    leave_list_for_long: "segments",
    lose_copy: "copy",
    age_copy: "copy",
    spoil_column: "copy",
    lose_points: "points",
    multiply_points: "points",
    invent_points: "points",
    garble_counter: "counters",
}


def _without(profile: Profile, slug: str) -> dict[str, int]:
    assert f"{slug}@1" in profile.segments
    return {key: at for key, at in profile.segments.items() if key != f"{slug}@1"}


def corrupt(town: Town, chance: random.Random) -> dict[str, Callable[[Town, str], None]]:
    """One of a hundred, each in another way; who by id."""
    ids = dict.fromkeys(town.id(person) for person in town.people)
    granted = [id for id in ids if id in town.grants]
    chance.shuffle(granted)
    picked: dict[str, Callable[[Town, str], None]] = {}
    ways = list(WAYS)
    for number in range(len(town.people) // 100):
        picked[granted[number]] = ways[number % len(ways)]  # who has a code can lose it as well
    for id, spoil in picked.items():
        spoil(town, id)
    return picked


@pytest.mark.timeout(600)
def test_exactly_those_who_are_corrupted_are_found_and_mended(make_town: Callable[[int], Town]) -> None:
    town = make_town(PEOPLE)
    town.engine.run()
    before = town.photograph()
    spoiled = corrupt(town, random.Random(SEED))
    assert changed(before, town.photograph()) == spoiled.keys()

    began, worked = time.perf_counter(), time.process_time()
    run = town.reconcile()
    took, worked = time.perf_counter() - began, time.process_time() - worked
    print(f"{PEOPLE} people, {len(spoiled)} corrupted (seed {SEED}): {took:.1f} s, {worked:.1f} s of it this process")

    noted = read_evidence(run)
    assert noted.keys() == spoiled.keys()
    for id, way in spoiled.items():
        assert WAYS[way] in noted[id].aspects, (way, noted[id].aspects)
        assert noted[id].mended is not None, (way, noted[id].note)
    assert (run.differing, run.mended, run.unsettled) == (len(spoiled), len(spoiled), 0)
    assert run.people == len({town.id(person) for person in town.people})
    assert changed(before, town.photograph()) <= spoiled.keys()
    again = town.reconcile()
    assert (again.differing, again.alike) == (0, again.shards)


class Killed(BaseException):
    """As a process that is killed: nothing of it goes on."""


@pytest.mark.timeout(600)
def test_it_goes_on_where_it_was_killed_while_people_go_on_as_ever(make_town: Callable[[int], Town]) -> None:
    town, chance = make_town(sized(600, 3_000)), random.Random(SEED)
    busy = town.people[:60]
    spoiled = corrupt(town, chance)
    visits = Counter[str]()
    calls = 0
    # As soon as it waits; as soon as it has found something and has it mended; in the shard after that.
    deaths: list[Callable[[], bool]] = [
        lambda: True,
        Drift.objects.exists,
        Reconciliation.objects.filter(mended__gt=0).exists,
    ]

    def live() -> None:
        """Every so often somebody does something, and now and then somebody on a new device turns out to be known."""
        nonlocal calls
        calls += 1
        some = chance.sample(busy, 3)
        town.engine.log_events("Page Viewed", people=some, at=clock())
        visits.update(some)
        if calls % 10 == 0:
            town.engine.log_events("Signed In", people=[f"new-{calls}"], user_id=f"user-{50 * (calls // 10 % 3)}")
        if deaths and deaths[0]():
            deaths.pop(0)
            raise Killed

    for _ in range(len(deaths) + 1):
        with suppress(Killed):
            town.reconcile(live, shard=200)
    assert not deaths
    [run] = Reconciliation.objects.all()
    assert run.finished is not None
    assert read_evidence(run).keys() == spoiled.keys()
    assert (run.differing, run.mended) == (len(spoiled), len(spoiled))

    town.engine.run()
    counted = Counter[str]()  # by profile: some of them turned out to be one person
    for person, count in visits.items():
        counted[town.id(person)] += count
    for id, count in counted.items():
        assert unpack(town.client.get(keys.profile(id))).events["Page Viewed"].count == count
    again = town.reconcile()
    assert (again.differing, again.alike) == (0, again.shards)


def test_nothing_is_mended_where_so_many_differ_that_the_archive_may_be_wrong(make_town: Callable[[int], Town]) -> None:
    town = make_town(300)
    with connection.cursor() as cursor:  # as a database that was restored from an older copy
        cursor.execute("DELETE FROM profiles_archivedevent WHERE name = 'Product Viewed'")
    before = town.photograph()
    run = town.reconcile()
    assert (run.differing, run.mended, run.mends) == (run.people, 0, False)
    assert "archive may be what is wrong" in run.note
    assert changed(before, town.photograph()) == set()
    assert town.reconcile(anyway=True).mended == run.people


def test_what_the_archive_does_not_know_is_not_held_against_anybody(
    make_town: Callable[[int], Town], settings: Any
) -> None:
    town = make_town(200)
    town.engine.send("Product Viewed", people=["new"])
    since = datetime.now(UTC) - timedelta(days=5)
    with connection.cursor() as cursor:  # months that were taken out
        cursor.execute("DELETE FROM profiles_archivedevent WHERE at < %s", [since])
    settings.PZ_ARCHIVE_SINCE = since.date().isoformat()
    run = town.reconcile()
    old = len({town.id(person) for person in town.people})
    assert (run.people, run.unjudged, run.differing, run.alike) == (old + 1, old, 0, run.shards)

    before = town.photograph()
    doubtful, lost, said, new = (town.id(person) for person in (*town.people[6:9], "new"))
    change(town, doubtful, edit_history(count=lambda history: history.count + 1))  # which count is right nobody knows
    lose_profile(town, lost)  # it is not folded anew from the little there is
    misremember_trait(town, said)
    miscount(town, new)
    run = town.reconcile()
    noted = read_evidence(run)
    assert noted.keys() == {doubtful, lost, said, new}
    assert list(noted[doubtful].aspects) == ["copy"]
    assert "not go back far enough" in noted[doubtful].note
    assert (run.mended, run.differing) == (3, 4)
    after = town.photograph()
    assert changed(before, after) <= noted.keys()
    for name in (keys.profile(each).encode() for each in (lost, said, new)):
        assert unpack(after[name]) == unpack(before[name])
    assert before[f"copy:{doubtful}".encode()] == after[f"copy:{doubtful}".encode()]


def test_the_copy_follows_when_time_turns_what_does_not_answer_yet(make_town: Callable[[int], Town]) -> None:
    """A version that is being filled is nobody's segment, but it is part of the profile."""
    town = make_town(20)
    id = town.id(town.people[3])
    profile = unpack(town.client.get(keys.profile(id)))
    change(town, id, lambda known: replace(known, segments={**known.segments, "coming@7": 1}))
    StoredProfile.objects.filter(pk=id).update(segments={**profile.segments, "coming@7": 1})
    timers = keys.timers(partition_of(id, PARTITIONS))
    town.client.zadd(timers, {id: clock()})
    while town.client.zscore(timers, id) is not None and town.client.zscore(timers, id) <= clock():
        town.engine.processor.fire_timers(partition_of(id, PARTITIONS))
    town.engine.run()
    assert unpack(town.client.get(keys.profile(id))) == profile
    assert StoredProfile.objects.get(pk=id).segments == profile.segments


def test_nobody_is_missing_while_redis_is_being_filled(make_town: Callable[[int], Town]) -> None:
    town = make_town(20)
    mark = town.client.get(keys.WHOLE)
    town.client.delete(keys.WHOLE, keys.profile(gone := town.id(town.people[3])))
    waiting = town.reconcile()
    assert (waiting.finished, waiting.differing, "filled" in waiting.note) == (None, 0, True)
    town.client.set(keys.WHOLE, mark or 1)
    assert read_evidence(town.reconcile()).keys() == {gone}


def test_what_could_not_be_archived_and_who_was_erased_are_left_alone(make_town: Callable[[int], Town]) -> None:
    town = make_town(200)
    town.engine.log_events("Page Viewed", people=[town.people[3]])
    while town.engine.process():
        pass
    stream = keys.accepted(partition_of(id := town.id(town.people[3]), PARTITIONS))
    [(offset, fields)] = town.client.xrange(stream)
    DeadLetter.objects.create(
        log="accepted",
        partition=0,
        offset=offset.decode(),
        raw=fields[FIELD],
        reason="does not fit",
        tries=1,
        at=datetime.now(UTC),
    )
    town.client.xdel(stream, offset)
    ArchiveOffset.objects.filter(stream=stream).update(offset=offset.decode())
    town.engine.archiver._offsets = None  # as if it had set it aside itself
    gone = town.id(town.people[6])
    lose_profile(town, gone)
    town.client.set(keys.erased(digest_of(gone)), f"{clock()}:receipt")
    town.client.set(keys.ERASED, 1)
    before, run = town.photograph(), town.reconcile()
    assert run.finished is not None
    assert (run.differing, changed(before, town.photograph())) == (0, set())
    assert unpack(town.client.get(keys.profile(id))).events["Page Viewed"].count == 1
