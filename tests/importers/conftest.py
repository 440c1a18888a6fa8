"""The way of imported events from the file to profiles and archive, with a real Redis and a real PostgreSQL."""

from pathlib import Path
from typing import Protocol

import pytest
from django.core.management import call_command

from ingestion.archiver import Archiver
from ingestion.connectors.online_retail import COLUMNS
from ingestion.ecommerce import INDEXED, OTHERWISE
from ingestion.log_redis import RedisLog
from ingestion.processor import Processor
from ingestion.steps import Definitions
from personalization.keeping import DecisionKeeper
from profiles import keys
from profiles.clients import Client
from profiles.event import derive_profile_id
from profiles.profile import Memory, Profile, unpack
from profiles.store_redis import RedisStore
from segments.membership import Segments

PARTITIONS = 8  # as in the settings
DAY_MS = 86_400_000
NOW = 1_800_000_000_000


class AllPartitions:
    """Leases of a processor that runs alone."""

    def tend(self) -> frozenset[int]:
        return frozenset(range(PARTITIONS))

    def release(self) -> None: ...


class Engine:
    """Processor and archiver, run to their ends when the test says so."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.log = RedisLog(client)
        self.store = RedisStore(client, DAY_MS)
        definitions = Definitions(Memory(indexed=INDEXED, otherwise=OTHERWISE), Segments())
        self.processor = Processor(
            log=self.log,
            store=self.store,
            leases=AllPartitions(),
            definitions=lambda **_: definitions,
            clock=lambda: NOW,
            partitions=PARTITIONS,
        )
        self.archiver = Archiver(client, partitions=PARTITIONS, clock=lambda: NOW, keeper=DecisionKeeper())

    def process(self) -> int:
        return self.processor.drain(range(PARTITIONS))

    def run(self) -> None:
        self.process()
        self.archiver.drain()

    def forget_what_was_seen(self) -> None:
        """As when the dedup window is over."""
        for key in self.client.scan_iter("pz:seen:*"):
            self.client.delete(key)

    def waiting(self) -> int:
        return sum(self.log.length(partition) for partition in range(PARTITIONS))

    def profile(self, identifier: str) -> Profile:
        linked = self.client.get(keys.identifier(identifier))
        id = linked.decode() if linked else derive_profile_id(identifier)
        packed = self.client.get(keys.profile(id))
        return unpack(packed) if packed else Profile(id=id)


@pytest.fixture
def engine(redis_client: Client, db: None) -> Engine:
    return Engine(redis_client)


HEADER = ",".join(COLUMNS)


class Write(Protocol):
    def __call__(self, rows: str, header: str = HEADER) -> Path: ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "orders.csv"
        path.write_text(f"{header}\n{rows}", encoding="utf-8")
        return path

    return write_file


def import_file(path: Path) -> None:
    call_command("import_events", str(path), "--preset", "online-retail")
