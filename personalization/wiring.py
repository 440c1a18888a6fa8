"""The only construction site: every long-lived part is made here, from the settings."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import redis
import redis.asyncio
from django.conf import settings
from django.utils import timezone

from ingestion.actions import replay_dead_letters
from ingestion.api import IngestApp
from ingestion.append import Appender, BlockingAppender
from ingestion.builder import Builder
from ingestion.consumers import SocketLimits, Sockets
from ingestion.directory import Directory, load_directory
from ingestion.http import Receive, Scope, Send
from ingestion.leases import RedisLeases
from ingestion.log import LogUnavailable
from ingestion.log_redis import RedisLog
from ingestion.models import DeadLetter
from ingestion.parse import Limits
from ingestion.processor import WAIT_MS, Processor
from ingestion.queries import newest_directory
from ingestion.steps import Definitions
from ingestion.streams import Streams
from ingestion.undoing import Undoer
from personalization import edge
from personalization.allowances import Allowances
from personalization.announcing import announce_newest
from personalization.api import DECIDE_PATHS, DecideApp
from personalization.cache_keys import CacheKeys
from personalization.consumers import VisitorConsumer
from personalization.decide import Decider
from personalization.gate import Gate, HotGate
from personalization.graphql.asked import Engine
from personalization.graphql.loaders import People
from personalization.graphql.view import GraphqlApp
from personalization.health import HealthApp, probes_of
from personalization.issued import find_issued
from personalization.limits import Policies, Policy
from personalization.live import LiveChanges
from personalization.mail.api import RENDER_PATHS
from personalization.mail.stamps import PREFIX as MAIL_PREFIX
from personalization.mail.wiring import make_mail
from personalization.recording import DecisionRecorder
from personalization.sealing import Sealer
from personalization.snapshot import Snapshot
from personalization.visiting import Visits
from profiles import keys
from profiles.clients import AsyncClient, Client
from profiles.profile import DAY_MS, Memory
from profiles.reader import ProfileReader
from profiles.store import StoreUnavailable
from profiles.store_redis import RedisStore
from rules.actions import read_device
from rules.book import NO_BOOK, LiveBook, load_book
from segments.membership import Segments
from segments.roster import NO_ROSTER, Roster, compile_roster, load_roster

Door = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOK_S = 0.5  # between looks for newer definitions
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


def async_redis_client() -> AsyncClient:
    """A client for one event loop."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=settings.PZ_STORE_TIMEOUT,
        socket_connect_timeout=settings.PZ_STORE_TIMEOUT,
        max_connections=64,
    )


@dataclass(frozen=True)
class Snapshots:
    """The definitions in force in a web process."""

    book: Snapshot[LiveBook]
    directory: Snapshot[Directory]
    roster: Snapshot[Roster]

    def live_roster(self) -> Roster:
        return self.roster.current or NO_ROSTER

    def live_book(self) -> LiveBook:
        return self.book.current or NO_BOOK

    def live_directory(self) -> Directory:
        """Raises LogUnavailable until the first one has been seen: no key can be told good or bad before."""
        if self.directory.current is None:
            raise LogUnavailable(NO_DIRECTORY)
        return self.directory.current


def snapshots() -> Snapshots:
    return Snapshots(
        Snapshot(keys.BOOK, load_book), Snapshot(keys.DIRECTORY, load_directory), Snapshot(keys.ROSTER, load_roster)
    )


def memory_of(directory: Directory) -> Memory:
    """What profiles remember, as the catalogue and the settings say."""
    return Memory(
        indexed=directory.indexed,
        otherwise=directory.default_indexed,
        limit=settings.PZ_HISTORY_LIMIT,
        retention_ms=settings.PZ_RETENTION_DAYS * DAY_MS,
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
    """The processor's view of the definitions: looks for newer ones every LOOK_S, and when it is told to."""

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
        except redis.RedisError as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
        self._looked = time.monotonic()
        # 0 is outdated as soon as there is one.
        numbers = {each.name: int(each.number or 0) for each in (self._roster, self._directory)}
        if self._definitions is None or self._definitions.numbers != numbers:
            if self._directory.current is None:
                raise LogUnavailable(NO_DIRECTORY)
            memory, segments = memory_of(self._directory.current), self._roster.current or Segments()
            self._definitions = Definitions(memory, segments, numbers)


def policies() -> Policies:
    return Policies(Policy("visitor", settings.PZ_VISITOR_CALLS), Policy("key", settings.PZ_KEY_CALLS))


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
    return BlockingAppender(redis_client(), partitions=settings.PZ_PARTITIONS, max_length=settings.PZ_LOG_MAX_LENGTH)


def read_limits() -> Limits:
    """The bounds of what the doors take, by the settings."""
    return Limits(event_bytes=settings.PZ_MAX_EVENT_BYTES, batch_bytes=settings.PZ_MAX_BATCH_BYTES)


_directory = Snapshot(keys.DIRECTORY, load_directory)


def current_directory() -> Directory:
    """The directory in force, for doors that run in threads. Raises LogUnavailable before the first one."""
    try:
        _directory.refresh(redis_client())
    except redis.RedisError as error:
        raise LogUnavailable(f"Redis: {type(error).__name__}") from error
    if _directory.current is None:
        raise LogUnavailable(NO_DIRECTORY)
    return _directory.current


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


def make_processor(name: str) -> Processor:
    client = redis_client()
    return Processor(
        log=RedisLog(client),
        store=make_store(),
        leases=RedisLeases(client, owner=name, partitions=settings.PZ_PARTITIONS, clock=clock),
        definitions=CurrentDefinitions(client),
        clock=clock,
        partitions=settings.PZ_PARTITIONS,
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


def make_sealer() -> Sealer:
    return Sealer(list_secrets())


def list_secrets() -> list[str]:
    """The secret by which things are signed, and former ones that still open what they signed."""
    return [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]


def make_cache_keys() -> CacheKeys:
    return CacheKeys(list_secrets(), settings.PZ_CACHE_SEGMENTS)


def make_visits() -> Visits:
    return Visits(sealer=make_sealer(), client=redis_client(), memory=read_memory, clock=clock)


def make_health_app() -> HealthApp:
    return HealthApp(probes_of(settings.DATABASE_URL, settings.REDIS_URL))


class Web:
    """The hot doors of one web process, as ASGI applications: made inside its event loop, closed with it."""

    def __init__(self) -> None:
        self._client = async_redis_client()
        self._snapshots = snapshots()
        self._live = LiveChanges(async_redis_client())
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        reader = ProfileReader(self._client, partitions=settings.PZ_PARTITIONS)
        limits = read_limits()
        appender = Appender(
            self._client,
            partitions=settings.PZ_PARTITIONS,
            max_length=settings.PZ_LOG_MAX_LENGTH,
            timeout=settings.PZ_STORE_TIMEOUT,
        )
        recorder = DecisionRecorder(self._client, partitions=settings.PZ_PARTITIONS)
        decider = Decider(
            reader=reader,
            recorder=recorder,
            book=self._snapshots.live_book,
            roster=self._snapshots.live_roster,
            clock=clock,
            deadline=settings.PZ_DECIDE_DEADLINE_MS / 1000,
        )
        directory = self._snapshots.live_directory
        self.ingest = IngestApp(directory=directory, appender=appender, limits=limits, clock=clock)
        self.mail_render, self.mail_doors = make_mail(
            client=self._client,
            snapshots=(directory, self._snapshots.live_book, self._snapshots.live_roster),
            reader=reader,
            recorder=recorder,
            appender=appender,
            sealer=make_sealer(),
            clock=clock,
        )
        self.gate = HotGate(
            self._client,
            directory=directory,
            policies=policies(),
            allowances=Allowances(self._client),
            clock=clock,
        )
        self.decide = DecideApp(gate=self.gate, decider=decider, visits=make_visits())
        self.edge = edge.EdgeApp(
            directory=directory,
            book=self._snapshots.live_book,
            roster=self._snapshots.live_roster,
            reader=reader,
            decider=decider,
            cache_keys=make_cache_keys(),
            device=read_device(),
            clock=clock,
            deadline=settings.PZ_STORE_TIMEOUT,
        )
        roster, book = self._snapshots.live_roster, self._snapshots.live_book
        self.graphql = GraphqlApp(
            Engine(directory, book, roster, decider=decider, appender=appender, limits=limits, clock=clock),
            gate=self.gate,
            people=People(reader=reader, roster=roster, deadline=settings.PZ_STORE_TIMEOUT),
            introspection=settings.PZ_GRAPHQL_INTROSPECTION,
            most_cost=settings.PZ_GRAPHQL_MAX_COST,
        )
        self.socket = VisitorConsumer.as_asgi(
            directory=directory,
            appender=appender,
            limits=limits,
            sockets=Sockets(SocketLimits(open=settings.PZ_MAX_SOCKETS, frame_bytes=settings.PZ_MAX_BATCH_BYTES)),
            clock=clock,
            decider=decider,
            live=self._live,
            reader=reader,
            roster=self._snapshots.live_roster,
        )

    def find_door(self, path: str) -> Door:
        """The application behind the path of a hot door."""
        if path in DECIDE_PATHS:
            return self.decide
        if path in RENDER_PATHS:
            return self.mail_render
        if path.startswith(MAIL_PREFIX):
            return self.mail_doors
        return self.edge if path.startswith(edge.PREFIX) else self.ingest

    async def start(self) -> None:
        """Opens the doors, with the definitions in hand if Redis answers."""
        await self._look()
        self._tasks = [asyncio.create_task(self._live.run()), asyncio.create_task(self._keep_looking())]

    async def stop(self) -> None:
        """Ends by a flag: a task cancelled inside a Redis call may never hear of it (Python 3.11's wait_for)."""
        self._stopping.set()
        self._live.stop()
        self.graphql.stop()
        await asyncio.gather(*self._tasks)
        await self.gate.close()
        await self._client.aclose()

    async def _look(self) -> None:
        with suppress(redis.RedisError):  # what is in hand stays in force; the doors say that Redis is away
            await self._snapshots.book.arefresh(self._client)
            await self._snapshots.directory.arefresh(self._client)
            await self._snapshots.roster.arefresh(self._client)
            await self.gate.note_uses()

    async def _keep_looking(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_S)
            await self._look()
