"""Redis loses everything, at length: with a past of many people behind it, and under a running product's traffic."""

import random
import time
from typing import Any
from uuid import UUID

import pytest

from ingestion.archiving import describe, moment
from personalization.rebuilding import rebuild
from profiles import keys
from profiles.actions import store_identifiers, store_profiles
from profiles.event import derive_profile_id
from profiles.models import Identifier, Rebuild
from profiles.profile import Memory, fold, pack
from profiles.profile import Profile as Person
from profiles.whole import read_mark
from rules.models import Book, Grant
from tests.decisions.conftest import cap, rule
from tests.faults.past import live_on
from tests.faults.sizes import SEED, sized, tell
from tests.faults.town import Town
from tests.faults.traffic import NAME, Traffic
from tests.processing.harness import HOUR
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside, kill

CAMPAIGN = cap(10**9, "campaign", "everybody")


def test_how_long_it_takes(town: Town) -> None:
    count = sized(2_000, 50_000)
    chance = random.Random(SEED)
    for start in range(0, count, 1_000):
        rows, links = [], dict[str, Any]()
        for number in range(start, min(start + 1_000, count)):
            person = Person(id=derive_profile_id(f"u:{number}"), user_id=str(number), segments={"viewers": town.now})
            for _ in range(chance.randint(1, 12)):
                person = fold(
                    person, town.event(at=town.now - chance.randrange(HOUR), properties={"value": 1.5}), Memory()
                )
            rows.append(describe(person.id, pack(person)))
            links |= {f"u:{number}": (person.id, moment(town.now)), f"a:d{number}": (person.id, moment(town.now))}
        store_profiles(rows, at=moment(town.now))
        store_identifiers(links)
    assert Identifier.objects.count() == 2 * count
    often = sized(3, 20)
    town.publish(
        [rule("banner", caps=[cap(9, "day"), cap(90, "campaign"), cap(9, "week", "everybody"), CAMPAIGN])],
        offers={"gift": {"kind": "code"}, "stars": {"kind": "points", "points": 50}},
    )
    Book.objects.update(published=moment(0))  # so long ago that not all decisions are kept
    live_on(town.now, book=town.live.book.number, events=2 * often, decisions=often)
    town.look()
    town.lose()
    phases: dict[str, float] = {}

    def note(state: Rebuild) -> None:
        phases.setdefault(state.phase, round(time.monotonic() - began, 1))

    began = time.monotonic()
    rebuild(town.client, note, clock=lambda: town.now)
    took = time.monotonic() - began
    town.take_up()
    for id in map(UUID, (derive_profile_id(f"u:{number}") for number in range(0, count, count // 20))):
        tally = town.client.hgetall(keys.tally(id.hex))
        assert (int(tally[b"s:banner:campaign:"]), tally[b"g:stars:"]) == (often, b"")
        assert tally[b"g:gift:"].decode() == Grant.objects.get(profile_id=id, offer="gift").code
    assert int(town.client.get(keys.total("t:banner:campaign:"))) == often * count
    town.now += count  # everybody's turn has come
    town.run()
    while town.client.zcount(keys.timers(0), "-inf", town.now):
        town.run()
    tell(f"{2 * often * count:,} events and {often * count:,} decisions behind them; {phases}")
    tell(f"{count:,} profiles in {took:.1f} s, evaluated anew in {time.monotonic() - began - took:.1f} s more")
    assert Rebuild.objects.latest("pk").profiles == count
    assert took < 60


@pytest.mark.story
def test_a_running_product_loses_redis_under_traffic(own_product: Product) -> None:
    inside = Inside(own_product)
    quiet = Traffic(own_product.url, inside.write_key, seed=SEED, people=40, each=10)
    with quiet:
        pass
    wait_until(inside.is_idle, PATIENCE_S)
    before = {id: inside.redis.get(keys.profile(id)) for id in map(profile_of, quiet.names())}
    marks = inside.ask("SELECT max(mark) FROM profiles_rebuild")

    busy = Traffic(own_product.url, inside.write_key, seed=SEED + 1, people=100, each=sized(30, 300), pause=0.02)
    with busy:
        busy.wait_until_done(0.3)
        inside.redis.flushall()
        sent = set(busy.journal.sent)  # whatever is not among them was acknowledged after the loss
        kill(own_product, "run_archiver")
        wait_until(lambda: inside.redis.get(keys.WHOLE), PATIENCE_S)
    wait_until(inside.is_idle, PATIENCE_S)
    [(mark, cause, phase, _)] = inside.ask(
        "SELECT mark, cause, phase, error FROM profiles_rebuild ORDER BY id DESC LIMIT 1"
    )
    assert (cause, phase, [(mark,)] > marks) == ("lost", "done", True)
    assert read_mark(inside.redis) == mark

    for door in busy.journal, quiet.journal:
        assert not door.unanswered
    archived = dict(
        inside.ask("SELECT message_id, count(*) FROM profiles_archivedevent WHERE name = %s GROUP BY message_id", NAME)
    )
    assert set(archived.values()) == {1}
    assert busy.journal.acknowledged.keys() - sent <= archived.keys()
    assert quiet.journal.acknowledged.keys() <= archived.keys()
    ids = list(map(profile_of, [*quiet.names(), *busy.names()]))
    hot = {id: inside.redis.get(keys.profile(id)) for id in ids}
    assert {id: hot[id] for id in before} == before
    durable = inside.ask("SELECT id, state FROM profiles_storedprofile WHERE id = ANY(%s)", list(map(UUID, ids)))
    assert {id.hex: state for id, state in durable} == {id: state for id, state in hot.items() if state}
    again = Traffic(own_product.url, inside.write_key, seed=SEED, people=40, each=10)
    again.story = quiet.story  # the same messages
    with again:
        pass
    assert again.journal.acknowledged.keys() == quiet.journal.acknowledged.keys()
    wait_until(inside.is_idle, PATIENCE_S)
    assert {id: inside.redis.get(keys.profile(id)) for id in before} == before


def profile_of(person: str) -> str:
    return derive_profile_id(f"a:{person}")
