"""Parting two profiles step by step: what is under way meanwhile, what breaks in between, what comes afterwards."""

import pytest
from msgspec.structs import replace

from ingestion.accepted import Filled, Merged, Unmerged
from ingestion.live import Change
from ingestion.live import unpack as unpack_change
from profiles import identity
from profiles.event import Event, Restore, Retire, Split, derive_profile_id, pack, partition_of, unpack
from profiles.identity import apart_key
from profiles.profile import fingerprint
from tests.processing.harness import Harness
from tests.processing.parting import ask_to_part, find_merges, undo
from tests.processing.test_identity import identify

LAPTOP, PHONE = derive_profile_id("a:laptop"), derive_profile_id("a:phone")


@pytest.fixture(params=[1, 5, 8])  # in one partition, and in two
def harness(request: pytest.FixtureRequest) -> Harness:
    return merge_phone(Harness(partitions=request.param))


def merge_phone(harness: Harness) -> Harness:
    """Anna's laptop, and a phone that was taken for hers: two views of its own before, one since."""
    harness.send(identify(harness, "laptop", "anna"), viewed(harness, "phone"), viewed(harness, "phone"))
    harness.run()
    harness.send(identify(harness, "phone", "anna"))
    harness.run()
    harness.send(viewed(harness, "phone"), viewed(harness, "laptop"))
    harness.run()
    assert harness.profile("u:anna").events["Product Viewed"].count == 4
    return harness


def viewed(harness: Harness, device: str | None, user: str | None = None) -> Event:
    return harness.event(anonymous_id=device, user_id=user)


def views(harness: Harness, identifier: str) -> int:
    return harness.profile(identifier).events["Product Viewed"].count


def find_merge(harness: Harness) -> Merged:
    (merge,) = find_merges(harness)
    return merge


def test_both_are_there_again(harness: Harness) -> None:
    parted = undo(harness, find_merge(harness))
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (3, 1)
    assert (parted.events, parted.keys) == (1, ("a:phone",))
    assert harness.links() == {"u:anna": LAPTOP, apart_key(PHONE): LAPTOP}
    assert harness.profile("a:phone").user_id is None
    (unmerged,) = [record for record in harness.accepted() if isinstance(record, Unmerged)]
    assert (unmerged.loser, unmerged.winner, unmerged.by) == (PHONE, LAPTOP, "test")
    assert Filled(profiles=(PHONE,)) in harness.accepted()


def test_a_second_wish_does_nothing_more(harness: Harness) -> None:
    merge = find_merge(harness)
    ask_to_part(harness, merge)
    undo(harness, merge)
    people, links = harness.people(), harness.links()
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (3, 1)
    (split,) = {raw for raw in logged(harness, LAPTOP) if isinstance(unpack(raw), Split)}
    as_it_is = replace(unpack(split), expected=fingerprint(people[LAPTOP]))
    harness.log.append({partition_of(LAPTOP, harness.partitions): [split, pack(as_it_is)]})
    harness.run()
    assert (harness.people(), harness.links()) == (people, links)


def logged(harness: Harness, profile_id: str) -> list[bytes]:
    return [record for _, record in harness.log.read(partition_of(profile_id, harness.partitions), "0-0", 1_000)]


def test_a_state_that_has_changed_meanwhile_is_not_overwritten(harness: Harness) -> None:
    harness.send(viewed(harness, "laptop"))
    ask_to_part(harness, find_merge(harness))
    harness.run()
    assert harness.profile("a:phone") == harness.profile("u:anna")
    assert views(harness, "u:anna") == 5
    undo(harness, find_merge(harness))
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (3, 2)


def test_events_on_their_way_are_neither_lost_nor_counted_twice(harness: Harness) -> None:
    """Behind the wish in the winner's log they were sent there by what the map said before."""
    ask_to_part(harness, find_merge(harness))
    harness.send(viewed(harness, "phone"), viewed(harness, "laptop"), viewed(harness, "phone", "anna"))
    harness.run()
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (4, 3)
    assert harness.outcome("accepted") == 9


def test_events_that_wait_for_the_loser_are_not_overwritten(harness: Harness) -> None:
    """In the loser's own log, ahead of its state: a door that had an old map sent them."""
    ask_to_part(harness, find_merge(harness))
    event = viewed(harness, "phone")
    harness.log.append({partition_of(PHONE, harness.partitions): [pack(event)]})
    harness.processor.drain([partition_of(LAPTOP, harness.partitions)])
    harness.run()
    assert views(harness, "a:phone") == 4


def test_one_that_was_taken_over_before_its_state_came_back_is_handed_on() -> None:
    """`ben` signed in on the phone while its state was on the way to it: what there was of the phone is his."""
    harness = Harness(partitions=5)
    harness.send(viewed(harness, "phone"), identify(harness, "desk", "ben"))
    harness.run()
    state = harness.store.profiles.pop(PHONE)
    harness.send(identify(harness, "phone", "ben"))
    harness.run()
    restore = Restore(profile=PHONE, state=state, because="m", at=harness.now)
    harness.log.append({partition_of(PHONE, harness.partitions): [pack(restore)]})
    harness.run()
    assert harness.profile("a:phone") == harness.profile("u:ben")
    assert views(harness, "u:ben") == 1
    assert PHONE not in harness.people()
    undo(harness, find_merge(harness))
    assert views(harness, "a:phone") == 1
    assert "Product Viewed" not in harness.profile("u:ben").events


@pytest.mark.parametrize("dies_after", range(1, 8))
def test_a_processor_that_dies_in_between_is_followed_by_one_that_goes_on(harness: Harness, dies_after: int) -> None:
    """It takes one record in each life, the wish and what follows from it among them."""
    ask_to_part(harness, find_merge(harness))
    harness.send(viewed(harness, "phone"), viewed(harness, "laptop"), viewed(harness, "phone", "anna"))
    for _ in range(dies_after):
        for partition in range(harness.partitions):
            offset = harness.store.offset(partition)
            records = harness.log.read(partition, offset, 1)
            if records:
                harness.start_processor().process(partition, offset, records)
    harness.processor = harness.start_processor()
    harness.run()
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (4, 3)


@pytest.mark.parametrize("partitions", [1, 5])
def test_what_follows_a_device_to_the_winner_finds_the_loser_there(partitions: int) -> None:
    """Sent when the phone was asked to retire, taken when it had: it is the phone's when the merge is undone."""
    harness = Harness(partitions=partitions)
    harness.send(identify(harness, "laptop", "anna"), viewed(harness, "phone"))
    harness.run()
    harness.send(identify(harness, "phone", "anna"))
    home = partition_of(LAPTOP, partitions)
    offset = harness.store.offset(home)
    harness.processor.process(home, offset, harness.log.read(home, offset, 1))
    harness.send(viewed(harness, "phone"))
    harness.run()
    assert views(harness, "u:anna") == 2
    undo(harness, find_merge(harness))
    assert views(harness, "a:phone") == 2
    assert "Product Viewed" not in harness.profile("u:anna").events


def test_a_device_goes_where_its_own_profile_goes() -> None:
    """While `old` was part of `new`, he was seen on the desk of `ben`, who joined `new` himself afterwards."""
    harness = Harness()
    harness.send(*(identify(harness, device, user) for device, user in (("laptop", "new"), ("phone", "old"))))
    harness.send(identify(harness, "desk", "ben"))
    harness.run()
    harness.send(harness.event("Aliased", type="alias", user_id="new", previous_id="old"))
    harness.run()
    harness.send(viewed(harness, "desk", "old"))
    harness.run()
    harness.send(harness.event("Aliased", type="alias", user_id="new", previous_id="ben"))
    harness.run()
    first, _ = find_merges(harness)
    undo(harness, first)
    assert harness.profile("a:desk") == harness.profile("u:ben") == harness.profile("u:new")
    assert views(harness, "u:old") == 1


def test_they_are_not_merged_again_by_whoever_uses_both(harness: Harness) -> None:
    undo(harness, find_merge(harness))
    harness.send(viewed(harness, "phone", "anna"), identify(harness, "phone", "anna"), viewed(harness, "phone"))
    harness.run()
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (4, 2)
    assert find_merges(harness) == []


def test_they_are_not_merged_again_when_the_identifier_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MAX_IDENTIFIERS", 2)
    harness = merge_phone(Harness())
    undo(harness, find_merge(harness))
    assert "a:phone" not in harness.profile("u:anna").identifiers
    harness.send(viewed(harness, "phone", "anna"))
    harness.run()
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (3, 2)
    assert harness.outcome("kept_apart") > 0


def test_an_alias_call_joins_them_again_and_that_can_be_undone_too(harness: Harness) -> None:
    undo(harness, find_merge(harness))
    harness.send(harness.event("Aliased", type="alias", user_id="anna", previous_id="phone"))
    harness.run()
    assert harness.profile("a:phone") == harness.profile("u:anna")
    assert views(harness, "u:anna") == 4
    assert apart_key(PHONE) not in harness.links()
    harness.send(viewed(harness, "phone"))
    harness.run()
    undo(harness, find_merge(harness))
    assert (views(harness, "a:phone"), views(harness, "u:anna")) == (4, 1)


def test_the_device_may_become_somebody_elses(harness: Harness) -> None:
    undo(harness, find_merge(harness))
    harness.send(identify(harness, "phone", "ben"), viewed(harness, "phone"))
    harness.run()
    assert harness.profile("u:ben") == harness.profile("a:phone")
    assert views(harness, "u:ben") == 4


def test_watchers_are_told_to_look_anew(harness: Harness) -> None:
    undo(harness, find_merge(harness))
    told = [unpack_change(raw) for id, raw in harness.store.changes if id == LAPTOP]
    assert Change(parted=True) in told


def test_a_winner_that_was_taken_over_lets_nobody_go(harness: Harness) -> None:
    merge = find_merge(harness)
    ask_to_part(harness, merge)
    split = logged(harness, LAPTOP)[-1]
    harness.run()
    harness = harness_of_a_chain(harness.partitions)
    people = harness.people()
    harness.log.append({partition_of(LAPTOP, harness.partitions): [split]})
    harness.run()
    assert harness.people() == people


def harness_of_a_chain(partitions: int) -> Harness:
    harness = Harness(partitions=partitions)
    harness.send(identify(harness, "laptop", "anna"), viewed(harness, "phone"), identify(harness, "desk", "ben"))
    harness.run()
    harness.send(identify(harness, "phone", "anna"))
    harness.run()
    harness.send(harness.event("Aliased", type="alias", user_id="ben", previous_id="anna"))
    harness.run()
    assert harness.profile("a:phone") == harness.profile("u:ben")
    return harness


def test_a_merge_under_way_goes_to_whose_user_brought_it() -> None:
    """Old was part of new when they signed in on the tablet, and is parted before the tablet's state has arrived."""
    harness = Harness(partitions=5)
    harness.send(identify(harness, "laptop", "new"), identify(harness, "phone", "old"), viewed(harness, "tablet"))
    harness.run()
    harness.send(harness.event("Aliased", type="alias", user_id="new", previous_id="old"))
    harness.run()
    harness.loses = lambda record: isinstance(record, Retire)
    event = identify(harness, "tablet", "old")
    harness.send(event)
    harness.run()
    harness.loses = lambda record: False
    (merge,) = find_merges(harness)
    undo(harness, merge)
    request = Retire(
        loser=derive_profile_id("a:tablet"),
        winner=merge.winner,
        identifier="a:tablet",
        user_id="old",
        because=event.id,
        at=event.received,
    )
    harness.log.append({partition_of(request.loser, harness.partitions): [pack(request)]})
    harness.run()
    assert harness.profile("a:tablet") == harness.profile("u:old")
    assert views(harness, "u:old") == 1


def test_a_device_of_two_users_stays_with_its_own_when_the_other_one_is_joined() -> None:
    """`ben` was seen on Anna's tablet, which is derived and so not in the map: it does not go where he goes."""
    harness = Harness()
    harness.send(identify(harness, "tablet", "anna"))
    harness.run()
    harness.send(identify(harness, "tablet", "ben"), identify(harness, "desk", "carl"))
    harness.run()
    harness.send(harness.event("Aliased", type="alias", user_id="carl", previous_id="ben"))
    harness.run()
    assert harness.profile("a:tablet").user_id == "anna"
