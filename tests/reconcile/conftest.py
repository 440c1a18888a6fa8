"""People of every kind before a real Redis and a real PostgreSQL, and a reconciliation that the others work beside."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import timezone

from ingestion.accepted import pack as pack_accepted
from ingestion.log_redis import FIELD
from personalization.reconcile.runs import begin_run
from personalization.wiring import clock, make_reconciler
from profiles import keys
from profiles.clients import Client
from profiles.decided import Granted
from profiles.event import anonymous_key, derive_profile_id, partition_of
from profiles.models import Drift, Reconciliation, StoredProfile
from rules.models import PointsEntry
from segments.lists import store_upload
from segments.models import Segment
from tests.builds.conftest import PARTITIONS, Engine, define, did, engine, in_segment, publish

__all__ = ["engine"]

DAY_MS = 86_400_000
STATE_OF = "pz:p:"


@dataclass
class Town:
    """`people` by their anonymous ids, all of whom have done something; every tenth is in the list `vip`, and was
    granted a code and points."""

    engine: Engine
    people: list[str]
    grants: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        return self.engine.client

    def id(self, person: str) -> str:
        linked = self.client.get(keys.identifier(anonymous_key(person)))
        return linked.decode() if linked else derive_profile_id(anonymous_key(person))

    def grant(self, person: str, code: str, offer: str = "ten", points: int = 0) -> None:
        """As a decision commits it."""
        id = self.id(person)
        granted = Granted(profile=id, offer=offer, period="", code=code, points=points, decision="0" * 32, at=clock())
        self.client.hset(keys.tally(id), f"g:{offer}:", code)
        self.client.xadd(keys.accepted(partition_of(id, PARTITIONS)), {FIELD: pack_accepted(granted)})
        self.grants[id] = code

    def upload(self, slug: str, people: list[str]) -> None:
        """As an operator's file puts them into a list."""
        file = io.BytesIO("\n".join(["anonymous_id", *people]).encode())
        segment = Segment.objects.get(slug=slug)
        store_upload(segment, file, name="some.csv", most=1_000_000, by=None, at=timezone.now())

    def reconcile(self, meanwhile: Callable[[], object] = lambda: None, **more: Any) -> Reconciliation:
        """A whole run; whenever it waits, `meanwhile` happens and the others work."""

        def pause(seconds: float) -> None:
            meanwhile()
            self.engine.run()

        begun = {name: more.pop(name) for name in ("mends", "anyway") if name in more}
        run = begin_run(by="test", at=timezone.now(), **begun)
        make_reconciler(pause, pace=10**9, **more).work(run, 300)
        run.refresh_from_db()
        return run

    def photograph(self) -> dict[Any, Any]:
        """Everything that is hot of people: packed profiles, tallies, timers, links; and of what PostgreSQL has the
        copies and the points."""
        found: dict[Any, Any] = {}
        for pattern in ("pz:p:*", "pz:id:*"):
            names = sorted(self.client.scan_iter(pattern, count=5_000))
            found |= dict(zip(names, self.client.mget(names), strict=True)) if names else {}
        for name in self.client.scan_iter("pz:t:*", count=5_000):
            found[name] = self.client.hgetall(name)
        for number in range(PARTITIONS):
            for id, at in self.client.zrange(keys.timers(number), 0, -1, withscores=True):
                found[b"timer:" + id] = at
        for copy in StoredProfile.objects.values():
            found[b"copy:" + copy["id"].hex.encode()] = {**copy, "state": bytes(copy["state"]), "updated": None}
        for key, id, points in PointsEntry.objects.values_list("key", "profile_id", "points"):
            found[f"{key}:{id.hex}".encode()] = points
        return found


def read_evidence(run: Reconciliation) -> dict[str, Drift]:
    """By the ids of the people it is of."""
    return {drift.profile_id.hex: drift for drift in run.drifts.all() if drift.profile_id is not None}


def changed(before: dict[Any, Any], after: dict[Any, Any]) -> set[str]:
    """The ids of whom anything is different."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {name.decode().rpartition(":")[2] if isinstance(name, bytes) else name for name in names}


@pytest.fixture
def make_town(engine: Engine) -> Callable[[int], Town]:
    def make(size: int) -> Town:
        define("buyers", did("Order Completed", value=1))
        recent = did("Product Viewed", value=2, window={"last": 7, "unit": "days"}, op="at_least")
        define("lookers", recent)
        define("gold", {"id": "gold", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"})
        define(
            "hesitant", {"id": "not", "kind": "not", "children": [{"id": "b", "kind": "segment", "segment": "buyers"}]}
        )
        for slug in ("vip", "few"):
            define(slug, None, kind="list")
        define("invited", in_segment("vip"))
        town = Town(engine, [f"p{number}" for number in range(size)])
        town.upload("vip", town.people[::20])
        town.upload("few", town.people[3:4])
        publish()
        engine.build()
        _live(engine, town.people)
        for number, person in enumerate(town.people[::10]):
            town.grant(person, f"CODE-{number}")
            town.grant(person, "", "stars", points=50)
        engine.run()
        town.upload("vip", town.people[10::20])
        engine.build()
        return town

    return make


def _live(engine: Engine, people: list[str]) -> None:
    """Everybody looks three times; some buy; some say who they are; some turn out to be somebody who was known."""
    now = clock()
    for days in (9, 2, 1):
        engine.log_events("Product Viewed", people=people, at=now - days * DAY_MS, properties={"value": 1.25 * days})
    engine.log_events("Order Completed", people=people[::3], at=now - DAY_MS, properties={"revenue": 19.99})
    said: Iterable[tuple[int, str]] = enumerate(people[::4])
    for number, person in said:
        traits = {"plan": "gold" if number % 2 else "free", "age": number, "name": f"Name “{number}”\n", "tags": ["a"]}
        engine.log_events("Identified", people=[person], type="identify", traits=traits, at=now - DAY_MS)
    agrees = {"consent": {"categoryPreferences": {"marketing": True, "email": True, "other": "?"}}}
    engine.log_events("Consented", people=people[::5], context=agrees, at=now - DAY_MS)
    mails: Any = (("Unsubscribed", {}), ("Subscribed", {"list_id": 7}), ("Unsubscribed", {"purpose": ["?"]}))
    for name, about in mails:
        engine.log_events(name, people=people[::15], properties=about, at=now - DAY_MS)
    for number in range(0, len(people) - 1, 50):  # a second device of somebody who signs in on both
        for person in people[number : number + 2]:
            engine.log_events("Signed In", people=[person], user_id=f"user-{number}", at=now - DAY_MS)
    while engine.process():
        pass
    engine.archiver.drain()
