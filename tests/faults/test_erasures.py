"""An erasure reaches every store: people who left unguessable markers at every door are erased, and then everything
that a product keeps is searched for them. Others stay, and are found wherever they were: so the search can find."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings

from profiles import keys
from profiles.event import user_key
from tests.faults.markers import Markers
from tests.faults.marketers import Marketer
from tests.faults.people import FEW, LIST, SOME, Person, Site
from tests.faults.searching import Found, search_append_only, search_files, search_redis, search_tables
from tests.faults.sizes import sized, tell
from tests.faults.sources import hot_outcomes
from tests.product import Product, open_folder, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

LEAVING, STAYING = sized(100, 500), 50
ERASED_S = 300  # a busy machine takes its time

# What no door keeps, of anybody.
NOWHERE = {"search", "search before signing in", "Idempotency-Key"}
# Of it only the newest is kept.
FLEETING = {"page looked at"}
# What is kept of whom is no more than passing: what waits to be archived, and what pages keep for moments.
PASSING = ("pz:log", "pz:accepted", "pz:cache", "pz:glimpses", "pg_stat")

PREPARE = """
from django.core.management import call_command
from ingestion.actions import create_secret_key
from ingestion.models import Source
from ingestion.scopes import Scope
from segments.models import Segment
Segment.objects.create(slug="{list}", name="List", kind="list")
call_command("upload_list", "{list}", "{file}", verbosity=0)
print(create_secret_key(Source.objects.get(slug="demo-shop"), scopes=list(Scope))[1])
"""
FINISH = """
import json
from uuid import UUID
from django.core.management import call_command
from personalization.tasks import sweep_erasures
from profiles.erasures import digest_profile, list_receipts_of
call_command("erase_person", "u:{user}", wait={patience})
sweep_erasures()
call_command("replay_dead_letters", "--all")
assert all(list_receipts_of(name) for name in {names})
print(json.dumps([digest_profile(UUID(id)) for id in {ids}]))
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

    def pick(self, every: int) -> list[Person]:
        return [person for person in self.everybody if person.is_one_of(every)]

    def search(self) -> Found:
        found = search_tables(self.product, self.markers) | search_redis(self.product, self.markers)
        return found | search_files(self.product, self.markers, self.temporary)

    def find_left(self, found: Found) -> dict[str, set[str]]:
        """What there is of those who were erased, and of nobody knows whom."""
        left = {place: {mark.kind for mark in marks if mark.person < LEAVING} for place, marks in found.items()}
        return {place: kinds for place, kinds in left.items() if kinds}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with open_folder() as folder:
        temporary = folder / "temporary"
        temporary.mkdir()
        temporary.chmod(0o777)
        with Product(folder / "data", PZ_VISITOR_CALLS="0", PZ_KEY_CALLS="0", TMPDIR=str(temporary)) as product:
            inside, markers, marketer = Inside(product), Markers(), Marketer(product)
            everybody = [Person(number, markers) for number in range(LEAVING + STAYING)]
            file = folder / "people.csv"
            write_list(file, everybody)
            made = product.manage("shell", "-v", "0", "-c", PREPARE.format(list=LIST, file=file))
            assert made.returncode == 0, made.stderr
            site = Site(product, inside.write_key, made.stdout.split()[-1])
            leaving, staying = everybody[:LEAVING], everybody[LEAVING:]
            yield World(product, inside, markers, site, marketer, leaving, staying, temporary)
            marketer.close()
            site.close()


def test_an_erasure_reaches_every_store_and_nobody_comes_back(world: World) -> None:
    messages = come_in(world)
    logged = read_logs(world)
    work_in_the_studio(world)
    before = world.search()
    check_that_the_search_finds(world, before)

    began = time.monotonic()
    receipts = erase_all_but_the_last(world)
    digests = finish(world, world.leaving[-1])
    tell(f"{LEAVING} people were erased in {time.monotonic() - began:.1f} s")
    after = world.search()
    assert world.find_left(after) == {}
    check_who_stays(world, before, after)
    check_receipts(world, receipts, digests)
    check_what_redis_appended(world)

    send_again(world, messages)
    assert world.find_left({place: marks for place, marks in world.search().items() if place != "pz:log"}) == {}
    replay_logs(world, logged)
    assert world.find_left({place: marks for place, marks in world.search().items() if place != "pz:log"}) == {}


def write_list(file: Path, people: list[Person]) -> None:
    """With rows that are refused, and say whom they are about."""
    refused = [f"{person.user};{person.plant('cell of a refused row')}" for person in people if person.is_one_of(FEW)]
    file.write_text("\n".join(["user_id", *(person.user for person in people), *refused, ""]))


def come_in(world: World) -> list[dict[str, Any]]:
    """By every door of sites and back ends. Returns what the site sent."""
    for person in world.everybody:
        world.site.decide(person, "context before any event")
    messages = [message for person in world.everybody for message in person.list_messages()]
    world.site.send(messages)
    world.site.send([message for person in world.everybody for message in person.list_refused()])
    settle(world)
    names = [keys.identifier(user_key(person.user)) for person in world.everybody]
    for person, id in zip(world.everybody, ask(world).mget(names), strict=True):
        person.id = id.decode()  # which of the two devices became part of the other depends on who came first
    for person in world.everybody:
        world.site.decide(person, "context")
    for person in world.pick(SOME):
        world.site.visit_back_end(person)
    settle(world)
    break_profiles(world, world.pick(FEW))
    return messages


def break_profiles(world: World, people: list[Person]) -> None:
    """Nobody can read them for a while: what is sent of them then is set aside."""
    names = [keys.profile(person.id) for person in people]
    whole = ask(world).mget(names)
    ask(world).mset(dict.fromkeys(names, b"\xc1damaged"))
    world.site.send([person.say_while_broken() for person in people])
    letters = "SELECT FROM ingestion_deadletter"
    wait_until(lambda: len(world.inside.ask(letters)) == len(people), PATIENCE_S)
    ask(world).mset(dict(zip(names, whole, strict=True)))
    settle(world)


def work_in_the_studio(world: World) -> None:
    few = world.pick(FEW)
    world.marketer.fail_to_sign_in(few[0])
    world.marketer.sign_in()
    [(rule,)] = world.inside.ask("SELECT slug FROM rules_rule ORDER BY slug LIMIT 1")
    for person in few:
        world.marketer.look_at(person)
    for person in (few[0], few[-1]):
        world.marketer.look_as(person, rule)


def check_that_the_search_finds(world: World, found: Found) -> None:
    """Every marker of everybody, but for those that no door keeps."""
    places: dict[tuple[int, str], set[str]] = {}
    for place, marks in found.items():
        for mark in marks:
            places.setdefault(mark, set()).add(place)
    missing = Counter(
        kind
        for person in world.everybody
        for kind in person.said
        if kind not in NOWHERE | FLEETING and (person.number, kind) not in places
    )
    assert not missing
    assert not [place for place, marks in found.items() if NOWHERE & {mark.kind for mark in marks}]
    assert {"pz:p", "pz:id", "pz:refused", "pz:cache:1:studio", "pz:cache:1:condition"} <= found.keys()
    tables = {place for place in found if place.startswith(("profiles_", "rules_", "segments_", "ingestion_"))}
    assert len(tables) >= 10, tables


def erase_all_but_the_last(world: World) -> list[str]:
    first, *others, _ = world.leaving
    receipts = [world.marketer.erase(first), *(world.site.erase(person) for person in others)]
    wait_until(lambda: not world.inside.ask("SELECT FROM profiles_erasure WHERE done IS NULL"), ERASED_S)
    return receipts


def finish(world: World, last: Person) -> dict[str, str]:
    """The last of them by the command; the night's work; what had been set aside is replayed. Returns the digests of
    everybody's ids."""
    ids = [person.id for person in world.everybody]
    names = [name for person in world.leaving for name in (f"u:{person.user}", f"a:{person.device}", person.id)]
    ask(world).config_set("rdbcompression", "no")  # so that its file can be read
    script = FINISH.format(user=last.user, ids=ids, names=names, patience=ERASED_S)
    said = world.product.manage("shell", "-v", "0", "-c", script)
    assert said.returncode == 0 and "erased, receipt" in said.stdout, said
    settle(world)
    return dict(zip(ids, json.loads(said.stdout.splitlines()[-1]), strict=True))


def check_who_stays(world: World, before: Found, after: Found) -> None:
    lost = {
        place: Counter(mark.kind for mark in marks - after.get(place, set()) if mark.person >= LEAVING)
        for place, marks in before.items()
        if not place.startswith(PASSING)
    }
    assert not {place: kinds for place, kinds in lost.items() if kinds}


def check_receipts(world: World, receipts: list[str], digests: dict[str, str]) -> None:
    """One for each, which says how much went, and can be told to be about its person by who knows the id."""
    done = "SELECT id, profile, counts FROM profiles_erasure WHERE done IS NOT NULL AND pending = '[]'"
    rows = world.inside.ask(done)
    counts = {digest: said for _, digest, said in rows}
    assert counts.keys() == {digests[person.id] for person in world.leaving}
    wanted = {"events": 4, "profiles": 1, "merges": 1, "refusals": 2, "decisions": 2, "members of lists": 1}
    for said in counts.values():
        assert {name: count for name, count in wanted.items() if said.get(name, 0) < count} == {}, said
    assert {row[0].hex for row in rows} >= {receipt.replace("-", "") for receipt in receipts}
    assert sum(said["dead letters"] for said in counts.values() if "dead letters" in said) == LEAVING // FEW
    told = world.site.call("GET", f"/api/v1/erasures/{receipts[1]}").json()
    assert told["done"] and told["counts"]["events"] >= 4


def check_what_redis_appended(world: World) -> None:
    """The night has had it written anew; before that it tells everything that ever was."""

    wait_until(lambda: not ask(world).info("persistence")["aof_rewrite_in_progress"], PATIENCE_S)
    assert world.find_left(search_append_only(world.product, world.markers)) == {}
    assert search_append_only(world.product, world.markers), "not even those who stay are found"


def send_again(world: World, messages: list[dict[str, Any]]) -> None:
    """The site was away, and sends what it had sent: all of it is known."""
    known = hot_outcomes(world.inside, "demo-shop")
    world.site.send(messages)
    settle(world)
    came = hot_outcomes(world.inside, "demo-shop") - known
    assert came == {"duplicate": len(messages)}


def read_logs(world: World) -> dict[str, list[dict[bytes, bytes]]]:
    """Records as the processor has read them."""
    names = [keys.log(number) for number in range(settings.PZ_PARTITIONS)]
    return {name: [fields for _, fields in ask(world).xrange(name)] for name in names}


def replay_logs(world: World, logged: dict[str, list[dict[bytes, bytes]]]) -> None:
    """The logs come once more, and nothing of them is known as a duplicate any more: what was received before the
    request is dropped for that."""
    wanted = [mark for records in logged.values() for each in records for mark in world.markers.find(each[b"r"])]
    assert {mark.person for mark in wanted} & {person.number for person in world.leaving}
    for name in ask(world).scan_iter("pz:seen:*"):
        ask(world).delete(name)
    for name, records in logged.items():
        for fields in records:
            ask(world).xadd(name, fields)
    settle(world)
    assert hot_outcomes(world.inside, "demo-shop")["erased"] > 0


def settle(world: World) -> None:
    wait_until(world.inside.is_idle, PATIENCE_S)


def ask(world: World) -> Any:
    return world.inside.redis
