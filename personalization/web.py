"""The web process: its hot doors, made inside its event loop and closed with it, and which path leads to which."""

import asyncio
import logging
import resource
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import redis
import redis.asyncio
from django.conf import settings
from django.utils.module_loading import import_string

from ingestion.api import IngestApp
from ingestion.append import Appender
from ingestion.consumers import SocketLimits, Sockets
from ingestion.directory import Directory, load_directory
from ingestion.http import Receive, Scope, Send
from ingestion.log import LogUnavailable
from personalization import edge
from personalization.allowances import Allowances
from personalization.api import DECIDE_PATHS, DecideApp
from personalization.arrivals import Arrivals
from personalization.consumers import VisitorConsumer
from personalization.decide import Decider
from personalization.decide_batch import BATCH_PATHS, DecideBatchApp
from personalization.figures import look_up
from personalization.gate import HotGate
from personalization.graphql.asked import Engine
from personalization.graphql.loaders import People
from personalization.graphql.view import PATHS as GRAPHQL_PATHS
from personalization.graphql.view import GraphqlApp
from personalization.health import HealthApp, Readiness
from personalization.live import LiveChanges
from personalization.mail.api import RENDER_PATHS
from personalization.mail.stamps import PREFIX as MAIL_PREFIX
from personalization.mail.wiring import make_mail
from personalization.metrics import metrics
from personalization.metrics_door import MetricsApp
from personalization.pulse import Pulse
from personalization.recording import DecisionRecorder
from personalization.showings import Showings
from personalization.snapshot import Snapshot
from personalization.wiring import (
    LOOK_S,
    NO_DIRECTORY,
    clock,
    make_cache_keys,
    make_sealer,
    make_visits,
    policies,
    read_limits,
    redis_client,
)
from profiles import keys
from profiles.clients import AsyncClient
from profiles.reader import ProfileReader
from rules.actions import read_device
from rules.book import NO_BOOK, LiveBook, load_book
from segments.roster import NO_ROSTER, Roster, load_roster

logger = logging.getLogger(__name__)

Door = Callable[[Scope, Receive, Send], Awaitable[None]]

OTHER_FILES = 1_000  # that a web process has open besides its sockets: calls, connections to the servers
INGEST_PREFIXES = ("/v1/", "/beacon/", "/sourceConfig")


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


def allow_open_files(sockets: int) -> None:
    """Raises the limit of this process to what so many sockets need: it is 1,024 on most machines."""
    wanted = sockets + OTHER_FILES
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < wanted:
        logger.warning("PZ_MAX_SOCKETS=%d needs %d open files, and %d are allowed here", sockets, wanted, most)
        wanted = most
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def make_health_app() -> HealthApp:
    readiness = Readiness(
        settings.DATABASE_URL,
        settings.REDIS_URL,
        partitions=settings.PZ_PARTITIONS,
        most_log_s=settings.PZ_LOG_LAG_S,
        most_archive_s=settings.PZ_ARCHIVE_LAG_S,
        clock=clock,
    )
    return HealthApp(readiness.look, Readiness.NAMES)


def make_metrics_app() -> MetricsApp:
    return MetricsApp(settings.PZ_METRICS, token=settings.PZ_METRICS_TOKEN, look=lambda: look_up(redis_client()))


class Web:
    """The hot doors of one web process, as ASGI applications: made inside its event loop, closed with it."""

    def __init__(self) -> None:
        self._client = async_redis_client()
        self._snapshots = snapshots()
        self._metrics = metrics()
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
            meter=self._metrics,
        )
        self._appender = appender
        recorder = DecisionRecorder(self._client, partitions=settings.PZ_PARTITIONS)
        self._served = recorder.served
        make_decider = partial(
            Decider,
            reader=reader,
            recorder=recorder,
            book=self._snapshots.live_book,
            roster=self._snapshots.live_roster,
            clock=clock,
            tracking=settings.PZ_TRACKING_PURPOSES,
            measure=self._metrics.decided,
        )
        decider = make_decider(deadline=settings.PZ_DECIDE_DEADLINE_MS / 1000)
        patient = make_decider(deadline=settings.PZ_STORE_TIMEOUT)  # no page waits for it
        directory = self._snapshots.live_directory
        self.ingest = IngestApp(directory=directory, appender=appender, limits=limits, clock=clock)
        self.gate = HotGate(
            self._client,
            directory=directory,
            policies=policies(),
            allowances=Allowances(self._client),
            clock=clock,
        )
        self.mail_render, self.mail_doors = make_mail(
            client=self._client,
            gate=self.gate,
            book=self._snapshots.live_book,
            roster=self._snapshots.live_roster,
            reader=reader,
            recorder=recorder,
            appender=appender,
            sealer=make_sealer(),
            clock=clock,
        )
        self.decide = DecideApp(gate=self.gate, decider=decider, visits=make_visits())
        named = read_device()
        self.edge = edge.EdgeApp(
            gate=self.gate,
            book=self._snapshots.live_book,
            roster=self._snapshots.live_roster,
            reader=reader,
            decider=decider,
            cache_keys=make_cache_keys(),
            device=lambda: edge.hide_private(named, directory().private),
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
        self._sockets = Sockets(SocketLimits(open=settings.PZ_MAX_SOCKETS, frame_bytes=settings.PZ_MAX_BATCH_BYTES))
        self.socket = VisitorConsumer.as_asgi(
            directory=directory,
            appender=appender,
            limits=limits,
            sockets=self._sockets,
            clock=clock,
            decider=decider,
            live=self._live,
            reader=reader,
            showings=Showings(reader, self._snapshots.live_roster),
            meter=self._metrics,
        )
        self._arrivals = Arrivals(async_redis_client(), partitions=settings.PZ_PARTITIONS, monotonic=time.monotonic)
        self._pulse = Pulse(self._client, redis_client, arrivals=self._arrivals, directory=directory, clock=clock)
        self.studio: Door = import_string(settings.STUDIO_SOCKET)(self._pulse, self._arrivals, clock)
        # Which paths, and which beginnings of paths, lead to which door.
        self._doors: dict[str, Door] = {
            **dict.fromkeys(DECIDE_PATHS, self.decide),
            **dict.fromkeys(BATCH_PATHS, DecideBatchApp(gate=self.gate, decider=patient)),
            **dict.fromkeys(RENDER_PATHS, self.mail_render),
            **dict.fromkeys(GRAPHQL_PATHS, self.graphql),
        }
        self._prefixes: tuple[tuple[str, Door], ...] = (
            *((prefix, self.ingest) for prefix in INGEST_PREFIXES),
            (edge.PREFIX, self.edge),
            (MAIL_PREFIX, self.mail_doors),
        )

    def find_door(self, path: str) -> Door | None:
        """The application behind the path of a hot door; None where Django answers."""
        door = self._doors.get(path)
        if door is not None:
            return door
        return next((door for prefix, door in self._prefixes if path.startswith(prefix)), None)

    def name_door(self, path: str) -> str:
        """The path, or the beginning of a path, by which it was found: what a caller puts behind it says nothing."""
        return next((each for each in (*self._doors, *dict(self._prefixes)) if path.startswith(each)), "")

    async def start(self) -> None:
        """Opens the doors, with the definitions in hand if Redis answers."""
        allow_open_files(settings.PZ_MAX_SOCKETS)
        await self._look()
        running = (self._live.run(), self._arrivals.run(), self._pulse.run(), self._keep_looking())
        self._tasks = [asyncio.create_task(each) for each in running]

    async def stop(self) -> None:
        """Ends by a flag: a task cancelled inside a Redis call may never hear of it (Python 3.11's wait_for)."""
        self._stopping.set()
        self._live.stop()
        self._arrivals.stop()
        self._pulse.stop()
        self.graphql.stop()
        await asyncio.gather(*self._tasks)
        with suppress(redis.RedisError):
            await self._served.write()
        await self.gate.close()
        await self._client.aclose()

    async def _look(self) -> None:
        self._appender.look()
        with suppress(redis.RedisError):  # what is in hand stays in force; the doors say that Redis is away
            await self._snapshots.book.arefresh(self._client)
            await self._snapshots.directory.arefresh(self._client)
            await self._snapshots.roster.arefresh(self._client)
            await self.gate.note_uses()
            await self._served.write()

    async def _keep_looking(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_S)
            self._metrics.opened(visitors=self._sockets.open, studio=getattr(self.studio, "open", 0))
            self._metrics.settle()
            await self._look()
