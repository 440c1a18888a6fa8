"""How the servers are on which everything rests: PostgreSQL, Redis, the disk."""

import shutil
import time
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


def check_postgresql() -> Part:
    """Whoever asks could not have signed in without it."""
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), pg_database_size(current_database()), "
            "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
            "current_setting('max_connections')::int"
        )
        version, size, used, most = cursor.fetchone()
    took = (time.perf_counter() - began) * 1_000
    todo = ""
    if used > SHARE_OF_CONNECTIONS * most:
        todo = _("Nearly all connections are taken: raise max_connections, or run fewer processes.")
    elif took > SLOW_MS:
        todo = _("It answers slowly. Look at what it is busy with (pg_stat_activity).")
    figures = (
        Figure(_("Version"), version),
        Figure(_("Size"), say_bytes(size)),
        Figure(_("Connections"), f"{used} / {most}"),
        Figure(_("Answer"), f"{took:.0f} ms"),
    )
    light = Light.WARNING if todo else Light.GOOD
    return Part("postgresql", "PostgreSQL", "database", light, _("Answers"), figures, todo)


def check_redis(client: Client) -> Part:
    """May raise redis.RedisError."""
    info: dict[str, Any] = client.info()
    used, most = int(info["used_memory"]), int(info.get("maxmemory", 0))
    policy = str(info.get("maxmemory_policy", ""))
    keeps = bool(int(info.get("aof_enabled", 0)))
    fine = keeps and info.get("aof_last_write_status", "ok") == "ok"
    light, todo = _judge_redis(used=used, most=most, policy=policy, keeps=keeps, fine=fine)
    figures = (
        Figure(_("Version"), info.get("valkey_version") or info.get("redis_version", "")),
        Figure(_("Memory"), say_bytes(used) + (f" / {say_bytes(most)}" if most else "")),
        Figure(_("When full"), policy),
        Figure(_("Append-only file"), _("on") if fine else _("cannot be written") if keeps else _("off")),
        Figure(_("Clients"), info.get("connected_clients", "")),
    )
    return Part("redis", "Redis", "database-zap", light, _("Answers"), figures, todo)


def _judge_redis(*, used: int, most: int, policy: str, keeps: bool, fine: bool) -> tuple[Light, str]:
    if most and used > FULL * most:
        return Light.BAD, _("Its memory is full: events are refused soon. Give it more, or shorten retention.")
    if keeps and not fine:
        return Light.BAD, _("It cannot write its append-only file. Look at its disk and its log.")
    if policy and policy != "noeviction":
        return Light.BAD, _("It may throw profiles away: set maxmemory-policy to noeviction.")
    if not keeps:
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
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    free = usage.free / usage.total
    light = Light.BAD if free < LITTLE_ROOM else Light.WARNING if free < 2 * LITTLE_ROOM else Light.GOOD
    todo = _("The disk is nearly full: make room, or PostgreSQL and Redis stop.") if light != Light.GOOD else ""
    figures = (
        Figure(_("Free"), say_bytes(usage.free)),
        Figure(_("Of"), say_bytes(usage.total)),
        Figure(_("Folder"), str(folder)),
    )
    return Part("disk", _("Disk"), "hard-drive", light, _("%(share)d %% free") % {"share": free * 100}, figures, todo)
