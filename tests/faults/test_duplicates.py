"""However often a message is delivered, by however many doors at once, its effect is applied once."""

import random
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.doors import Batch, Door, Single, Socket
from tests.faults.journal import Journal, Message
from tests.faults.sizes import SEED, sized
from tests.faults.sources import hot_outcomes, make_source, stored_outcomes
from tests.faults.traffic import make_message
from tests.faults.truth import check_delivery
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

IDS, DELIVERIES = sized(6_000, 30_000), sized(20_000, 100_000)
MOST = 5  # times that one message is delivered
PEOPLE = sized(200, 1_000)
CONNECTIONS = 6
RACES, CLIENTS = sized(60, 1_000), 20
TRIES = 50


def test_thousands_of_messages_come_up_to_five_times_by_all_doors(running_product: Product) -> None:
    inside, journal, chance = Inside(running_product), Journal(), random.Random(SEED)
    slug = f"twice-{SEED}"
    key = make_source(running_product, slug)
    people = [f"{slug}:{number}" for number in range(PEOPLE)]
    messages = [make_message(people[number % PEOPLE], number) for number in range(IDS)]
    times = _draw_times(chance)
    deliveries = [message for message, count in zip(messages, times, strict=True) for _ in range(count)]
    chance.shuffle(deliveries)
    with ThreadPoolExecutor(CONNECTIONS) as connections:
        running = [
            connections.submit(_deliver, deliveries[number::CONNECTIONS], running_product.url, key, journal, number)
            for number in range(CONNECTIONS)
        ]
        delivered = sum(each.result() for each in running)
    _check(inside, journal, people, slug, delivered)
    assert delivered >= DELIVERIES


def test_twenty_clients_race_with_the_same_message(running_product: Product) -> None:
    inside, journal = Inside(running_product), Journal()
    slug = f"race-{SEED}"
    key = make_source(running_product, slug)
    people = [f"{slug}:{number}" for number in range(RACES)]
    start = threading.Barrier(CLIENTS)

    def race(client: int) -> int:
        door = (Batch, Socket, Single)[client % 3](running_product.url, key, journal)
        for number, person in enumerate(people):
            start.wait(PATIENCE_S)
            _insist(door, [make_message(person, number)])
        door.close()
        return len(people)

    with ThreadPoolExecutor(CLIENTS) as clients:
        delivered = sum(clients.map(race, range(CLIENTS)))
    _check(inside, journal, people, slug, delivered)


def _draw_times(chance: random.Random) -> list[int]:
    """How often each message is delivered: 1 to MOST times, DELIVERIES in all."""
    times = [1] * IDS
    left = DELIVERIES - IDS
    while left:
        number = chance.randrange(IDS)
        if times[number] < MOST:
            times[number] += 1
            left -= 1
    return times


def _deliver(deliveries: Sequence[Message], url: str, key: str, journal: Journal, connection: int) -> int:
    """In calls of different sizes over different doors; returns how many were acknowledged."""
    chance = random.Random(f"{SEED} {connection}")
    doors = [make(url, key, journal) for make in (Batch, Socket, Single)]
    sizes = (50, 50, 5)  # a call of the last one is a message
    start = 0
    while start < len(deliveries):
        which = chance.randrange(len(doors))
        call = deliveries[start : start + chance.randint(1, sizes[which])]
        _insist(doors[which], call)
        start += len(call)
    for door in doors:
        door.close()
    return start


def _insist(door: Door, call: Sequence[Message]) -> None:
    assert any(door.send(call) for _ in range(TRIES)), "never acknowledged"


def _check(inside: Inside, journal: Journal, people: Sequence[str], slug: str, delivered: int) -> None:
    wait_until(inside.is_idle, PATIENCE_S)
    check_delivery(inside, journal, people, ordered=False)
    wanted = Counter(accepted=len(journal.sent), duplicate=delivered - len(journal.sent))
    found = hot_outcomes(inside, slug)
    del found["forwarded"]  # not an end
    if journal.answers.keys() <= {"200", "ack"}:  # else some came that nobody knows of
        assert found == wanted
    assert found["accepted"] == wanted["accepted"]
    wait_until(lambda: stored_outcomes(inside, slug)["accepted"] == wanted["accepted"], PATIENCE_S)
