"""Where long-lived parts are made, from the settings: here and, for the event loop of a web process, in web.py."""

import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
import redis
import redis.asyncio
from django.conf import settings
from django.utils import timezone

from ingestion.actions import replay_dead_letters
from ingestion.append import BlockingAppender
from ingestion.builder import Builder
from ingestion.directory import Directory, load_directory
from ingestion.http import Receive, Scope, Send
from ingestion.leases import RedisLeases
from ingestion.log import LogUnavailable
from ingestion.log_redis import RedisLog
from ingestion.meter import NO_METER, Meter
from ingestion.models import DeadLetter
from ingestion.parse import Limits
from ingestion.processor import WAIT_MS, Processor
from ingestion.queries import newest_directory
from ingestion.settling import Settling
from ingestion.steps import Definitions
from ingestion.streams import Streams
from ingestion.undoing import Undoer
from personalization.announcing import announce_newest
from personalization.cache_keys import CacheKeys
from personalization.gate import Gate
from personalization.issued import find_issued
from personalization.limits import Policies, Policy
from personalization.metrics import metrics
from personalization.outgoing import Outgoing
from personalization.reconcile.everybody import Everybody
from personalization.reconcile.hot import HotSide
from personalization.reconcile.looking import Looker
from personalization.reconcile.reconciler import Reconciler
from personalization.sealing import Sealer
from personalization.snapshot import Snapshot
from personalization.visiting import Visits
from profiles import keys
from profiles.archive_retention import read_start
from profiles.clients import Client
from profiles.profile import DAY_MS, Memory
from profiles.store import StoreUnavailable
from profiles.store_redis import RedisStore
from profiles.whole import NOT_WHOLE, read_mark
from segments.membership import Segments
from segments.roster import compile_roster, load_roster

Door = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOK_S = 0.5  # between looks for newer definitions
PATIENT_S = 60.0
NO_DIRECTORY = "the directory of sources has not been loaded yet"


def clock() -> int:
    """Now, Unix milliseconds."""
    return time.time_ns() // 1_000_000


@cache
def redis_client() -> Client:
    """The blocking client of this process; its time-out leaves room for the longest wait on the log."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.PZ_STORE_TIMEOUT + WAIT_MS / 1000,
        socket_connect_timeout=settings.PZ_STORE_TIMEOUT,
    )


def patient_client() -> Client:
    """A blocking client for tools that ask for a lot at once."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENT_S, socket_connect_timeout=settings.PZ_STORE_TIMEOUT
    )


def memory_of(directory: Directory) -> Memory:
    """What profiles remember, as the catalogue, the organisation and the settings say."""
    return Memory(
        indexed=directory.indexed,
        otherwise=directory.default_indexed,
        limit=settings.PZ_HISTORY_LIMIT,
        retention_ms=(directory.retention_days or settings.PZ_RETENTION_DAYS) * DAY_MS,
    )


def read_memory() -> Memory:
    """What profiles remember, by the directory in force."""
    newest = newest_directory()
    return memory_of(msgspec.convert(newest[1] if newest else {"number": 0}, Directory, strict=False))


class CurrentDirectory:
    """Who may call, for doors that run in threads: looks for a newer one every LOOK_S. While Redis has none to give,
    PostgreSQL is asked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._directory = Snapshot(keys.DIRECTORY, load_directory)
        self._looked = -LOOK_S

    def __call__(self) -> Directory:
        """Raises LogUnavailable when there is none at all."""
        if time.monotonic() - self._looked >= LOOK_S or self._directory.current is None:
            with suppress(redis.RedisError):  # what is in hand stays in force
                self._directory.refresh(self._client)
            self._looked = time.monotonic()
        if self._directory.current is not None:
            return self._directory.current
        newest = newest_directory()
        if newest is None:
            raise LogUnavailable(NO_DIRECTORY)
        return msgspec.convert({**newest[1], "number": newest[0]}, Directory)


class CurrentDefinitions:
    """The processor's view of the definitions: looks for newer ones every LOOK_S, and when it is told to. Raises
    StoreUnavailable while Redis is not whole: whoever is not there may be somebody all the same."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._roster = Snapshot(keys.ROSTER, lambda payload: compile_roster(load_roster(payload)))
        self._directory = Snapshot(keys.DIRECTORY, load_directory)
        self._looked = -LOOK_S
        self._definitions: Definitions | None = None

    def __call__(self, *, anew: bool = False) -> Definitions:
        if anew or time.monotonic() - self._looked >= LOOK_S or self._definitions is None:
            self._look()
        assert self._definitions is not None  # _look raises when it finds none
        return self._definitions

    def _look(self) -> None:
        try:
            self._roster.refresh(self._client)
            self._directory.refresh(self._client)
            mark = read_mark(self._client)
        except redis.RedisError as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
        if not mark:
            self._definitions = None
            raise StoreUnavailable(NOT_WHOLE)
        self._looked = time.monotonic()
        # 0 is outdated as soon as there is one.
        numbers = {each.name: int(each.number or 0) for each in (self._roster, self._directory)} | {keys.WHOLE: mark}
        if self._definitions is None or self._definitions.numbers != numbers:
            if self._directory.current is None:
                raise LogUnavailable(NO_DIRECTORY)
            memory, segments = memory_of(self._directory.current), self._roster.current or Segments()
            self._definitions = Definitions(memory, segments, numbers)


def policies() -> Policies:
    return Policies(Policy("visitor", settings.PZ_VISITOR_CALLS), Policy("key", settings.PZ_KEY_CALLS))


@cache
def outgoing() -> Outgoing:
    """For calls to addresses that somebody has named."""
    return Outgoing(ports=frozenset(settings.PZ_OUTGOING_PORTS), allowed=tuple(settings.PZ_OUTGOING_NETWORKS))


@cache
def gate() -> Gate:
    """Where the doors that run in threads let callers in."""
    client = redis_client()
    return Gate(
        client,
        directory=CurrentDirectory(client),
        policies=policies(),
        clock=clock,
        find_forgotten=find_issued,
    )


def make_store() -> RedisStore:
    return RedisStore(redis_client(), settings.PZ_DEDUP_HOURS * 3_600_000)


@cache
def blocking_appender() -> BlockingAppender:
    """The way into the log for doors that run in threads."""
    return BlockingAppender(
        redis_client(), partitions=settings.PZ_PARTITIONS, max_length=settings.PZ_LOG_MAX_LENGTH, meter=metrics()
    )


def read_limits() -> Limits:
    """The bounds of what the doors take, by the settings."""
    return Limits(
        event_bytes=settings.PZ_MAX_EVENT_BYTES,
        batch_bytes=settings.PZ_MAX_BATCH_BYTES,
        tracking=tuple(settings.PZ_TRACKING_PURPOSES),
    )


def replay(letters: Iterable[DeadLetter]) -> int:
    """Puts dead letters back to where their consumer finds them; returns how many. Raises LogUnavailable."""
    client = redis_client()
    try:
        return replay_dead_letters(
            letters,
            log=RedisLog(client),
            streams=Streams(client),
            partitions=settings.PZ_PARTITIONS,
            at=timezone.now(),
        )
    except redis.RedisError as error:
        raise LogUnavailable(f"Redis: {type(error).__name__}") from error


def make_processor(name: str, meter: Meter = NO_METER) -> Processor:
    client = redis_client()
    return Processor(
        log=RedisLog(client),
        store=make_store(),
        leases=RedisLeases(client, owner=name, partitions=settings.PZ_PARTITIONS, clock=clock),
        definitions=CurrentDefinitions(client),
        clock=clock,
        partitions=settings.PZ_PARTITIONS,
        meter=meter,
    )


def make_undoer(wait: Callable[[float], object] = time.sleep, client: Client | None = None) -> Undoer:
    client = client or redis_client()
    return Undoer(
        store=RedisStore(client, settings.PZ_DEDUP_HOURS * 3_600_000),
        log=RedisLog(client),
        definitions=CurrentDefinitions(client),
        clock=clock,
        wait=wait,
        partitions=settings.PZ_PARTITIONS,
    )


def make_builder(**more: Any) -> Builder:
    client = redis_client()
    return Builder(
        client,
        log=RedisLog(client),
        store=make_store(),
        partitions=settings.PZ_PARTITIONS,
        clock=clock,
        memory=read_memory,
        announce=lambda: announce_newest(client),
        **more,
    )


def make_reconciler(pause: Callable[[float], object] = time.sleep, **more: Any) -> Reconciler:
    """`pause` lets seconds pass, while the others work."""
    client = redis_client()
    hot = HotSide(client, partitions=settings.PZ_PARTITIONS)
    settling = Settling(client, make_store(), partitions=settings.PZ_PARTITIONS, pause=pause)
    looker = Looker(hot, settling, memory=read_memory, clock=clock, pause=pause, since=read_start())
    return Reconciler(
        looker,
        Everybody(hot, settling, clock=clock),
        hot,
        settling,
        log=RedisLog(client),
        partitions=settings.PZ_PARTITIONS,
        memory=read_memory,
        clock=clock,
        pause=pause,
        **{"pace": settings.PZ_RECONCILE_PACE, **more},
    )


def make_sealer() -> Sealer:
    return Sealer(list_secrets())


def list_secrets() -> list[str]:
    """The secret by which things are signed, and former ones that still open what they signed."""
    return [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]


def make_cache_keys() -> CacheKeys:
    return CacheKeys(list_secrets(), settings.PZ_CACHE_SEGMENTS)


def make_visits() -> Visits:
    return Visits(sealer=make_sealer(), client=redis_client(), memory=read_memory, clock=clock)
