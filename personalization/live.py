"""Pushes: one subscription connection per web process hands each profile's changes to the sockets that watch it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import redis

from ingestion.live import Change, unpack
from profiles import keys
from profiles.clients import AsyncClient

logger = logging.getLogger(__name__)

Watcher = Callable[[Change], Awaitable[None]]
PAUSE_S = 0.5  # before the subscription is taken up again after Redis was away


class LiveChanges:
    """Changes of profiles as they are committed. A push may be lost while Redis is away; no decision depends on one."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)
        self._watchers: dict[str, set[Watcher]] = {}
        self._wanted = asyncio.Event()
        self._connecting = asyncio.Lock()
        self._stopping = False
        self._unsure = False  # whether all that is watched is subscribed to

    async def watch(self, profile_id: str, watcher: Watcher) -> None:
        """Calls `watcher` with every change of the profile; it must not block for long."""
        watchers = self._watchers.setdefault(keys.live(profile_id), set())
        watchers.add(watcher)
        if len(watchers) == 1:
            await self._tell(self._pubsub.subscribe, profile_id)
        self._wanted.set()

    async def unwatch(self, profile_id: str, watcher: Watcher) -> None:
        name = keys.live(profile_id)
        watchers = self._watchers.get(name, set())
        watchers.discard(watcher)
        if not watchers and self._watchers.pop(name, None) is not None:
            await self._tell(self._pubsub.unsubscribe, profile_id)

    async def run(self) -> None:
        """Hands out changes until `stop` is called, which it notices within a second."""
        while not self._stopping:
            await self._wanted.wait()
            if self._stopping:
                break  # a client that was never subscribed to anything cannot be asked
            try:
                await self._make_sure()
                message = await self._pubsub.get_message(timeout=1.0)
            except (redis.RedisError, OSError) as error:
                logger.warning("pushes are waiting for Redis: %s", type(error).__name__)
                await asyncio.sleep(PAUSE_S)
                await self._hang_up()
                continue
            if message is None:
                if not self._pubsub.subscribed:
                    self._unsure = bool(self._watchers)
                    if not self._watchers:
                        self._wanted.clear()
                continue
            await self._hand_out(message["channel"].decode(), unpack(message["data"]))
        await self._pubsub.aclose()
        await self._client.aclose()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()

    async def _hand_out(self, name: str, change: Change) -> None:
        for watcher in tuple(self._watchers.get(name, ())):
            try:
                await watcher(change)
            except Exception:
                logger.exception("a watcher of changes failed")

    async def _tell(self, call: Callable[..., Awaitable[object]], profile_id: str) -> None:
        try:
            await self._connect()
            await call(keys.live(profile_id))
        except (redis.RedisError, OSError):
            self._unsure = True  # `run` subscribes anew once Redis is back

    async def _connect(self) -> None:
        """One connection, however many pages open at the same moment: what is subscribed over another is not heard."""
        async with self._connecting:
            if self._pubsub.connection is None:
                await self._pubsub.connect()

    async def _make_sure(self) -> None:
        """That there is a connection, and everything that is watched is subscribed to over it."""
        if self._unsure or self._pubsub.connection is None:
            await self._connect()
            self._unsure = False
            if self._watchers:
                try:
                    await self._pubsub.subscribe(*self._watchers)
                except (redis.RedisError, OSError):
                    self._unsure = True
                    raise

    async def _hang_up(self) -> None:
        self._unsure = True
        with suppress(redis.RedisError, OSError):
            await self._pubsub.aclose()
