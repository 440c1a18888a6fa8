"""`/health/live`: this process answers. `/health/ready`: so do the servers, and nothing on an event's way is away or
too far behind. For proxies and monitors; raw ASGI, in bounded time, and at a cost that does not grow with who asks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import psycopg
import redis
import redis.asyncio

from ingestion.http import NO_CONTENT, Answer, Scope, Send, encode, refuse, refuse_method, send_answer
from ingestion.lag import Flow, ask_async, look_at_archive, look_at_flow
from profiles.locks import ARCHIVE, HELD

PREFIX = "/health/"
LIVE, READY = "/health/live", "/health/ready"
PATIENCE_S = 2.0
KEPT_S = 1.0  # an answer serves everybody who asks within: probes, however many, cost the servers next to nothing

ANSWERS, AWAY, WELL, BEHIND, SILENT = "answers", "does not answer", "at work", "is behind", "is away"
FILLED = "is not whole, and is filled again"
UNKNOWN = "is not known"  # as what would say it does not answer


class Part(msgspec.Struct, rename="camel", omit_defaults=True):
    """What is said of one part: `lag_seconds` is how far it is behind, of the `most_seconds` that are allowed."""

    ok: bool
    says: str
    lag_seconds: float | None = None
    most_seconds: int | None = None
    alive: int | None = None


Parts = Mapping[str, Part]
Look = Callable[[], Awaitable[Parts]]


class HealthApp:
    """`look` is shared by all who ask within a second; where it has not come to its end within `patience`, every part
    of `names` counts as unknown."""

    def __init__(self, look: Look, names: tuple[str, ...], *, patience: float = 2 * PATIENCE_S) -> None:
        self._look = look
        self._names = names
        self._patience = patience
        self._asked = 0.0
        self._task: asyncio.Task[Parts] | None = None

    async def __call__(self, scope: Scope, send: Send) -> None:
        await send_answer(send, await self._answer(scope["method"], scope["path"].rstrip("/")))

    async def _answer(self, method: str, path: str) -> Answer:
        if method == "OPTIONS":
            return NO_CONTENT
        if method not in ("GET", "HEAD"):
            return refuse_method(b"GET, HEAD, OPTIONS")
        if path == LIVE:
            return _say(method, 200, {"status": "live"})
        name = path.removeprefix(READY).removeprefix("/")
        if not path.startswith(READY) or (name and name not in self._names):
            parts = ", ".join(f"{READY}/{each}" for each in self._names)
            return refuse(404, "not_found", f"ask {LIVE}, {READY}, or one of {parts}")
        found = await self._share()
        if name:
            found = {name: found[name]}
        is_ready = all(part.ok for part in found.values())
        said = {"status": "ready" if is_ready else "not ready", "parts": found}
        return _say(method, 200 if is_ready else 503, said)

    async def _share(self) -> Parts:
        now = time.monotonic()
        if self._task is None or (self._task.done() and now - self._asked > KEPT_S):
            self._asked, self._task = now, asyncio.create_task(self._look_in_time())
        return await asyncio.shield(self._task)  # one asker who goes away does not end it for the others

    async def _look_in_time(self) -> Parts:
        try:
            async with asyncio.timeout(self._patience):
                return await self._look()
        except TimeoutError:
            return dict.fromkeys(self._names, Part(False, UNKNOWN))


def _say(method: str, status: int, said: Any) -> Answer:
    return Answer(status, b"" if method == "HEAD" else encode(said))


class Readiness:
    """Looks over connections of its own: it says what a process that starts now would find. `most_log_s` and
    `most_archive_s` are how far the processors and the archiver may be behind; `clock` gives Unix milliseconds."""

    NAMES = ("postgresql", "redis", "log", "processor", "archiver")

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        *,
        partitions: int,
        most_log_s: int,
        most_archive_s: int,
        clock: Callable[[], int],
        patience: float = PATIENCE_S,
    ) -> None:
        self._database_url = database_url
        self._redis_url = redis_url
        self._partitions = partitions
        self._most_log_s = most_log_s
        self._most_archive_s = most_archive_s
        self._clock = clock
        self._patience = patience

    async def look(self) -> Parts:
        archive = asyncio.create_task(self._ask_postgresql())
        flow, lag_ms = await self._ask_redis(archive)
        stored = await archive
        return {
            "postgresql": _answering(stored is not None),
            "redis": Part(False, FILLED) if flow is not None and not flow.is_whole else _answering(flow is not None),
            "log": self._judge_log(flow),
            "processor": self._judge_processors(flow),
            "archiver": self._judge_archiver(None if stored is None else stored[0], lag_ms),
        }

    def _judge_log(self, flow: Flow | None) -> Part:
        if flow is None:
            return Part(False, UNKNOWN)
        return _judge_lag(max(flow.log_ms, flow.timers_ms), self._most_log_s)

    def _judge_processors(self, flow: Flow | None) -> Part:
        if flow is None:
            return Part(False, UNKNOWN)
        alive = len(flow.processors)
        return Part(alive > 0, WELL if alive else SILENT, alive=alive)

    def _judge_archiver(self, works: bool | None, lag_ms: int | None) -> Part:
        if works is None or lag_ms is None:
            return Part(False, UNKNOWN)
        if not works:
            return Part(False, SILENT, lag_ms / 1_000, self._most_archive_s)
        return _judge_lag(lag_ms, self._most_archive_s)

    async def _ask_postgresql(self) -> tuple[bool, dict[str, str]] | None:
        """Whether an archiver works, and how far it has come; None without an answer."""
        try:
            async with asyncio.timeout(self._patience):
                async with await psycopg.AsyncConnection.connect(self._database_url, connect_timeout=2) as connection:
                    held = await (await connection.execute(HELD)).fetchall()
                    found = await connection.execute('SELECT stream, "offset" FROM ingestion_archiveoffset')
                    return ARCHIVE in {lock for (lock,) in held}, dict(await found.fetchall())
        except (OSError, TimeoutError, psycopg.Error):
            return None

    async def _ask_redis(
        self, archive: "asyncio.Task[tuple[bool, dict[str, str]] | None]"
    ) -> tuple[Flow | None, int | None]:
        """The flow, None without an answer; and how far the archive is behind, None while either does not say."""
        flow: Flow | None = None
        try:
            async with redis.asyncio.Redis.from_url(
                self._redis_url, socket_timeout=self._patience, socket_connect_timeout=self._patience, retry=None
            ) as client:
                async with asyncio.timeout(self._patience):
                    flow = await ask_async(client, look_at_flow(self._partitions, self._clock()))
                stored = await archive
                if stored is None:
                    return flow, None
                async with asyncio.timeout(self._patience):
                    question = look_at_archive(self._partitions, self._clock(), stored[1])
                    return flow, await ask_async(client, question)
        except (OSError, TimeoutError, redis.RedisError):
            return flow, None


def _answering(answers: bool) -> Part:
    return Part(answers, ANSWERS if answers else AWAY)


def _judge_lag(lag_ms: int, most_s: int) -> Part:
    is_late = lag_ms > most_s * 1_000
    return Part(not is_late, BEHIND if is_late else WELL, lag_ms / 1_000, most_s)
