"""What breaks its consumer is set aside and keeps nobody waiting; mended and replayed it counts once; nothing is
unaccounted for."""

import random
import time
from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from ingestion.actions import replay_dead_letters
from ingestion.models import DeadLetter
from ingestion.steps import Definitions
from ingestion.streams import Streams
from profiles import keys
from profiles.event import anonymous_key, derive_profile_id, pack, partition_of
from profiles.models import ArchivedEvent, StoredProfile
from profiles.profile import unpack
from segments.membership import compile_segments
from tests.archive.living import LivingHarness
from tests.faults.doors import Batch
from tests.faults.journal import Journal, Message
from tests.faults.sizes import LONG, SEED, sized
from tests.faults.sources import hot_outcomes, make_source
from tests.faults.traffic import NAME, make_message
from tests.faults.truth import check_delivery
from tests.processing.harness import BROKEN, MEMORY, POISON
from tests.processing.lives import SEGMENTS
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside

EVENTS, POISONED, PEOPLE = sized(1_500, 20_000), sized(30, 300), 60
TRIES = 3
WHOLE = Definitions(MEMORY, compile_segments(SEGMENTS))
LONGEST_DELAY_S = 5.0 if LONG else 60.0  # of a neighbour; a busy machine is slow without any poison


@pytest.mark.django_db
def test_poison_is_tried_three_times_and_replayed_once_however_often(redis_client: Any) -> None:
    """In real stores: its neighbours are as if it had not been there, and after the fix it is as if it never had been
    poison."""
    harness, chance = LivingHarness(redis_client, Definitions(BROKEN, WHOLE.segments)), random.Random(SEED)
    names = [POISON] * POISONED + ["Product Viewed"] * (EVENTS - POISONED)
    chance.shuffle(names)
    events = [harness.event(name, anonymous_id=f"p{chance.randrange(PEOPLE)}") for name in names]
    wanted = Counter((event.anonymous_id, event.name) for event in events)
    harness.send(*events)
    _settle(harness)
    letters = DeadLetter.objects.order_by("pk")
    assert {bytes(letter.raw) for letter in letters} == {pack(event) for event in events if event.name == POISON}
    assert {(letter.tries, letter.reason) for letter in letters} == {(TRIES, "failed its consumer")}
    assert _known(harness) == Counter({who: count for who, count in wanted.items() if who[1] != POISON})
    assert ArchivedEvent.objects.count() == EVENTS - POISONED

    harness.definitions = WHOLE
    for _ in range(2):  # the second time as if whoever replayed them had died before the letters were marked
        assert _replay(harness) == POISONED
        _settle(harness)
        assert _known(harness) == wanted
        assert ArchivedEvent.objects.count() == EVENTS
        stored = {bytes(each.state) for each in StoredProfile.objects.all()}
        assert {unpack(state).id: unpack(state) for state in stored} == harness.people()
        assert _replay(harness) == 0
        letters.update(replayed=None)
    assert _outcomes(redis_client) == {"accepted": EVENTS, "dead": POISONED, "duplicate": POISONED}
    assert letters.count() == POISONED


def _settle(harness: LivingHarness) -> None:
    def is_done() -> bool:
        ends = [redis_end(harness, number) for number in range(harness.partitions)]
        return all(end in (None, harness.store.offset(number)) for number, end in enumerate(ends))

    while not is_done():
        harness.run()
    harness.archive()


def redis_end(harness: LivingHarness, partition: int) -> str | None:
    newest = harness.client.xrevrange(keys.log(partition), count=1)
    return newest[0][0].decode() if newest else None


def _known(harness: LivingHarness) -> Counter[tuple[str, str]]:
    """How often each person did what, by their profiles."""
    found: Counter[tuple[str, str]] = Counter()
    for profile in harness.people().values():
        [device] = profile.identifiers
        found |= Counter({(device[2:], name): history.count for name, history in profile.events.items()})
    return found


def _replay(harness: LivingHarness) -> int:
    return replay_dead_letters(
        DeadLetter.objects.filter(replayed=None),
        log=harness.log,
        streams=Streams(harness.client),
        partitions=harness.partitions,
        at=timezone.now(),
    )


def _outcomes(client: Any) -> dict[str, int]:
    return {name.decode().split("|")[2]: int(count) for name, count in client.hgetall(keys.OUTCOMES).items()}


@pytest.mark.story
def test_people_nobody_can_load_keep_nobody_waiting(running_product: Product) -> None:
    """Damaged profiles are poison to a running processor, in every partition at once."""
    inside, journal = Inside(running_product), Journal()
    slug = f"poison-{SEED}"
    door = Batch(running_product.url, make_source(running_product, slug), journal)
    partitions = 8
    people = [f"{slug}:{number}" for number in range(sized(200, 2_000))]
    homes = {person: partition_of(derive_profile_id(anonymous_key(person)), partitions) for person in people}
    ill = list({home: person for person, home in homes.items()}.values())
    well = [person for person in people if person not in ill]
    _send(door, [make_message(person, 0) for person in people])
    wait_until(inside.is_idle, PATIENCE_S)

    names = [keys.profile(derive_profile_id(anonymous_key(person))) for person in ill]
    whole: Any = inside.redis.mget(names)
    inside.redis.mset(dict.fromkeys(names, b"\xc1damaged"))
    rounds, longest = sized(4, 20), 0.0
    for number in range(1, rounds + 1):
        _send(door, [make_message(person, number) for person in people])
        sent = time.monotonic()
        wait_until(lambda: _all_have(inside, well, number + 1), PATIENCE_S)  # noqa: B023  # waits in this round
        longest = max(longest, time.monotonic() - sent)
    print(f"neighbours of poison waited {longest:.2f} s at most")
    assert longest < LONGEST_DELAY_S
    wait_until(lambda: hot_outcomes(inside, slug)["dead"] == rounds * len(ill), PATIENCE_S)
    wait_until(inside.is_idle, PATIENCE_S)
    letters = inside.ask("SELECT id, tries, raw FROM ingestion_deadletter WHERE replayed IS NULL AND tries = 3")
    mine = [id for id, _, raw in letters if slug.encode() in bytes(raw)]
    assert len(mine) == rounds * len(ill)

    inside.redis.mset(dict(zip(names, whole, strict=True)))
    for _ in range(2):
        answer = running_product.manage("replay_dead_letters", "--id", *map(str, mine))
        assert f"{len(mine)} replayed" in answer.stdout, answer.stderr
        wait_until(inside.is_idle, PATIENCE_S)
        check_delivery(inside, journal, people, ordered=False)
        with_letters = "UPDATE ingestion_deadletter SET replayed = NULL WHERE id = ANY(%s) RETURNING id"
        assert len(inside.ask(with_letters, mine)) == len(mine)
    inside.ask("DELETE FROM ingestion_deadletter WHERE id = ANY(%s) RETURNING id", mine)
    door.close()


def _send(door: Batch, messages: list[Message]) -> None:
    """Again, when a busy product asks to."""
    for start in range(0, len(messages), door.most):
        wait_until(partial(door.send, messages[start : start + door.most]))


def _all_have(inside: Inside, people: list[str], events: int) -> bool:
    states: Any = inside.redis.mget([keys.profile(derive_profile_id(anonymous_key(person))) for person in people])
    return all(state and unpack(state).events[NAME].count == events for state in states)
