"""Puts a backup back: Redis' logs, then PostgreSQL in one transaction, then Redis is filled from both."""

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from ingestion.leases import ABSENT_MS
from personalization.backup.frames import read_frames
from personalization.backup.manifest import (
    DATABASE,
    MEDIA,
    REDIS,
    Manifest,
    Refused,
    check_parts,
    name_key,
    name_user,
    read_manifest,
)
from personalization.backup.media import put_images
from personalization.backup.postgres import (
    RESTORE,
    count_rows,
    empty_database,
    find_program,
    is_empty,
    is_in_use,
    read_server_version,
    restore,
)
from personalization.backup.putting import clear_redis, is_used, put_frames
from personalization.rebuilding import rebuild
from personalization.signs import now_ms
from personalization.wiring import clock as real_clock
from profiles import keys
from profiles.audit import Act, record_act
from profiles.clients import Client

Tell = Callable[[str], None]


def check_backup(folder: Path) -> Manifest:
    """Reads all of it. Raises Refused for what cannot be restored by this version of the product."""
    manifest = read_manifest(folder)
    check_parts(folder, manifest.parts)
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := [name for name in manifest.migrations if name not in known]:
        raise Refused(f"It is of version {manifest.product} with {unknown[0]}, unknown here: use a newer version.")
    if manifest.partitions != settings.PZ_PARTITIONS:
        raise Refused(f"It has {manifest.partitions} partitions: set PZ_PARTITIONS to {manifest.partitions}.")
    return manifest


def check_target(manifest: Manifest, client: Client, *, replace: bool) -> None:
    """Raises Refused unless this is a place to restore to. May raise redis.RedisError."""
    server = read_server_version()
    if server < manifest.postgresql:
        raise Refused(f"It is of PostgreSQL {manifest.postgresql}, and this is {server}: use a newer server.")
    find_program(RESTORE, server, least=manifest.program)
    since = now_ms() - ABSENT_MS
    names = [*client.zrangebyscore(keys.PROCESSORS, since, "+inf"), *client.zrangebyscore(keys.SIGNS, since, "+inf")]
    if names:
        raise Refused(
            f"{names[0].decode()} was at work within the last {ABSENT_MS // 1_000} s: stop every process of the "
            "product, and try again."
        )
    if is_in_use():
        raise Refused("Somebody is connected to the database: stop every process of the product, and try again.")
    if not replace and not is_empty():
        raise Refused("The database is not empty; with --replace all that is in it is removed first.")
    if not replace and is_used(client, settings.PZ_PARTITIONS):
        raise Refused("Redis is not empty; with --replace all that the product has in it is removed first.")


def put_back(
    folder: Path,
    manifest: Manifest,
    client: Client,
    tell: Tell = lambda line: None,
    *,
    clock: Callable[[], int] = real_clock,
) -> None:
    """Removes what is there and puts the backup in its place; who is interrupted runs it again. `clock` gives Unix
    milliseconds. Raises Refused, Waits, redis.RedisError."""
    began = time.monotonic()
    clear_redis(client)
    if not is_empty():
        empty_database()
    records = put_frames(client, read_frames(folder / REDIS), partitions=manifest.partitions)
    tell(f"logs: {records:,} records in {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    program = find_program(RESTORE, read_server_version(), least=manifest.program)
    restore(folder / DATABASE, program, lambda: tell(f"database: {time.monotonic() - began:.0f} s"))
    wanted = {name: count for name, count in manifest.counts.items() if name in (found := count_rows())}
    if found != wanted:
        raise Refused(f"The database holds {found}, and not {wanted}.")
    tell(f"database: {sum(found.values()):,} rows in {time.monotonic() - began:.1f} s")
    tell(f"images: {put_images(folder / MEDIA):,}")
    call_command("migrate", verbosity=0, interactive=False)
    state = rebuild(client, clock=clock)
    tell(f"Redis: {state.profiles:,} profiles")
    end_sessions()
    record_act(
        Act.RESTORED,
        by=None,
        at=timezone.now(),
        kind="backup",
        subject=str(folder)[:200],
        after={"made": manifest.made.isoformat()},
        note=f"manage.py restore, by {name_user()}",
    )


def is_of_this_key(manifest: Manifest) -> bool:
    """Whether it was made under the same SECRET_KEY."""
    return manifest.key == name_key()


def end_sessions() -> None:
    """Who had signed out since shall not be signed in again."""
    import_module(settings.SESSION_ENGINE).SessionStore.get_model_class().objects.all().delete()
