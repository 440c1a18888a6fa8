"""The path of an event before a real Redis, by the clock of the test."""

from typing import Any

from profiles.event import Event, pack, partition_of
from profiles.identity import identifiers, route
from profiles.profile import Profile, unpack
from profiles.store_redis import RedisStore
from tests.archive.living import ImpatientLog
from tests.processing.harness import HOUR, Harness

DAY = 24 * HOUR


class Hot(Harness):
    def __init__(self, client: Any, **harness: Any) -> None:
        super().__init__(**harness)
        self.client = client
        self.log = ImpatientLog(client)  # type: ignore[assignment]
        self.store = RedisStore(client, DAY)  # type: ignore[assignment]
        self.processor = self.start_processor()

    def send(self, *events: Event) -> None:
        for event in events:
            links = self.store.find_links(identifiers(event))
            self.log.append({partition_of(route(event, links.get), self.partitions): [pack(event)]})

    def people(self) -> dict[str, Profile]:
        return {name.decode()[5:]: unpack(self.client.get(name)) for name in self.client.scan_iter("pz:p:*")}

    def outcome(self, name: str) -> int:
        found = self.client.hgetall("pz:outcomes")
        return sum(int(count) for field, count in found.items() if field.endswith(f"|{name}".encode()))

    def _timers(self) -> list[int]:
        found = [self.client.zrange(f"pz:timers:{number}", 0, 0, withscores=True) for number in range(self.partitions)]
        return [int(at) for first in found for _, at in first]
