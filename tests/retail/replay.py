"""A year of the shop once more, event by event: through log, processor, timers and archiver, by a clock of its own."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from ingestion.archiver import Archiver
from ingestion.categories import read_categories
from ingestion.connectors.online_retail import count_rows, read_events
from ingestion.ecommerce import INDEXED, OTHERWISE
from ingestion.importing import Report
from ingestion.log_redis import RedisLog
from ingestion.processor import Processor
from ingestion.steps import Definitions
from personalization.keeping import DecisionKeeper
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, pack
from profiles.profile import DAY_MS, Memory
from profiles.store_redis import RedisStore
from segments.membership import Segments

MEMORY = Memory(indexed=INDEXED, otherwise=OTHERWISE)
LATER = 4_000_000_000_000  # than everything in the file


def read_shop(file: Path, table: Path) -> list[Event]:
    """The events that an import makes of the file, in the order of time, each received when it happened."""
    events = read_events(
        file,
        count_rows(file),
        source="shop",
        received=LATER,
        report=Report(),
        categories=read_categories(table),
    )
    return sorted((replace(event, received=event.at) for event in events), key=attrgetter("at"))


class OnePartition:
    """The lease of a processor that runs alone."""

    def tend(self) -> frozenset[int]:
        return frozenset((0,))

    def release(self) -> None: ...


class Replay:
    """Lives through `events`, which are in the order of time, from one moment to the next that it is asked for."""

    def __init__(self, client: Client, events: Iterable[Event], segments: Segments) -> None:
        self._client = client.client()  # one connection, without the ado of a pool
        self._now = 0
        self._log = RedisLog(self._client)
        definitions = Definitions(MEMORY, segments)
        self._processor = Processor(
            log=self._log,
            store=RedisStore(self._client, DAY_MS),
            leases=OnePartition(),
            definitions=lambda **_: definitions,
            clock=lambda: self._now,
            partitions=1,
        )
        self._processor.drain([0])
        self._archiver = Archiver(self._client, partitions=1, clock=lambda: self._now, keeper=DecisionKeeper())
        self._waiting = [
            (at, [pack(event) for event in together]) for at, together in groupby(events, attrgetter("at"))
        ][::-1]

    def live_until(self, moment: int) -> None:
        """Everything that happens by then; of what happens at once, time comes before the events."""
        while self._waiting and self._waiting[-1][0] <= moment:
            at, together = self._waiting.pop()
            self._fire_timers(at)
            self._log.append({0: together})
            assert self._processor.step() == len(together)
        self._fire_timers(moment)

    def archive(self) -> None:
        self._archiver.drain()

    def read_people(self) -> dict[UUID, bytes]:
        """Everybody's profile as it is stored."""
        found: list[Any] = list(self._client.scan_iter(keys.profile("*"), count=1_000))
        packed: list[Any] = self._client.mget(found) if found else []
        return {UUID(key.decode().rpartition(":")[2]): state for key, state in zip(found, packed, strict=True)}

    def _fire_timers(self, until: int) -> None:
        """Those that are due by then, each at its own moment."""
        while True:
            soonest: Any = self._client.zrange(keys.timers(0), 0, 0, withscores=True)
            if not soonest or soonest[0][1] > until:
                break
            self._now = max(self._now, int(soonest[0][1]))
            self._processor.fire_timers(0)
        self._now = until
