"""Log, processor, archiver and builder before a real Redis and a real PostgreSQL, each at work when it is told to."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.utils import timezone

from ingestion.actions import publish_directory
from ingestion.archiver import Archiver
from ingestion.log_redis import RedisLog
from personalization.announcing import announce_newest
from personalization.keeping import DecisionKeeper
from personalization.wiring import clock, make_builder, make_processor
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, anonymous_key, derive_profile_id, pack, partition_of
from profiles.models import StoredProfile
from profiles.profile import Profile, unpack
from rules.actions import publish_book
from segments.models import Build, Segment
from segments.queries import read_roster
from segments.roster import name_segments

PARTITIONS = 8  # as in the settings


class Engine:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.log = RedisLog(client)
        self.processor = make_processor("test")
        self.archiver = Archiver(client, partitions=PARTITIONS, clock=clock, keeper=DecisionKeeper())
        self._numbers = 0
        publish_directory()
        announce_newest(client)

    def send(self, *names: str, people: Iterable[str], **fields: Any) -> None:
        """Every one of these events, of every one of these people, worked off and archived."""
        self.log_events(*names, people=people, **fields)
        self.run()

    def log_events(self, *names: str, people: Iterable[str], **fields: Any) -> None:
        now = clock()
        for person in people:
            for name in names:
                self._numbers += 1
                said = {"type": "track", "at": now, "received": now, "anonymous_id": person, **fields}
                event = Event(id=f"m{self._numbers}", source="shop", name=name, **said)
                partition = partition_of(derive_profile_id(anonymous_key(person)), PARTITIONS)
                self.log.append({partition: [pack(event)]})

    def process(self) -> int:
        return self.processor.drain(range(PARTITIONS))

    def run(self) -> None:
        self.process()
        self.archiver.drain()

    def build(self, pause: Callable[[], object] | None = None, *, seconds: float = 60) -> Build:
        """Lets a builder work until nothing is left; whenever it waits, the others work, or what is said is done."""
        make_builder(pause=pause or self.run).work(seconds)
        self.run()
        return Build.objects.order_by("pk").last() or Build()

    def segments(self, identifier: str) -> set[str]:
        """The segments that decisions are made by."""
        return set(name_segments(self.profile(identifier), read_roster().answers).segments)

    def profile(self, identifier: str) -> Profile:
        linked = self.client.get(keys.identifier(identifier))
        id = linked.decode() if linked else derive_profile_id(identifier)
        packed = self.client.get(keys.profile(id))
        return unpack(packed) if packed else Profile(id=id)

    def stored(self, identifier: str) -> dict[str, Any]:
        """What the durable copy says of the segments."""
        found: dict[str, Any] = StoredProfile.objects.get(pk=self.profile(identifier).id).segments
        return found


@pytest.fixture
def engine(redis_client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr("ingestion.processor.WAIT_MS", 1)  # nobody else could bring anything meanwhile
    monkeypatch.setattr("ingestion.builder.SETTLE_MS", 0)  # nor answer by a former roster
    return Engine(redis_client)


def did(event: str, **more: Any) -> dict[str, Any]:
    return {"id": "did", "kind": "event", "event": event, **more}


def in_segment(slug: str) -> dict[str, Any]:
    return {"id": "in", "kind": "segment", "segment": slug}


def define(slug: str, root: dict[str, Any] | None, **more: Any) -> Segment:
    """Made, or changed."""
    condition = None if root is None else {"v": 1, "root": root}
    segment, _ = Segment.objects.update_or_create(slug=slug, defaults={"name": slug, "condition": condition, **more})
    return segment


def publish() -> Build | None:
    """The build that it takes, if any."""
    publish_book(by=None, at=timezone.now())
    return Build.objects.exclude(state__in=Build.ENDED).order_by("pk").last()
