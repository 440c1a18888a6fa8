"""The pulse of the product: what happens in this second, gathered once for all who watch in a web process, and only
while somebody does."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from ingestion.directory import Directory
from ingestion.log import LogUnavailable
from ingestion.refusals import Refused
from ingestion.steps import Outcome
from personalization.arrivals import Arrivals
from personalization.flow import Flow, look_at_flow
from personalization.served import QUARTER_MS, read_served
from profiles import keys
from profiles.clients import AsyncClient, Client
from profiles.store import day_of

logger = logging.getLogger(__name__)

BEAT_S = 1.0
LOOK_S = 5.0  # between looks at what is dear
HISTORY = 60  # beats that a new watcher is shown
REFUSALS = frozenset(Refused)


class Counts(NamedTuple):
    """Totals that only grow: events that were applied and refused, by the day (UTC) and source, and decisions by the
    quarter of an hour."""

    accepted: Mapping[tuple[str, str], int]
    refused: Mapping[tuple[str, str], int]
    decided: Mapping[int, int]


class Beat(msgspec.Struct, frozen=True, rename="camel", tag="pulse"):
    """What a page is told each second. `events`, `refusals` and `decisions` are of the time since the beat before, per
    second; None in the first. `freshness` is in milliseconds, from a door to the committed profile, None while nothing
    comes; `waiting`, `archive` and `timers` are how far behind the parts are. `people` were seen in the last five
    minutes, as of up to `LOOK_S` seconds ago. Days of events are UTC, that of decisions is the organisation's."""

    at: int
    events: float | None
    refusals: float | None
    decisions: float | None
    events_today: int
    refusals_today: int
    decisions_today: int
    sources: int  # that have sent something today
    source: str  # the name of the only one
    freshness: int | None
    people: int | None = None
    people_cut: bool = False
    waiting: int | None = None
    archive: int | None = None
    timers: int | None = None
    processor: bool | None = None
    archiver: bool | None = None
    news: str = ""


class Watcher(Protocol):
    """Must not block."""

    def beat(self, beat: Beat) -> None: ...


class Pulse:
    """One for a web process. `client` is for its event loop, `blocking` for threads; `clock` gives Unix ms."""

    def __init__(
        self,
        client: AsyncClient,
        blocking: Callable[[], Client],
        *,
        arrivals: Arrivals,
        directory: Callable[[], Directory],
        clock: Callable[[], int],
    ) -> None:
        self._client = client
        self._blocking = blocking
        self._arrivals = arrivals
        self.directory = directory
        self._clock = clock
        self._watchers: dict[Watcher, None] = {}
        self._wanted = asyncio.Event()
        self._stopping = False
        self._flow: Flow | None = None
        self._zone = settings.PZ_TIME_ZONE  # until PostgreSQL has said it
        self._looking: asyncio.Task[None] | None = None
        self._looked = -LOOK_S
        self.history: deque[Beat] = deque(maxlen=HISTORY)

    def watch(self, watcher: Watcher) -> None:
        self._watchers[watcher] = None
        self._wanted.set()

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.pop(watcher, None)
        if not self._watchers and not self._stopping:
            self._wanted.clear()

    async def run(self) -> None:
        """Beats until `stop` is called, which it notices within a beat."""
        while not self._stopping:
            await self._wanted.wait()
            self._arrivals.sample(True)
            try:
                await self._beat_on()
            except (redis.RedisError, OSError) as error:
                logger.info("the pulse is waiting for Redis: %s", type(error).__name__)
                await asyncio.sleep(BEAT_S)
            finally:
                self._arrivals.sample(False)
        if self._looking is not None:
            await self._looking

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()

    async def _beat_on(self) -> None:
        self.history.clear()
        self._flow, self._looked = None, -LOOK_S
        before: Counts | None = None
        then = time.monotonic()
        while self._wanted.is_set() and not self._stopping:
            counts, now = await self._count(), time.monotonic()
            self._look(now)
            beat = self._make(counts, before, max(now - then, 0.001))
            self.history.append(beat)
            for watcher in tuple(self._watchers):
                try:
                    watcher.beat(beat)
                except Exception:
                    logger.exception("a watcher of the pulse failed")
                    self.unwatch(watcher)
            before, then = counts, now
            await asyncio.sleep(BEAT_S)

    async def _count(self) -> Counts:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(keys.OUTCOMES)
        pipeline.hgetall(keys.DECIDED)
        outcomes, decided = await pipeline.execute()
        return read_counts(outcomes, decided)

    def _make(self, counts: Counts, before: Counts | None, seconds: float) -> Beat:
        now = self._clock()
        day = day_of(now)
        sent = {source for (at, source), count in counts.accepted.items() if at == day and count}
        flow = self._flow
        fresh = self._arrivals.measure_freshness()
        if flow is not None and flow.lag is not None and flow.lag.log:
            fresh = max(fresh or 0, flow.lag.log)  # what still waits is not among the samples
        return Beat(
            at=now,
            events=before and _rate(counts.accepted, before.accepted, seconds),
            refusals=before and _rate(counts.refused, before.refused, seconds),
            decisions=before and _rate(counts.decided, before.decided, seconds),
            events_today=_of_day(counts.accepted, day),
            refusals_today=_of_day(counts.refused, day),
            decisions_today=_since(counts.decided, _find_midnight(now, self._zone)),
            sources=len(sent),
            source=self._name(next(iter(sent))) if len(sent) == 1 else "",
            freshness=fresh,
            **({} if flow is None else _say_flow(flow)),
        )

    def _name(self, slug: str) -> str:
        try:
            sources = self.directory().sources.values()
        except LogUnavailable:
            return slug
        return next((source.name for source in sources if source.slug == slug), slug)

    def _look(self, now: float) -> None:
        """Beside the beats, which do not wait for PostgreSQL."""
        if now - self._looked >= LOOK_S and (self._looking is None or self._looking.done()):
            self._looked = now
            self._looking = asyncio.create_task(self._look_at_flow())

    async def _look_at_flow(self) -> None:
        at = datetime.fromtimestamp(self._clock() / 1000, UTC)
        try:
            self._flow = await asyncio.to_thread(_look, self._blocking, at)
            self._zone = self._flow.zone
        except (DatabaseError, InterfaceError) as error:
            logger.info("the pulse is waiting for PostgreSQL: %s", type(error).__name__)
            self._flow = None


def read_counts(outcomes: Mapping[bytes, bytes], decided: Mapping[bytes, bytes]) -> Counts:
    """Of what `pz:outcomes` and `pz:decided` hold."""
    accepted: dict[tuple[str, str], int] = {}
    refused: dict[tuple[str, str], int] = {}
    for field, count in outcomes.items():
        day, _, rest = field.decode().partition("|")
        source, _, outcome = rest.rpartition("|")
        if outcome == Outcome.ACCEPTED:
            accepted[day, source] = int(count)
        elif outcome in REFUSALS:
            refused[day, source] = refused.get((day, source), 0) + int(count)
    return Counts(accepted, refused, read_served(decided))


def _rate(now: Mapping[Any, int], before: Mapping[Any, int], seconds: float) -> float:
    """Counters that left Redis meanwhile, as they had come to rest, take nothing away."""
    grown = sum(max(0, count - before.get(name, 0)) for name, count in now.items())
    return round(grown / seconds, 1)


def _of_day(counts: Mapping[tuple[str, str], int], day: str) -> int:
    return sum(count for (at, _), count in counts.items() if at == day)


def _since(counts: Mapping[int, int], moment: int) -> int:
    return sum(count for quarter, count in counts.items() if quarter * QUARTER_MS >= moment)


def _find_midnight(now: int, zone: str) -> int:
    local = datetime.fromtimestamp(now / 1000, ZoneInfo(zone))
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def _say_flow(flow: Flow) -> dict[str, Any]:
    lag = flow.lag
    return {
        "people": flow.people,
        "people_cut": flow.is_cut,
        "waiting": lag and lag.log,
        "archive": lag and lag.archive,
        "timers": lag and lag.timers,
        "processor": flow.alive.processor,
        "archiver": flow.alive.archiver,
        "news": flow.news,
    }


def _look(blocking: Callable[[], Client], at: datetime) -> Flow:
    try:
        return look_at_flow(blocking(), at=at)
    finally:
        connection.close()  # of this thread, which may never be used for this again
