"""A person is erased: nothing of before is left, whatever was under way, and whoever comes back is somebody new."""

import random
from typing import Any

import pytest
from msgspec.structs import replace

from ingestion.accepted import Erased
from ingestion.live import unpack as unpack_change
from profiles.event import Enrol, Erase, Event, Record, derive_profile_id, pack, partition_of, unpack
from profiles.identity import apart_key
from profiles.profile import Profile
from segments.membership import compile_segments
from tests.processing import lives
from tests.processing.harness import Harness
from tests.processing.parting import find_merges, undo

RECEIPT = "0f" * 16
DEVICES = ("phone", "laptop", "tablet", "watch")
PHONE, LAPTOP = derive_profile_id("a:phone"), derive_profile_id("a:laptop")


def identify(harness: Harness, device: str, user: str) -> Event:
    return harness.event("Identified", type="identify", anonymous_id=device, user_id=user)


def before(harness: Harness, device: str) -> Event:
    return harness.event("Before", anonymous_id=device)


def after(harness: Harness, device: str, **fields: Any) -> Event:
    return harness.event("After", anonymous_id=device, **fields)


def append(harness: Harness, profile_id: str, record: Record) -> None:
    harness.log.append({partition_of(profile_id, harness.partitions): [pack(record)]})


def erase(harness: Harness, identifier: str, *keys: str) -> None:
    """As it is asked for: where the identifier leads at this moment. Then the clock moves on."""
    profile = harness.store.links.get(identifier) or derive_profile_id(identifier)
    append(harness, profile, Erase(profile=profile, erasure=RECEIPT, at=harness.now, keys=keys))
    harness.now += 1


def erased(harness: Harness) -> list[Erased]:
    return [record for record in harness.accepted() if isinstance(record, Erased)]


def done(profile: Profile, name: str) -> int:
    history = profile.events.get(name)
    return history.count if history else 0


def test_nothing_is_left_of_a_person_with_several_devices() -> None:
    harness = Harness(lives.SEGMENTS, partitions=8)
    for device in DEVICES:
        harness.send(before(harness, device))
    harness.run()
    for device in DEVICES:
        harness.send(identify(harness, device, "anna"))
        harness.run()
    assert len(find_merges(harness)) == 3
    erase(harness, "u:anna")
    harness.run()
    assert harness.people() == {}
    assert harness.links() == {}
    assert not any(harness.store.timers.values())
    (record,) = erased(harness)
    assert {record.profile, *record.others} == {derive_profile_id(key) for key in record.keys}
    assert set(record.keys) == {"u:anna", *(f"a:{device}" for device in DEVICES)}


def test_whoever_watches_is_told() -> None:
    harness = Harness(lives.SEGMENTS)
    harness.definitions = replace_names(harness)
    harness.send(identify(harness, "phone", "anna"))
    harness.run()
    erase(harness, "u:anna")
    harness.run()
    id, change = harness.store.changes[-1]
    assert (id, unpack_change(change).parted, unpack_change(change).left) == (PHONE, True, ("quiet",))


def replace_names(harness: Harness) -> Any:
    segments = compile_segments(lives.SEGMENTS, names={slug: slug for slug in lives.SEGMENTS})
    return type(harness.definitions)(harness.definitions.memory, segments)


def test_whoever_comes_back_is_somebody_new() -> None:
    harness = Harness()
    harness.send(before(harness, "phone"), identify(harness, "phone", "anna"))
    harness.run()
    erase(harness, "u:anna")
    harness.send(after(harness, "phone", user_id="anna"))
    harness.run()
    (anna,) = harness.people().values()
    assert (anna.user_id, list(anna.events), anna.first_seen) == ("anna", ["After"], harness.now)
    assert harness.links() == {"u:anna": PHONE}


def test_what_waits_before_the_request_is_gone_with_it() -> None:
    harness = Harness()
    harness.send(identify(harness, "phone", "anna"))
    harness.run()
    harness.send(before(harness, "phone"))
    erase(harness, "u:anna")
    harness.send(before(harness, "phone"))
    harness.run()
    assert harness.profile("a:phone").events.keys() == {"Before"}
    assert done(harness.profile("a:phone"), "Before") == 1


def test_what_was_received_before_and_comes_from_elsewhere_after_is_dropped() -> None:
    harness = Harness()
    harness.send(before(harness, "phone"), identify(harness, "phone", "anna"))
    harness.run()
    late = [before(harness, "phone"), harness.event("Before", user_id="anna"), before(harness, "phone")]
    late[2] = replace(late[2], user_id="anna")
    erase(harness, "u:anna")
    harness.run()
    for event in late:
        append(harness, PHONE, event)
    harness.run()
    assert harness.people() == {}
    assert harness.outcome("erased") == 3


def test_somebody_else_on_the_same_device_stays() -> None:
    harness = Harness()
    harness.send(identify(harness, "phone", "anna"), identify(harness, "desk", "ben"))
    harness.run()
    harness.send(identify(harness, "phone", "ben"), identify(harness, "desk", "anna"), before(harness, "desk"))
    harness.run()
    ben = harness.profile("u:ben")
    waiting = replace(before(harness, "phone"), user_id="ben")
    erase(harness, "u:anna")
    harness.run()
    assert harness.profile("u:ben") == ben
    assert harness.links() == {"u:ben": ben.id}
    append(harness, ben.id, waiting)
    harness.run()
    assert done(harness.profile("u:ben"), "Before") == 2


def test_a_profile_that_was_taken_over_is_erased_with_the_person_it_is_part_of() -> None:
    harness = Harness(partitions=8)
    harness.send(before(harness, "laptop"), identify(harness, "phone", "anna"))
    harness.run()
    harness.send(identify(harness, "laptop", "anna"))
    harness.run()
    append(harness, LAPTOP, Erase(profile=LAPTOP, erasure=RECEIPT, at=harness.now))
    harness.run()
    assert (harness.people(), harness.links()) == ({}, {})


def test_one_who_was_let_go_is_not_erased_with_the_other() -> None:
    harness = Harness(partitions=8)
    harness.send(before(harness, "laptop"), identify(harness, "phone", "anna"))
    harness.run()
    harness.send(identify(harness, "laptop", "anna"))
    harness.run()
    undo(harness, find_merges(harness)[0])
    assert apart_key(LAPTOP) in harness.links()
    erase(harness, "u:anna", *harness.links())
    harness.run()
    assert harness.people().keys() == {LAPTOP}
    assert harness.links() == {}


def test_a_state_that_is_on_its_way_home_is_not_taken_in() -> None:
    """The laptop was let go of a moment ago, and is erased before its state is back."""
    harness = Harness(partitions=8)
    harness.send(before(harness, "laptop"), identify(harness, "phone", "anna"))
    harness.run()
    harness.send(identify(harness, "laptop", "anna"))
    harness.run()
    held: list[Record] = []

    def hold(record: Record) -> bool:
        held.append(record)
        return True

    harness.loses = hold
    undo(harness, find_merges(harness)[0])
    harness.loses = lambda record: False
    (restore,) = held
    erase(harness, "a:laptop")
    append(harness, LAPTOP, restore)
    harness.run()
    assert harness.people().keys() == {PHONE}
    assert LAPTOP not in {*harness.links().values(), *(key[2:] for key in harness.links() if key.startswith("p:"))}


def test_a_list_that_is_being_filled_does_not_bring_anybody_back() -> None:
    harness = Harness()
    harness.definitions = type(harness.definitions)(
        harness.definitions.memory, compile_segments({}, enrolled={"list@1": ["u:anna"]})
    )
    harness.send(identify(harness, "phone", "anna"))
    harness.run()
    erase(harness, "u:anna")
    id = derive_profile_id("u:anna")
    for people in ((("u:anna", id),), (("", PHONE),)):
        append(harness, people[0][1], Enrol(build=1, key="list@1", people=people))
    harness.run()
    assert harness.people() == {}


def test_it_is_done_of_somebody_nobody_knows_too() -> None:
    harness = Harness()
    erase(harness, "u:nobody", "u:nobody")
    harness.run()
    (record,) = erased(harness)
    assert (record.profile, record.erasure) == (derive_profile_id("u:nobody"), RECEIPT)


def test_a_second_request_harms_nobody() -> None:
    harness = Harness()
    harness.send(identify(harness, "phone", "anna"))
    harness.run()
    erase(harness, "u:anna")
    erase(harness, "a:phone")
    harness.run()
    assert (harness.people(), len(erased(harness))) == ({}, 2)


@pytest.mark.parametrize("seed", range(100))
def test_nothing_comes_back_however_the_partitions_overtake_each_other(seed: int) -> None:
    """Every device was hers by an event that was received before; which of the partitions came how far is chance."""
    chance = random.Random(seed)
    harness = Harness(lives.SEGMENTS, partitions=8)
    alone = Harness(lives.SEGMENTS, partitions=8)  # Ben, without anybody else
    for world in (harness, alone):
        world.send(identify(world, "desk", "ben"))
        world.run()
    anna = [before(harness, device) for device in DEVICES for _ in range(chance.randint(0, 2))]
    chance.shuffle(anna)
    links = [identify(harness, device, "anna") for device in DEVICES]
    links.append(harness.event("Aliased", type="alias", user_id="anna", previous_id="car"))
    anna += [before(harness, "car"), *chance.sample(links, len(links))]
    if chance.random() < 0.3:
        chance.shuffle(anna)
    for event in anna:
        harness.send(event)
        for partition in chance.sample(range(8), chance.choice((0, 0, 1, 3))):
            harness.processor.drain([partition])
    while "u:anna" not in harness.links():
        harness.processor.drain([chance.randrange(8)])
    erase(harness, "u:anna")
    for _ in range(chance.randint(0, 12)):
        harness.processor.drain([chance.randrange(8)])
    if chance.random() < 0.5:
        harness.send(after(harness, chance.choice(DEVICES)))
    harness.run()
    harness.now += 1
    people = harness.people()
    assert not [id for id, profile in people.items() if profile.events.keys() - {"After"} and profile.user_id != "ben"]
    harness.now -= 2
    assert harness.profile("u:ben") == alone.profile("u:ben")
    left = {key: id for key, id in harness.links().items() if id not in people}
    assert left == {}
    harness.now += 2
    count = sum(done(profile, "After") for profile in people.values())
    harness.send(*(after(harness, device, user_id="anna") for device in DEVICES))
    harness.run()
    (back,) = [profile for profile in harness.people().values() if profile.user_id == "anna"]
    assert back.events.keys() == {"After"} and done(back, "After") == count + len(DEVICES)


def test_the_record_survives_packing() -> None:
    record = Erase(profile=PHONE, erasure=RECEIPT, at=1, keys=("u:anna",))
    assert unpack(pack(record)) == record
