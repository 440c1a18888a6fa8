"""Which parts of the product are at work at this moment, and how far behind they are."""

import time
from dataclasses import dataclass
from datetime import datetime

import redis
from django.conf import settings

from ingestion.lag import Lag, measure_lag
from ingestion.leases import is_processing
from profiles.clients import Client
from profiles.locks import ARCHIVE, BUILD, list_held
from rules.queries import find_published
from segments.health import Health, list_health
from segments.progress import Alive

REFRESH_S = 3  # between looks at a page while something is under way


@dataclass(frozen=True)
class Overview:
    """How the segments are, and what they rest on; `lag` is None while Redis does not answer."""

    alive: Alive
    lag: Lag | None
    segments: list[Health]

    @property
    def is_moving(self) -> bool:
        """Something is under way, so that it is worth looking again soon."""
        return any(each.build is not None for each in self.segments)


def look_alive(client: Client) -> Alive:
    held = list_held()
    try:
        processor, answers = is_processing(client, now=_now()), True
    except redis.RedisError:
        processor = answers = False
    return Alive(redis=answers, archiver=ARCHIVE in held, processor=processor, builder=BUILD in held)


def look_over_segments(client: Client, *, at: datetime, only: str | None = None) -> Overview:
    """All segments, or one."""
    alive = look_alive(client)
    return Overview(
        alive=alive,
        lag=_measure(client) if alive.redis else None,
        segments=list_health(find_published(), at=at, alive=alive, only=None if only is None else [only]),
    )


def _measure(client: Client) -> Lag | None:
    try:
        return measure_lag(client, partitions=settings.PZ_PARTITIONS, now=_now())
    except redis.RedisError:
        return None


def _now() -> int:
    return time.time_ns() // 1_000_000
