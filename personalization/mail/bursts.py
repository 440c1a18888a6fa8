"""How many links of one message were followed within a second: no person is that fast, filters are."""

import asyncio
from hashlib import blake2b

import redis

from profiles import keys
from profiles.clients import AsyncClient

WINDOW_MS = 1_000
PATIENCE_S = 0.25  # somebody waits for a page


class Bursts:
    """Counts across all web processes, for one event loop."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def count(self, message_id: str, link: str, now: int) -> int:
        """How many different links within the second up to `now` (Unix milliseconds), this one included."""
        key = keys.clicks(message_id)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.zremrangebyscore(key, "-inf", now - WINDOW_MS)
        pipeline.zadd(key, {blake2b(link.encode(), digest_size=8).digest(): now})
        pipeline.zcard(key)
        pipeline.pexpire(key, 2 * WINDOW_MS)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return int((await pipeline.execute())[2])
        except (redis.RedisError, TimeoutError):
            return 1  # what else there is says who it was
