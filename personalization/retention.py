"""What is kept for a number of days and then of no use to anybody: one table of it, deleted a bounded piece at a time.

What has a bound of its own is elsewhere: docs/reference/retention.md lists everything."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet

from ingestion.models import DeadLetter, Outcome, PublishedDirectory
from profiles.models import AuditEntry, Rebuild
from rules.models import BackTest
from segments.models import Upload

CHUNK = 2_000  # rows of one statement
PAUSE_S = 0.05  # after each, so that others come to their turn


class Kept(NamedTuple):
    """Rows that leave `days` after what `field` says; 0 days: never."""

    name: str
    rows: Callable[[], "QuerySet[Any]"]
    field: str
    days: Callable[[], int]


class Newest(NamedTuple):
    """Rows of which the newest `most` stay."""

    name: str
    rows: Callable[[], "QuerySet[Any]"]
    most: int


def _audit_days() -> int:
    return int(settings.PZ_AUDIT_DAYS)


KEPT: tuple[Kept, ...] = (
    Kept("dead letters that were replayed", lambda: DeadLetter.objects.exclude(replayed=None), "replayed", lambda: 30),
    Kept("audit entries", lambda: AuditEntry.objects.all(), "at", _audit_days),
    Kept("operators' log", lambda: LogEntry.objects.all(), "action_time", _audit_days),
    Kept("sign-ins", lambda: AccessLog.objects.all(), "attempt_time", lambda: 90),
    Kept("failed sign-ins", lambda: AccessFailureLog.objects.all(), "attempt_time", lambda: 90),
    Kept("attempts to sign in", lambda: AccessAttempt.objects.all(), "attempt_time", lambda: 90),
    Kept("counters of outcomes", lambda: Outcome.objects.all(), "day", lambda: 800),
    Kept("back-tests", lambda: BackTest.objects.all(), "created", lambda: 400),
)
NEWEST: tuple[Newest, ...] = (
    Newest("published directories", lambda: PublishedDirectory.objects.all(), 100),
    Newest("rebuilds", lambda: Rebuild.objects.exclude(finished=None), 100),
)
UPLOAD_ROWS = timedelta(days=90)  # what refused rows of files said


def forget_what_is_old(*, at: datetime, seconds: float, pause: Callable[[float], object] = time.sleep) -> bool:
    """Deletes what is too old, for so long; returns whether something may be left."""
    deadline = time.monotonic() + seconds
    for removed in _forget_pieces(at):
        if removed and time.monotonic() > deadline:
            return True
        if removed:
            pause(PAUSE_S)
    return False


def _forget_pieces(at: datetime) -> Iterator[int]:
    """How many rows each piece came to; 0 where a place is done."""
    for kept in KEPT:
        if days := kept.days():
            while removed := _delete(kept.rows().filter(**{f"{kept.field}__lt": at - timedelta(days=days)})):
                yield removed
    for newest in NEWEST:
        last = newest.rows().order_by("-pk").values_list("pk", flat=True)[newest.most : newest.most + 1].first()
        while last is not None and (removed := _delete(newest.rows().filter(pk__lte=last))):
            yield removed
    while removed := _empty_uploads(at - UPLOAD_ROWS):
        yield removed


def _delete(rows: "QuerySet[Any]") -> int:
    some = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    if some:
        rows.model._default_manager.filter(pk__in=some).delete()
    return len(some)


def _empty_uploads(before: datetime) -> int:
    old = Upload.objects.filter(at__lt=before).exclude(problems=[])
    some = list(old.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    return Upload.objects.filter(pk__in=some).update(problems=[])
