"""Writes of how far imports have come."""

from datetime import datetime

from django.db.models import F

from ingestion.models import ImportRun, Source


def start_import(source: Source, *, file: str, sha256: str, preset: str, at: datetime) -> ImportRun:
    """The run of this file: the one that was interrupted, to go on after its `events`, or one from the beginning."""
    run, made = ImportRun.objects.get_or_create(
        source=source, sha256=sha256, preset=preset, defaults={"file": file[-255:], "started": at}
    )
    if not made and run.finished is not None:
        run.events, run.started, run.finished = 0, at, None
        run.save()
    return run


def keep_import(run: ImportRun, events: int) -> None:
    """Notes that so many more events are settled."""
    ImportRun.objects.filter(pk=run.pk).update(events=F("events") + events)


def finish_import(run: ImportRun, *, at: datetime) -> None:
    ImportRun.objects.filter(pk=run.pk).update(finished=at)
