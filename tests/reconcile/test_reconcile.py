"""One person of a hundred is corrupted, in every way: exactly these are found and mended, none else is touched."""

import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from profiles import keys
from profiles.event import partition_of
from profiles.models import Drift
from profiles.profile import Profile, Trait, pack, unpack
from tests.builds.conftest import PARTITIONS
from tests.faults.sizes import SEED, sized
from tests.reconcile.conftest import Town, changed

PEOPLE = sized(2_000, 10_000)


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


def lose_profile(town: Town, id: str) -> None:
    town.client.delete(keys.profile(id))
    town.client.zrem(keys.timers(partition_of(id, PARTITIONS)), id)


def break_profile(town: Town, id: str) -> None:
    town.client.set(keys.profile(id), b"\x00 nothing that was ever packed")


def lose_timer(town: Town, id: str) -> None:
    assert town.client.zrem(keys.timers(partition_of(id, PARTITIONS)), id) == 1


def put_timer_off(town: Town, id: str) -> None:
    town.client.zincrby(keys.timers(partition_of(id, PARTITIONS)), 3_600_000, id)


def lose_grant(town: Town, id: str) -> None:
    assert town.client.hdel(keys.tally(id), "g:ten:") == 1


def swap_code(town: Town, id: str) -> None:
    town.client.hset(keys.tally(id), "g:ten:", "SOMEBODY-ELSES")


def invent_grant(town: Town, id: str) -> None:
    town.client.hset(keys.tally(id), "g:twenty:", "NEVER-GRANTED")


WAYS = {
    miscount: "events",
    missum: "events",
    forget_event: "events",
    lose_moments: "segments",
    leave_segment: "segments",
    enter_segment: "segments",
    misremember_trait: "traits",
    lose_profile: "profile",
    break_profile: "profile",
    lose_timer: "timer",
    put_timer_off: "timer",
    lose_grant: "grants",
    swap_code: "grants",
    invent_grant: "grants",
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

    run = town.reconcile()

    noted = {drift.profile_id.hex: drift for drift in Drift.objects.filter(run=run)}
    assert noted.keys() == spoiled.keys()
    for id, way in spoiled.items():
        assert WAYS[way] in noted[id].aspects, (way, noted[id].aspects)
        assert noted[id].mended is not None, (way, noted[id].note)
    assert (run.differing, run.mended, run.unsettled) == (len(spoiled), len(spoiled), 0)
    assert run.people == len({town.id(person) for person in town.people})
    assert changed(before, town.photograph()) <= spoiled.keys()
    again = town.reconcile()
    assert (again.differing, again.alike) == (0, again.shards)
