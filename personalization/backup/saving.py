"""Makes a backup while the product runs: everything that was acknowledged before it began is in it, applied or to be
applied. See docs/adr/0023-a-backup-is-one-moment-of-both-stores.md."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from personalization.backup.cut import NOT_WHOLE, Cut
from personalization.backup.frames import write_frames
from personalization.backup.manifest import (
    DATABASE,
    FORMAT,
    MEDIA,
    PARTS,
    REDIS,
    Manifest,
    Refused,
    measure_part,
    name_key,
    name_user,
    write_manifest,
)
from personalization.backup.media import write_images
from personalization.backup.postgres import dump, hold_moment, read_server_version
from personalization.checkup import read_version
from personalization.checkup_parts import say_bytes
from profiles.audit import Act, record_act
from profiles.clients import Client

Tell = Callable[[str], None]


def save(folder: Path, client: Client, tell: Tell = lambda line: None) -> Manifest:
    """Makes `folder`, whole or not at all. `tell` hears how far it is. Raises Refused, redis.RedisError, OSError."""
    if folder.exists():
        raise Refused(f"{folder} is there already: name another one.")
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))  # its owner's alone
    except OSError as error:
        raise Refused(f"{folder} cannot be made ({error.strerror}).") from error
    try:
        manifest = _fill(draft, client, tell)
        write_manifest(draft, manifest)
        for path in draft.iterdir():
            path.chmod(0o600)
        _sync(draft)
        draft.rename(folder)
        _sync(folder.absolute().parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    record_act(
        Act.EXPORTED,
        by=None,
        at=timezone.now(),
        kind="backup",
        subject=str(folder)[:200],
        after={"made": manifest.made.isoformat(), "bytes": sum(part.bytes for part in manifest.parts.values())},
        note=f"manage.py backup, by {name_user()}",
    )
    return manifest


def _fill(draft: Path, client: Client, tell: Tell) -> Manifest:
    with write_images(draft / MEDIA) as images:
        images.take()  # before and after: an image goes only when nothing shows it any more
        began = time.monotonic()
        with hold_moment() as held:
            if not held.is_whole():
                raise Refused(NOT_WHOLE)
            with write_frames(draft / REDIS) as sink:
                cut = Cut(client, sink, held.offsets)
                cut.take()
            made = datetime.now(UTC)
            held.let_archiver_go()
            tell(f"logs: {cut.records:,} records in {time.monotonic() - began:.1f} s")
            began = time.monotonic()
            program = dump(draft / DATABASE, held.snapshot, lambda size: tell(f"database: {say_bytes(size)}"))
            counts, migrations = held.count(), held.list_migrations()
        tell(f"database: {sum(counts.values()):,} rows in {time.monotonic() - began:.1f} s")
        images.take()
        tell(f"images: {images.count:,}")
    return Manifest(
        format=FORMAT,
        product=read_version(),
        made=made,
        postgresql=read_server_version(),
        program=program,
        partitions=settings.PZ_PARTITIONS,
        key=name_key(),
        migrations=migrations,
        counts={**counts, "records of the logs": cut.records, "images": images.count},
        parts={name: measure_part(draft / name) for name in PARTS},
    )


def _sync(folder: Path) -> None:
    """The names in a folder, onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
