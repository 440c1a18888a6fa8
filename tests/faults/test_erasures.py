"""An erasure reaches every store: people who left unguessable markers at every door are erased, and then everything that
a product keeps is searched for them. Beside them others who stay are found wherever they were, so the search can find."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from profiles import keys
from profiles.event import user_key
from tests.faults.markers import Markers
from tests.faults.marketers import Marketer
from tests.faults.people import EVENT, FEW, LIST, SOME, Person, Site
from tests.faults.searching import Found, search_append_only, search_files, search_redis, search_tables
from tests.faults.sizes import sized, tell
from tests.product import Product, open_folder, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

PEOPLE, STAYING = sized(100, 500), 50
PREPARE = f"""
from ingestion.actions import create_secret_key
from ingestion.models import Source
from ingestion.scopes import Scope
from segments.models import Segment
Segment.objects.create(slug="{LIST}", name="List", kind="list")
print(create_secret_key(Source.objects.get(slug="demo-shop"), scopes=list(Scope))[1])
"""


class World(NamedTuple):
    product: Product
    inside: Inside
    markers: Markers
    site: Site
    marketer: Marketer
    leaving: list[Person]
    staying: list[Person]
    temporary: Path

    @property
    def everybody(self) -> list[Person]:
        return [*self.leaving, *self.staying]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with open_folder() as folder:
        temporary = folder / "temporary"
        temporary.mkdir(mode=0o777)
        temporary.chmod(0o777)
        limits = {"PZ_VISITOR_CALLS": "0", "PZ_KEY_CALLS": "0", "TMPDIR": str(temporary)}
        with Product(folder / "data", **limits) as product:
            inside, markers, marketer = Inside(product), Markers(), Marketer(product)
            site = Site(product, inside.write_key, product.manage("shell", "-v", "0", "-c", PREPARE).stdout.strip())
            everybody = [Person(number, markers) for number in range(PEOPLE + STAYING)]
            yield World(
                product, inside, markers, site, marketer, everybody[:PEOPLE], everybody[PEOPLE:], temporary
            )
            marketer.close()
            site.close()


def search(world: World) -> Found:
    found = search_tables(world.product, world.markers)
    found |= search_redis(world.product, world.markers)
    return found | search_files(world.product, world.markers, world.temporary)


def test_probe(world: World) -> None:
    t = time.monotonic()

    def lap(what: str) -> None:
        nonlocal t
        now = time.monotonic()
        tell(f"{what}: {now - t:.1f} s")
        t = now

    rule = world.inside.ask("SELECT slug FROM rules_rule ORDER BY slug LIMIT 1")[0][0]
    for person in world.everybody:
        world.site.decide(person, "context before any event")
    lap("decide")
    world.site.send([message for person in world.everybody for message in person.list_messages()])
    world.site.send([message for person in world.everybody for message in person.list_refused()])
    wait_until(world.inside.is_idle, PATIENCE_S)
    find_ids(world)
    lap("events")
    for person in world.everybody:
        world.site.decide(person, "context")
    lap("decide")
    some = [person for person in world.everybody if person.is_one_of(SOME)]
    for person in some:
        world.site.visit_back_end(person)
    lap("back end")
    wait_until(world.inside.is_idle, PATIENCE_S)
    few = [person for person in world.everybody if person.is_one_of(FEW)]
    poison(world, few)
    lap("poison")
    file = world.temporary.parent / "people.csv"
    lines = [f"{person.user}" for person in world.everybody] + [f"{person.user};x" for person in few]
    file.write_text("user_id\n" + "\n".join(lines) + "\n")
    said = world.product.manage("upload_list", LIST, str(file))
    assert said.returncode == 0, said.stderr
    lap("upload")
    world.marketer.fail_to_sign_in(few[0])
    world.marketer.sign_in()
    for person in few:
        world.marketer.look_at(person)
    world.marketer.look_as(few[0], rule)
    lap("marketer")
    report("before", search(world))
    lap("search")
    receipts = [world.marketer.erase(world.leaving[0])]
    receipts += [world.site.erase(person) for person in world.leaving[1:-1]]
    said = world.product.manage("erase_person", f"u:{world.leaving[-1].user}")
    assert "erased" in said.stdout, said
    lap("ask")
    wait_until(lambda: not world.inside.ask("SELECT 1 FROM profiles_erasure WHERE done IS NULL LIMIT 1"), 60)
    lap("erased")
    found = search(world)
    report("after", {place: {mark for mark in marks if mark.person < PEOPLE} for place, marks in found.items()})
    report("staying", {place: {mark for mark in marks if mark.person >= PEOPLE} for place, marks in found.items()})
    lap("search")


def find_ids(world: World) -> None:
    """Which of the two devices the other becomes part of is decided by who comes first."""
    names = [keys.identifier(user_key(person.user)) for person in world.everybody]
    for person, id in zip(world.everybody, world.inside.redis.mget(names), strict=True):
        person.id = id.decode()


def report(when: str, found: Found) -> None:
    from collections import Counter
    for place, marks in sorted(found.items()):
        if marks:
            print(when, place, dict(Counter(mark.kind for mark in marks)), flush=True)


def poison(world: World, people: list[Person]) -> None:
    """Nobody can load them for a while: what is sent of them then is set aside."""
    names = [keys.profile(person.id) for person in people]
    whole = world.inside.redis.mget(names)
    world.inside.redis.mset(dict.fromkeys(names, b"\xc1damaged"))
    world.site.send([
        {"type": "track", "event": EVENT, "anonymousId": person.device, "messageId": f"{person.said['messageId']}-dead",
         "properties": {"note": person.plant("dead letter")}}
        for person in people
    ])
    wait_until(lambda: len(world.inside.ask("SELECT 1 FROM ingestion_deadletter")) == len(people), PATIENCE_S)
    world.inside.redis.mset(dict(zip(names, whole, strict=True)))
