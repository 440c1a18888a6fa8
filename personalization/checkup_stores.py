"""How the servers are on which everything rests: PostgreSQL, Redis, the disk."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from personalization.checkup_parts import Figure, Light, Part, say_bytes
from profiles.clients import Client
from profiles.models import Rebuild
from profiles.whole import read_mark

SLOW_MS = 200
SHARE_OF_CONNECTIONS = 0.85
FULL, NEARLY_FULL = 0.95, 0.8
LITTLE_ROOM = 0.05  # of a disk


@dataclass(frozen=True)
class Postgresql:
    """`size` in bytes, `took_ms` the answer."""

    version: str
    size: int
    connections: int
    most_connections: int
    took_ms: float


@dataclass(frozen=True)
class Redis:
    """`memory` and `most_memory` in bytes, the latter 0 without a bound. `keeps`: the append-only file is on; `writes`:
    and it can be written."""

    version: str
    memory: int
    most_memory: int
    policy: str
    keeps: bool
    writes: bool
    clients: int | str


@dataclass(frozen=True)
class Disk:
    """In bytes."""

    free: int
    size: int


def measure_postgresql() -> Postgresql:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), pg_database_size(current_database()), "
            "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
            "current_setting('max_connections')::int"
        )
        version, size, used, most = cursor.fetchone()
    return Postgresql(version, size, used, most, (time.perf_counter() - began) * 1_000)


def measure_redis(client: Client) -> Redis:
    """May raise redis.RedisError."""
    info: dict[str, Any] = client.info()
    keeps = bool(int(info.get("aof_enabled", 0)))
    return Redis(
        version=info.get("valkey_version") or info.get("redis_version", ""),
        memory=int(info["used_memory"]),
        most_memory=int(info.get("maxmemory", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        keeps=keeps,
        writes=keeps and info.get("aof_last_write_status", "ok") == "ok",
        clients=info.get("connected_clients", ""),
    )


def measure_disk(folder: Path) -> Disk | None:
    """None where there is no such folder: the servers and their data are elsewhere."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(usage.free, usage.total)


def check_postgresql() -> Part:
    """Whoever asks could not have signed in without it."""
    found = measure_postgresql()
    todo = ""
    if found.connections > SHARE_OF_CONNECTIONS * found.most_connections:
        todo = _("Nearly all connections are taken: raise max_connections, or run fewer processes.")
    elif found.took_ms > SLOW_MS:
        todo = _("It answers slowly. Look at what it is busy with (pg_stat_activity).")
    figures = (
        Figure(_("Version"), found.version),
        Figure(_("Size"), say_bytes(found.size)),
        Figure(_("Connections"), f"{found.connections} / {found.most_connections}"),
        Figure(_("Answer"), f"{found.took_ms:.0f} ms"),
    )
    light = Light.WARNING if todo else Light.GOOD
    return Part("postgresql", "PostgreSQL", "database", light, _("Answers"), figures, todo)


def check_redis(client: Client) -> Part:
    """May raise redis.RedisError."""
    found = measure_redis(client)
    light, todo = _judge_redis(found)
    most = f" / {say_bytes(found.most_memory)}" if found.most_memory else ""
    kept = _("on") if found.writes else _("cannot be written") if found.keeps else _("off")
    figures = (
        Figure(_("Version"), found.version),
        Figure(_("Memory"), say_bytes(found.memory) + most),
        Figure(_("When full"), found.policy),
        Figure(_("Append-only file"), kept),
        Figure(_("Clients"), found.clients),
    )
    return Part("redis", "Redis", "database-zap", light, _("Answers"), figures, todo)


def _judge_redis(found: Redis) -> tuple[Light, str]:
    used, most = found.memory, found.most_memory
    if most and used > FULL * most:
        return Light.BAD, _("Its memory is full: events are refused soon. Give it more, or shorten retention.")
    if found.keeps and not found.writes:
        return Light.BAD, _("It cannot write its append-only file. Look at its disk and its log.")
    if found.policy and found.policy != "noeviction":
        return Light.BAD, _("It may throw profiles away: set maxmemory-policy to noeviction.")
    if not found.keeps:
        return Light.WARNING, _("What it holds is lost when it ends: set appendonly to yes.")
    if most and used > NEARLY_FULL * most:
        return Light.WARNING, _("Its memory is nearly full. Give it more, or shorten retention.")
    return Light.GOOD, ""


def check_rebuild(client: Client) -> Part:
    """Whether Redis holds what it should. May raise redis.RedisError."""
    newest = Rebuild.objects.first()
    name, icon = _("Hot profiles"), "database-zap"
    if newest is not None and newest.finished is not None and read_mark(client):
        figures = (
            Figure(_("Last filled"), newest.get_cause_display(), newest.finished),
            Figure(_("Profiles filled in"), f"{newest.profiles:,}"),
        )
        return Part("whole", name, icon, Light.GOOD, _("Whole"), figures)
    if newest is None or newest.finished is not None:
        todo = _("The archiver’s process fills it from PostgreSQL by itself: start manage.py run_archiver.")
        return Part("whole", name, icon, Light.BAD, _("Not whole"), todo=todo)
    done = f"{newest.done:,} / {newest.total:,}" if newest.total else f"{newest.done:,}"
    figures = (Figure(newest.get_phase_display(), done), Figure(_("Last sign"), newest.error, newest.heartbeat))
    if newest.phase == Rebuild.Phase.WAITING:
        todo = _("Redis is older than PostgreSQL: somebody has to run manage.py rebuild. Events wait in the log.")
        return Part("whole", name, icon, Light.BAD, _("Older than the archive"), figures, todo)
    todo = _("It is filled from PostgreSQL. Meanwhile events wait in the log, and pages keep their own content.")
    return Part("whole", name, icon, Light.BAD, _("Being filled"), figures, todo)


def miss_redis() -> Part:
    says, todo = _("Does not answer"), _("Start it, or mend REDIS_URL. Events wait with their senders meanwhile.")
    return Part("redis", "Redis", "database-zap", Light.BAD, says, todo=todo)


def check_disk(folder: Path) -> Part | None:
    """None where there is no such folder: the servers and their data are elsewhere."""
    found = measure_disk(folder)
    if found is None:
        return None
    free = found.free / found.size
    light = Light.BAD if free < LITTLE_ROOM else Light.WARNING if free < 2 * LITTLE_ROOM else Light.GOOD
    todo = _("The disk is nearly full: make room, or PostgreSQL and Redis stop.") if light != Light.GOOD else ""
    figures = (
        Figure(_("Free"), say_bytes(found.free)),
        Figure(_("Of"), say_bytes(found.size)),
        Figure(_("Folder"), str(folder)),
    )
    return Part("disk", _("Disk"), "hard-drive", light, _("%(share)d %% free") % {"share": free * 100}, figures, todo)
