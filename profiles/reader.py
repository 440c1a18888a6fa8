"""Reads profiles for the read path: identity and state in one round trip, shared by the calls of one moment."""

import asyncio
from typing import NamedTuple

import redis

from profiles import keys
from profiles.clients import AsyncClient
from profiles.event import derive_profile_id
from profiles.profile import Profile, unpack
from profiles.store import StoreUnavailable

BATCH = 100  # calls that share a round trip
IN_FLIGHT = 2  # round trips under way at once

# KEYS: pairs of an identifier's key and the key of the profile it stands for while nothing links it elsewhere.
# ARGV: the prefix of profile keys. Answers, per pair, the linked profile id ("" for none) and the packed state ("").
_READ = """
local found = {}
for i = 1, #KEYS, 2 do
  local id = redis.call('GET', KEYS[i])
  found[i] = id or ''
  found[i + 1] = redis.call('GET', id and (ARGV[1] .. id) or KEYS[i + 1]) or ''
end
return found
"""


class Found(NamedTuple):
    profile_id: str
    profile: Profile | None


class ProfileReader:
    """Profiles by identifier, for an event loop. Calls made while a round trip is under way share the next one."""

    def __init__(self, client: AsyncClient) -> None:
        self._read = client.register_script(_READ)
        self._waiting: list[tuple[str, asyncio.Future[Found]]] = []
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, identifier: str, deadline: float) -> Found:
        """The profile `identifier` stands for (`u:…`, `a:…`, or `p:…` for a profile's own id); raises StoreUnavailable,
        or TimeoutError after `deadline` seconds."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Found] = loop.create_future()
        self._waiting.append((identifier, future))
        if self._running < IN_FLIGHT:
            self._running += 1
            task = loop.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        expiry = loop.call_later(deadline, _expire, future)
        try:
            return await future
        finally:
            expiry.cancel()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._read_batch(batch)
        finally:
            self._running -= 1

    async def _read_batch(self, batch: list[tuple[str, "asyncio.Future[Found]"]]) -> None:
        derived = [_derive(identifier) for identifier, _ in batch]
        pairs = zip(batch, derived, strict=True)
        names = [name for (identifier, _), id in pairs for name in (keys.identifier(identifier), keys.profile(id))]
        try:
            answer: list[bytes] = await self._read(keys=names, args=[keys.profile("")])
        except redis.RedisError as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(StoreUnavailable(f"Redis: {type(error).__name__}: {error}"))
            return
        for number, (_, future) in enumerate(batch):
            if not future.done():
                linked, packed = answer[2 * number], answer[2 * number + 1]
                profile_id = linked.decode() if linked else derived[number]
                future.set_result(Found(profile_id, unpack(packed) if packed else None))


def _derive(identifier: str) -> str:
    """The profile of an identifier that nothing links elsewhere; `p:…` names it."""
    return identifier[2:] if identifier.startswith("p:") else derive_profile_id(identifier)


def _expire(future: "asyncio.Future[Found]") -> None:
    if not future.done():
        future.set_exception(TimeoutError("the store did not answer before the deadline"))
