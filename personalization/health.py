"""`/healthz`: whether PostgreSQL and Redis answer, in bounded time, for proxies and monitors; raw ASGI."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
import redis.asyncio

from ingestion.http import NO_CONTENT, Answer, Scope, Send, encode, refuse, refuse_method, send_answer

PATH = "/healthz"
PATIENCE_S = 2.0
KEPT_S = 1.0  # an answer serves everybody who asks within: probes, however many, cost the servers next to nothing

Probe = Callable[[], Awaitable[None]]


class HealthApp:
    """`/healthz` asks every probe, `/healthz/NAME` one: 200, or 503 when one asked does not answer."""

    def __init__(self, probes: dict[str, Probe], *, patience: float = PATIENCE_S) -> None:
        self._probes = probes
        self._patience = patience
        self._answers: dict[str, tuple[float, asyncio.Task[bool]]] = {}

    async def __call__(self, scope: Scope, send: Send) -> None:
        await send_answer(send, await self._answer(scope["method"], scope["path"].removeprefix(PATH).strip("/")))

    async def _answer(self, method: str, name: str) -> Answer:
        if method == "OPTIONS":
            return NO_CONTENT
        if method not in ("GET", "HEAD"):
            return refuse_method(b"GET, HEAD, OPTIONS")
        if name and name not in self._probes:
            return refuse(
                404, "not_found", f"ask {PATH}, or one of {', '.join(f'{PATH}/{each}' for each in self._probes)}"
            )
        names = [name] if name else list(self._probes)
        found = dict(zip(names, await asyncio.gather(*map(self._ask, names)), strict=True))
        body = encode({each: "answers" if ok else "does not answer" for each, ok in found.items()})
        return Answer(200 if all(found.values()) else 503, b"" if method == "HEAD" else body)

    async def _ask(self, name: str) -> bool:
        now = time.monotonic()
        asked, task = self._answers.get(name, (0.0, None))
        if task is None or (task.done() and now - asked > KEPT_S):
            task = asyncio.create_task(self._probe(name))
            self._answers[name] = (now, task)
        return await asyncio.shield(task)  # one asker who goes away does not end it for the others

    async def _probe(self, name: str) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                await self._probes[name]()
        except (OSError, TimeoutError, psycopg.Error, redis.RedisError):
            return False
        return True


def probes_of(database_url: str, redis_url: str) -> dict[str, Probe]:
    """A connection of its own for each look: it says what a process that starts now would find."""

    async def ask_postgresql() -> None:
        async with await psycopg.AsyncConnection.connect(database_url, connect_timeout=2) as connection:
            await connection.execute("SELECT 1")

    async def ask_redis() -> None:
        async with redis.asyncio.Redis.from_url(
            redis_url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=None
        ) as client:
            await client.ping()

    return {"postgresql": ask_postgresql, "redis": ask_redis}
