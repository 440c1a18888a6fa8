"""Limits at the hot doors: tokens are taken from a caller's bucket many at once, so that most calls ask nobody.

A call never waits for Redis while its process has tokens of the caller left. The first call of a caller is on credit:
it is let in while the tokens are still on their way. So a caller may come in more often than its limit says, by one
lease for each process, and may be told to wait while another process still has tokens of a lease.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

import redis

from personalization.limits import TAKE, WINDOW_S, Policy, Verdict, args_of, give_way
from profiles import keys
from profiles.clients import AsyncClient

MOST_LEASES = 20_000  # callers that a process remembers; of the others it takes new tokens
AT_ONCE = 500  # buckets of one round trip
REFUSED_S = 0.05  # at least, before a caller who has to wait costs another round trip
PATIENCE_S = 0.5  # with a Redis that does not answer, then the call is let in


class _Lease:
    """What is left of a caller's tokens: here, and by the last answer in the bucket."""

    __slots__ = ("asking", "beyond", "left", "owed", "policy", "refused_until", "told")

    def __init__(self, policy: Policy, now: float) -> None:
        self.policy = policy
        self.left = self.owed = policy.lease  # on credit
        self.beyond = policy.quota - policy.lease
        self.told = now
        self.refused_until = 0.0
        self.asking: asyncio.Future[None] | None = None


class Allowances:
    """The leases of one process. `clock` gives seconds."""

    def __init__(
        self, client: AsyncClient, clock: Callable[[], float] = time.monotonic, patience: float = PATIENCE_S
    ) -> None:
        self._take = client.register_script(TAKE)
        self._clock = clock
        self._patience = patience
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._waiting: dict[str, _Lease] = {}
        self._trip: asyncio.Task[None] | None = None

    async def take(self, name: str, policy: Policy) -> Verdict:
        if not policy.quota:
            return give_way(policy)
        now = self._clock()
        lease = self._find(name, policy, now)
        while lease.left <= 0:  # others may wait for the same tokens
            if now < lease.refused_until:
                return self._refuse(lease, now)
            answered, _ = await asyncio.wait([self._ask(name, lease)], timeout=self._patience)
            if not answered:
                return give_way(policy)
            now = self._clock()
        lease.left -= 1
        if lease.left <= policy.lease // 2 and now >= lease.refused_until:
            self._ask(name, lease)
        return Verdict(policy, True, max(0, lease.left) + self._beyond(lease, now))

    async def close(self) -> None:
        """Returns when no round trip is under way."""
        if self._trip is not None:
            await asyncio.wait([self._trip])

    def _find(self, name: str, policy: Policy, now: float) -> _Lease:
        lease = self._leases.get(name)
        if lease is None or lease.policy != policy:
            lease = self._leases[name] = _Lease(policy, now)
            self._ask(name, lease)
            if len(self._leases) > MOST_LEASES:
                self._leases.popitem(last=False)
        else:
            self._leases.move_to_end(name)
        return lease

    def _refuse(self, lease: _Lease, now: float) -> Verdict:
        wait = lease.refused_until - now
        return Verdict(lease.policy, False, 0, max(1, int(wait) + (wait > int(wait))))

    def _beyond(self, lease: _Lease, now: float) -> int:
        return int(min(lease.policy.quota, lease.beyond + (now - lease.told) * lease.policy.quota / WINDOW_S))

    def _ask(self, name: str, lease: _Lease) -> asyncio.Future[None]:
        """Another lease's worth of tokens, with what others ask for meanwhile; done when the answer is there."""
        if lease.asking is None:
            lease.asking = asyncio.get_running_loop().create_future()
            self._waiting[name] = lease
            if self._trip is None or self._trip.done():
                self._trip = asyncio.create_task(self._travel())
        return lease.asking

    async def _travel(self) -> None:
        while self._waiting:
            asked = [self._waiting.popitem() for _ in range(min(AT_ONCE, len(self._waiting)))]
            names = [keys.calls(name) for name, _ in asked]
            args = args_of((lease.policy, lease.policy.lease) for _, lease in asked)
            try:
                answer = await self._take(keys=names, args=args)
            except (redis.RedisError, OSError):
                answer = [value for _, lease in asked for value in (lease.policy.lease, lease.policy.quota, 0)]
            for at, (_, lease) in enumerate(asked):
                self._settle(lease, *answer[3 * at : 3 * at + 3])

    def _settle(self, lease: _Lease, given: int, left: int, wait: int) -> None:
        assert lease.asking is not None  # whoever waits here has asked
        now = self._clock()
        lease.left += given - lease.owed
        lease.owed = 0
        lease.beyond, lease.told = left, now
        lease.refused_until = now + max(REFUSED_S, wait / 1000) if given < lease.policy.lease else 0.0
        lease.asking.set_result(None)
        lease.asking = None
