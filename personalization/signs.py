"""Signs of life of parts that hold no lease and no lock: Celery's workers and beat, rounds, tasks by the clock."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from profiles import keys
from profiles.clients import Client

EVERY_MS = 5_000  # between two signs of one name by one process
KEPT_MS = 7 * 86_400_000  # of names that nobody has any more, such as workers that were renamed
BEAT = "beat"


def name_worker(host: str) -> str:
    return f"worker:{host}"


def name_round(look: str) -> str:
    return f"round:{look}"


def name_task(task: str, *, failed: bool = False) -> str:
    return f"{'failed' if failed else 'task'}:{task}"


class Signs:
    """What one process notes: each name now and then only. `clock` gives Unix milliseconds."""

    def __init__(self, client: Callable[[], Client], clock: Callable[[], int]) -> None:
        self._client = client
        self._clock = clock
        self._noted: dict[str, int] = {}

    def give(self, name: str, *, anyway: bool = False) -> None:
        """May raise redis.RedisError."""
        now = self._clock()
        if not anyway and now - self._noted.get(name, -EVERY_MS) < EVERY_MS:
            return
        client = self._client()
        client.zadd(keys.SIGNS, {name: now})
        client.zremrangebyscore(keys.SIGNS, "-inf", now - KEPT_MS)
        self._noted[name] = now


def read_signs(client: Client) -> Mapping[str, datetime]:
    """When each part last gave a sign. May raise redis.RedisError."""
    found = client.zrange(keys.SIGNS, 0, -1, withscores=True)
    return {name.decode(): datetime.fromtimestamp(int(at) / 1000, UTC) for name, at in found}


def now_ms() -> int:
    return time.time_ns() // 1_000_000
