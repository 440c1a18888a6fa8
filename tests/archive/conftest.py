"""An accepted log in a real Redis, an archiver before a real PostgreSQL, and a clock that stands still."""

import pytest
from django.db import connection

from ingestion.accepted import Accepted, Applied, pack
from ingestion.archiver import Archiver
from ingestion.log_redis import FIELD
from personalization.keeping import DecisionKeeper
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, anonymous_key, derive_profile_id, partition_of

NOW = 1_800_000_000_000
PARTITIONS = 4


class AcceptedLog:
    def __init__(self, client: Client) -> None:
        self.client = client
        self._numbers = 0

    def event(self, **fields: object) -> Event:
        self._numbers += 1
        said = {"id": f"m{self._numbers}", "name": "Product Viewed", "at": NOW, "received": NOW, "type": "track"}
        return Event(**{"source": "shop", "anonymous_id": "anna", **said, **fields})  # type: ignore[arg-type]

    def apply(self, *events: Event) -> None:
        """As the processor does it, without the profile."""
        for event in events:
            profile = derive_profile_id(anonymous_key(event.anonymous_id or ""))
            self.add(partition_of(profile, PARTITIONS), Applied(profile=profile, event=event))

    def add(self, partition: int, *records: Accepted | bytes) -> None:
        for record in records:
            raw = record if isinstance(record, bytes) else pack(record)
            self.client.xadd(keys.accepted(partition), {FIELD: raw})

    def length(self) -> int:
        return sum(self.client.xlen(keys.accepted(partition)) for partition in range(PARTITIONS))

    def start_archiver(self) -> Archiver:
        return Archiver(self.client, partitions=PARTITIONS, clock=lambda: NOW, keeper=DecisionKeeper())


@pytest.fixture
def accepted(redis_client: Client, db: None) -> AcceptedLog:
    return AcceptedLog(redis_client)


@pytest.fixture
def archiver(accepted: AcceptedLog) -> Archiver:
    return accepted.start_archiver()


def tables_of_events() -> dict[str, str]:
    """The table in which each messageId lies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id, tableoid::regclass::text FROM profiles_archivedevent")
        return dict(cursor.fetchall())
