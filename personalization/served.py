"""How many decisions were recorded: counted in each web process, and added up in Redis by the quarter of an hour."""

from collections import Counter
from collections.abc import Mapping

import redis

from profiles import keys
from profiles.clients import AsyncClient

QUARTER_MS = 900_000  # every time zone's midnight begins one
KEPT = 4 * 24 * 2  # quarters


class Served:
    """Of one process, for its event loop. What was counted since the last `write` is lost with the process."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._counted: Counter[int] = Counter()
        self._tidied = 0

    def count(self, at: int) -> None:
        """A decision of that moment (Unix milliseconds) was recorded."""
        self._counted[at // QUARTER_MS] += 1

    async def write(self) -> None:
        """Adds what was counted since; called twice a second. Raises redis.RedisError."""
        counted, self._counted = self._counted, Counter()
        try:
            await self._add(counted)
        except redis.RedisError:
            self._counted.update(counted)
            raise

    async def _add(self, counted: Mapping[int, int]) -> None:
        if not counted:
            return
        pipeline = self._client.pipeline(transaction=True)
        for quarter, count in counted.items():
            pipeline.hincrby(keys.DECIDED, str(quarter), count)
        newest = max(counted)
        if newest > self._tidied:
            for name in await self._client.hkeys(keys.DECIDED):
                if int(name) <= newest - KEPT:
                    pipeline.hdel(keys.DECIDED, name)
        await pipeline.execute()
        self._tidied = max(self._tidied, newest)


def read_served(counts: Mapping[bytes, bytes]) -> dict[int, int]:
    """Decisions by the quarter they were made in, of what `pz:decided` holds."""
    return {int(quarter): int(count) for quarter, count in counts.items()}
