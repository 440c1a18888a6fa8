"""Every part of the product, looked at once: what is well, what is not, and what to do about it."""

import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import redis
from django.conf import settings

from ingestion.lag import ask, look_at_archive, look_at_flow, read_archived
from personalization.checkup_batch import (
    Clockwork,
    check_audiences,
    check_beat,
    check_rounds,
    check_workers,
    list_rounds,
    list_schedule,
)
from personalization.checkup_drift import check_drift
from personalization.checkup_flow import Partition, check_archiver, check_log, check_processors, list_partitions
from personalization.checkup_parts import Light, Part
from personalization.checkup_stores import check_disk, check_postgresql, check_rebuild, check_redis, miss_redis
from personalization.reconcile.runs import read_drift
from personalization.signs import read_signs
from personalization.vitals import look_alive
from profiles.clients import Client
from profiles.locks import ARCHIVE, list_held
from rules.queries import find_published
from segments.health import list_health


@dataclass(frozen=True)
class Checkup:
    """`parts` are all that could be looked at, in the order in which they rest on each other."""

    parts: tuple[Part, ...]
    partitions: list[Partition] = field(default_factory=list)
    rounds: list[Clockwork] = field(default_factory=list)
    schedule: list[Clockwork] = field(default_factory=list)

    @property
    def light(self) -> Light:
        """The worst of all."""
        lights = {part.light for part in self.parts}
        return next((light for light in (Light.BAD, Light.WARNING) if light in lights), Light.GOOD)

    @property
    def troubled(self) -> list[Part]:
        return [part for part in self.parts if part.light != Light.GOOD]


def check_all(client: Client, *, at: datetime) -> Checkup:
    """Without Redis nothing is known of what leaves its signs there."""
    servers = [check_postgresql()]
    disk = check_disk(settings.PZ_DATA)
    try:
        flow, checked = _check_flow(client, at)
    except redis.RedisError:
        return Checkup((*servers, miss_redis(), *([disk] if disk else [])))
    parts = (*servers, *flow, *([disk] if disk else []))
    return Checkup(parts, checked.partitions, checked.rounds, checked.schedule)


def _check_flow(client: Client, at: datetime) -> tuple[list[Part], Checkup]:
    now = int(at.timestamp() * 1_000)
    flow = ask(client, look_at_flow(settings.PZ_PARTITIONS, now))
    archive_ms = ask(client, look_at_archive(settings.PZ_PARTITIONS, now, read_archived()))
    partitions = list_partitions(flow)
    signs = read_signs(client)
    rounds, schedule = list_rounds(signs, at=at), list_schedule(signs, at=at)
    segments = list_health(find_published(), at=at, alive=look_alive(client))
    parts = [
        check_redis(client),
        check_rebuild(client),
        check_log(partitions, most=settings.PZ_LOG_MAX_LENGTH),
        check_processors(flow),
        check_archiver(holds=ARCHIVE in list_held(), lag_ms=archive_ms),
        check_rounds(rounds),
        check_workers(client, signs, at=at),
        check_beat(signs, schedule, at=at),
        check_audiences(segments),
        check_drift(read_drift(), at=at),
    ]
    return parts, Checkup((), partitions, rounds, schedule)


@cache
def read_version() -> str:
    """Of the product."""
    return str(tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"])
