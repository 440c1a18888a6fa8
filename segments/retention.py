"""What is kept of segments' past, and for how long; what is older is deleted, a bounded piece at a time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import connection
from django.db.models import Max

from segments.models import Build, Roster
from segments.queries import find_versions, read_roster

CHUNK = 10_000  # rows of one statement
HOURS_KEPT = timedelta(days=30)  # sizes of every hour; after that one a day
BUILDS_KEPT = timedelta(days=400)
ROSTERS_KEPT = 100

Piece = Callable[[], bool]  # deletes at most CHUNK rows; whether there may be more


def forget_past(*, at: datetime, changes_kept: timedelta, seconds: float) -> bool:
    """Deletes what is too old, for so long. Returns whether something may be left."""
    deadline = time.monotonic() + seconds
    pieces: tuple[Piece, ...] = (
        partial(_thin_sizes, at - HOURS_KEPT),
        partial(_forget_changes, at - changes_kept),
        partial(_forget_builds, at - BUILDS_KEPT),
        _forget_rosters,
    )
    for forget_some in pieces:
        while forget_some():
            if time.monotonic() > deadline:
                return True
    return False


def _thin_sizes(before: datetime) -> bool:
    """Of each version's sizes of a day, in UTC, the last one stays."""
    return _delete(
        "DELETE FROM segments_segmentsize WHERE id IN (SELECT early.id FROM segments_segmentsize AS early "
        "WHERE early.hour < %s AND EXISTS (SELECT FROM segments_segmentsize AS late "
        "WHERE late.segment = early.segment AND late.version = early.version AND late.hour > early.hour "
        "AND late.hour < date_trunc('day', early.hour, 'UTC') + interval '1 day') LIMIT %s)",
        before,
        CHUNK,
    )


def _forget_changes(before: datetime) -> bool:
    """Looks at those that were stored first, which are about the oldest, so that no index by time is needed."""
    return _delete(
        "DELETE FROM segments_segmentchange WHERE id IN (SELECT id FROM (SELECT id, at FROM segments_segmentchange "
        "ORDER BY id LIMIT %s) AS first WHERE at < %s)",
        CHUNK,
        before,
    )


def _forget_builds(before: datetime) -> bool:
    """Those of versions that still count stay: they say since when."""
    roster = read_roster()
    known = find_versions([version.key for version in roster.versions])
    old = Build.objects.filter(state__in=Build.ENDED, finished__lt=before).exclude(versions__in=known)
    some = list(old.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    Build.objects.filter(pk__in=some).delete()
    return len(some) == CHUNK


def _forget_rosters() -> bool:
    """All but the newest, and those that builds name. The one in force is the newest."""
    newest = Roster.objects.aggregate(newest=Max("number"))["newest"] or 0
    old = Roster.objects.filter(number__lte=newest - ROSTERS_KEPT).exclude(number__in=Build.objects.values("roster"))
    some = list(old.order_by("number").values_list("pk", flat=True)[:CHUNK])
    Roster.objects.filter(pk__in=some).delete()
    return len(some) == CHUNK


def _delete(statement: str, *values: datetime | int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        deleted: int = cursor.rowcount
    return deleted > 0
