"""Who is who: linking devices to users, merging across partitions, and never merging two known users."""

import itertools
import random

import pytest

from ingestion.accepted import Merged
from profiles.event import Event, derive_profile_id
from tests.processing.harness import Harness


def identify(harness: Harness, device: str, user: str, **traits: object) -> Event:
    return harness.event("Identified", type="identify", anonymous_id=device, user_id=user, traits=traits)


def test_a_visitor_who_signs_up_keeps_profile_and_history() -> None:
    harness = Harness()
    harness.send(harness.event())
    harness.run()
    harness.send(identify(harness, "anna", "u1", plan="gold"))
    harness.run()
    profile = harness.profile("u:u1")
    assert profile.id == derive_profile_id("a:anna")
    assert profile.user_id == "u1"
    assert profile.traits["plan"].value == "gold"
    assert profile.events["Product Viewed"].count == 1


@pytest.mark.parametrize("device", [f"phone-{n}" for n in range(8)])  # the devices fall into different partitions
def test_a_second_device_of_a_known_user_is_merged(device: str) -> None:
    harness = Harness()
    harness.send(identify(harness, "laptop", "u1"))
    harness.run()
    harness.send(harness.event(anonymous_id=device), harness.event(anonymous_id=device))
    harness.run()
    harness.send(identify(harness, device, "u1"))
    harness.run()
    profile = harness.profile("u:u1")
    assert profile.events["Product Viewed"].count == 2
    assert set(profile.identifiers) == {"a:laptop", "u:u1", f"a:{device}"}
    assert harness.profile(f"a:{device}") == profile
    assert derive_profile_id(f"a:{device}") not in harness.store.profiles
    merges = [record for record in harness.accepted() if isinstance(record, Merged)]
    assert [(merge.loser, merge.winner) for merge in merges] == [(derive_profile_id(f"a:{device}"), profile.id)]
    harness.send(harness.event(anonymous_id=device))  # and from now on it is the user's
    harness.run()
    assert harness.profile("u:u1").events["Product Viewed"].count == 3


def test_events_under_way_during_a_merge_reach_the_winner() -> None:
    harness = Harness()
    harness.send(identify(harness, "laptop", "u1"))
    harness.run()
    under_way = [harness.event(anonymous_id="phone") for _ in range(5)]
    harness.send(*under_way[:2], identify(harness, "phone", "u1"), *under_way[2:])
    harness.run()
    assert harness.profile("u:u1").events["Product Viewed"].count == 5


@pytest.mark.parametrize("partitions", [1, 2, 3, 5, 8])
def test_two_alias_calls_of_one_user_at_once_join_all_three(partitions: int) -> None:
    """The second finds that whom it means has become part of the first one's."""
    harness = Harness(partitions=partitions)
    harness.send(*(identify(harness, device, user) for device, user in (("a", "u0"), ("b", "u1"), ("c", "u2"))))
    harness.run()
    harness.send(*(harness.event("Aliased", type="alias", user_id=user, previous_id="u0") for user in ("u1", "u2")))
    harness.run()
    assert harness.profile("u:u0") == harness.profile("u:u1") == harness.profile("u:u2")
    assert harness.profile("u:u0").events["Identified"].count == 3


def test_two_known_users_of_one_device_stay_two() -> None:
    harness = Harness()
    harness.send(identify(harness, "tablet", "u1"), harness.event(anonymous_id="tablet"))
    harness.run()
    harness.send(identify(harness, "tablet", "u2"), harness.event(anonymous_id="tablet", user_id="u2"))
    harness.run()
    first, second = harness.profile("u:u1"), harness.profile("u:u2")
    assert first.id != second.id
    assert (first.user_id, second.user_id) == ("u1", "u2")
    assert first.events["Product Viewed"].count == 1
    assert second.events["Product Viewed"].count == 1
    assert harness.outcome("shared_device") > 0


def test_two_known_users_who_meet_on_a_new_device_stay_two() -> None:
    harness = Harness()
    harness.send(identify(harness, "laptop", "u1"), identify(harness, "phone", "u2"))
    harness.run()
    harness.send(identify(harness, "phone", "u1"))
    harness.run()
    assert harness.profile("u:u1").id != harness.profile("u:u2").id
    assert harness.profile("a:phone").user_id == "u2"


def test_an_alias_call_merges_on_purpose() -> None:
    harness = Harness()
    harness.send(identify(harness, "laptop", "old"), harness.event(anonymous_id="laptop"))
    harness.send(identify(harness, "phone", "new"), harness.event(anonymous_id="phone"))
    harness.run()
    harness.send(harness.event("Aliased", type="alias", user_id="new", previous_id="old"))
    harness.run()
    assert harness.profile("u:old") == harness.profile("u:new")
    assert harness.profile("u:new").events["Product Viewed"].count == 2
    assert harness.profile("a:laptop").user_id == "new"


def test_an_alias_to_a_new_user_takes_over_the_anonymous_profile() -> None:
    harness = Harness()
    harness.send(harness.event(anonymous_id="temporary"))
    harness.run()
    harness.send(harness.event("Aliased", type="alias", user_id="new", previous_id="temporary"))
    harness.run()
    assert harness.profile("u:new").events["Product Viewed"].count == 1


@pytest.mark.parametrize("seed", range(25))
def test_a_chain_of_aliases_at_once_ends_in_one_person(seed: int) -> None:
    """Merges that overtake each other: `b` becomes `c` while `a` is on its way to `b`."""
    harness = Harness(partitions=5)
    users = [f"{name}-{seed}" for name in "abcd"]
    for user in users:
        harness.send(identify(harness, f"device-of-{user}", user))
    harness.run()
    pairs = itertools.pairwise(users)
    harness.send(*(harness.event("Aliased", type="alias", user_id=new, previous_id=old) for old, new in pairs))
    harness.run()
    harness.send(*(harness.event(anonymous_id=f"device-of-{user}") for user in users))
    harness.run()
    assert len(harness.store.profiles) == 1
    assert harness.profile(f"u:{users[-1]}").events["Product Viewed"].count == 4
    assert {harness.profile(f"u:{user}").id for user in users} == set(harness.store.profiles)


def test_two_users_aliased_to_each_other_end_in_one_person() -> None:
    harness = Harness()
    harness.send(identify(harness, "laptop", "a"), identify(harness, "phone", "b"))
    harness.run()
    harness.send(
        harness.event("Aliased", type="alias", user_id="a", previous_id="b"),
        harness.event("Aliased", type="alias", user_id="b", previous_id="a"),
    )
    harness.run()
    assert len(harness.store.profiles) == 1
    assert harness.profile("u:a") == harness.profile("u:b")


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_order_nothing_is_lost_and_nothing_counted_twice(seed: int) -> None:
    """Devices and users meet in random order, in batches cut at random, with messages delivered again."""
    chance = random.Random(seed)
    harness = Harness(partitions=chance.choice([1, 2, 5]))
    owner = {f"d{number}": f"u{number % 3}" for number in range(7)}
    events = [harness.event(anonymous_id=chance.choice(list(owner))) for _ in range(60)]
    events += [identify(harness, device, user) for device, user in owner.items()]
    events += chance.sample(events, 20)
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 20)
        harness.send(*events[:size])
        events = events[size:]
        if chance.random() < 0.7:
            harness.run()
    harness.run()
    assert harness.outcome("accepted") == 67
    assert harness.outcome("duplicate") == 20
    profiles = [harness.profile(f"u:{user}") for user in set(owner.values())]
    assert harness.store.profiles.keys() == {profile.id for profile in profiles}
    assert sum(profile.events["Product Viewed"].count for profile in profiles) == 60
    for device, user in owner.items():
        assert harness.profile(f"a:{device}") == harness.profile(f"u:{user}")
