"""Leases: which of several processors works on which partition. A lease only avoids waste; the offset is the fence."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import redis

from profiles import keys
from profiles.clients import Client
from profiles.store import StoreUnavailable

# Renews the leases that are ours, takes free ones up to the fair share, lets go of what is above it.
# KEYS: the processors' sorted set, then one lease per partition. ARGV: owner, now, milliseconds a lease lasts.
_TEND = """
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (ARGV[2] - ARGV[3]))
local share = math.ceil((#KEYS - 1) / redis.call('ZCARD', KEYS[1]))
local held = {}
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[1] then
    if #held < share then
      redis.call('PEXPIRE', KEYS[i], ARGV[3])
      held[#held + 1] = i - 2
    else
      redis.call('DEL', KEYS[i])
    end
  end
end
for i = 2, #KEYS do
  if #held < share and redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[3], 'NX') then held[#held + 1] = i - 2 end
end
return held
"""

_RELEASE = """
redis.call('ZREM', KEYS[1], ARGV[1])
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end
end
"""


ABSENT_MS = 15_000  # without a sign of life; one that works off a large batch is silent for a while


def is_processing(client: Client, *, now: int) -> bool:
    """Whether any processor is alive, at `now` in Unix milliseconds."""
    return bool(client.zcount(keys.PROCESSORS, now - ABSENT_MS, "+inf"))


class Leases(Protocol):
    """Which partitions a processor may work on."""

    def tend(self) -> frozenset[int]:
        """Renews, takes and hands over leases; returns the partitions held now. Raises StoreUnavailable."""
        ...

    def release(self) -> None:
        """Gives everything back."""
        ...


class RedisLeases:
    """The partitions of processor `owner`. A processor that comes back under its old name takes them up at once."""

    def __init__(
        self,
        client: Client,
        *,
        owner: str,
        partitions: int,
        clock: Callable[[], int],
        lasts_ms: int = 5_000,
    ) -> None:
        self._keys = [keys.PROCESSORS, *(keys.lease(partition) for partition in range(partitions))]
        self._owner = owner
        self._clock = clock
        self._lasts_ms = lasts_ms
        self._tend = client.register_script(_TEND)
        self._release = client.register_script(_RELEASE)

    def tend(self) -> frozenset[int]:
        try:
            return frozenset(self._tend(keys=self._keys, args=[self._owner, self._clock(), self._lasts_ms]))
        except redis.RedisError as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error

    def release(self) -> None:
        """Gives everything back, so that another processor need not wait; a server that is away is no matter."""
        with suppress(redis.RedisError):
            self._release(keys=self._keys, args=[self._owner])
