"""Writes of how far imports have come, by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F

from ingestion.importing import CannotImport
from ingestion.models import ImportRun, Source
from profiles.locks import IMPORT

LOOKED_AT_AGAIN = 20_000  # events before an interruption: a Redis that lost power has forgotten its last seconds


@contextmanager
def open_import(source: Source, *, file: str, sha256: str, preset: str, at: datetime) -> Iterator[ImportRun]:
    """The run of this file: the one that was interrupted, to go on after its `events`, or one from the beginning.

    Raises CannotImport when another process is at it.
    """
    run, _ = ImportRun.objects.get_or_create(
        source=source, sha256=sha256, preset=preset, defaults={"file": file[-255:], "started": at}
    )
    with _hold(run):
        run.refresh_from_db()
        if run.finished is not None:
            run.events, run.started, run.finished = 0, at, None
        run.events = max(0, run.events - LOOKED_AT_AGAIN)
        run.save()
        yield run


def keep_import(run: ImportRun, events: int) -> None:
    """Notes that so many more events are settled."""
    ImportRun.objects.filter(pk=run.pk).update(events=F("events") + events)


def finish_import(run: ImportRun, *, at: datetime) -> None:
    ImportRun.objects.filter(pk=run.pk).update(finished=at)


@contextmanager
def _hold(run: ImportRun) -> Iterator[None]:
    """A lock of PostgreSQL on a connection of its own, which ends with the process, however it ends."""
    holder = connection.copy()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [IMPORT, run.pk % 2**31])
            if cursor.fetchone() != (True,):
                raise CannotImport(f"{run.file} is already being imported by another process")
            try:
                yield
            finally:
                # A pool keeps the connection open, and with it the lock; a connection that broke has none.
                with suppress(OperationalError, InterfaceError):
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [IMPORT, run.pk % 2**31])
    finally:
        holder.close()
