"""The whole path before a real Redis and a real PostgreSQL, by the clock of the test: processor, archiver, undoing."""

from collections.abc import Callable, Mapping, Sequence

from django.db import connection

from ingestion.archiver import Archiver
from ingestion.log import Offset
from ingestion.log_redis import RedisLog
from ingestion.steps import Definitions
from ingestion.undoing import Undoer
from personalization.keeping import DecisionKeeper
from profiles.clients import Client
from profiles.event import Event, Record, pack, partition_of
from profiles.identity import identifiers, route
from profiles.profile import Profile, unpack
from profiles.store_redis import RedisStore
from tests.processing.harness import HOUR, Harness


class ImpatientLog(RedisLog):
    """Never waits for records: only the test could send any."""

    def poll(
        self, after: Mapping[int, Offset], limit: int, wait_ms: int
    ) -> Mapping[int, Sequence[tuple[Offset, bytes]]]:
        found = {partition: self.read(partition, offset, limit) for partition, offset in after.items()}
        return {partition: records for partition, records in found.items() if records}


class LivingHarness(Harness):
    def __init__(self, client: Client, definitions: Definitions, partitions: int = 5) -> None:
        super().__init__(partitions=partitions)
        self.client = client
        self.definitions = definitions
        self.log = ImpatientLog(client)  # type: ignore[assignment]
        self.store = RedisStore(client, 24 * HOUR)  # type: ignore[assignment]
        self.processor = self.start_processor()
        self.archiver = self.make_archiver()

    def make_archiver(self) -> Archiver:
        keeper = DecisionKeeper()
        return Archiver(self.client, partitions=self.partitions, clock=lambda: self.now, keeper=keeper)

    def send(self, *events: Event) -> None:
        for event in events:
            links = self.store.find_links(identifiers(event))
            partition = partition_of(route(event, links.get), self.partitions)
            self.log.append({partition: [pack(event)]})

    def append(self, profile_id: str, record: Record) -> None:
        self.log.append({partition_of(profile_id, self.partitions): [pack(record)]})

    def people(self) -> dict[str, Profile]:
        return {id: unpack(self.client.get(name)) for id, name in self._list("pz:p:")}

    def links(self) -> dict[str, str]:
        return {key: self.client.get(name).decode() for key, name in self._list("pz:id:")}

    def archive(self) -> None:
        self.archiver.drain()

    def undoer(self, wait: Callable[[], object] | None = None) -> Undoer:
        """Whoever waits for processor and archiver lets them work."""
        return Undoer(
            store=self.store,
            log=self.log,
            definitions=lambda: self.definitions,
            clock=lambda: self.now,
            wait=lambda seconds: (wait or self.work)(),
            partitions=self.partitions,
        )

    def work(self) -> None:
        self.run()
        self.archive()

    def _list(self, prefix: str) -> list[tuple[str, str]]:
        names = [name.decode() for name in self.client.scan_iter(f"{prefix}*", count=1_000)]
        return [(name.removeprefix(prefix), name) for name in names]

    def _timers(self) -> list[int]:
        found = [self.client.zrange(f"pz:timers:{number}", 0, 0, withscores=True) for number in range(self.partitions)]
        return [int(at) for first in found for _, at in first]


def list_attributions() -> dict[str, str]:
    """Whose each archived event is, by its messageId."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id, replace(profile_id::text, '-', '') FROM profiles_archivedevent")
        return dict(cursor.fetchall())
