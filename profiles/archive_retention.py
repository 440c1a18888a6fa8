"""How far back the archive of events goes: what is older leaves by whole months, and from when on it knows everything
is noted first, so that nobody takes what it forgot for what never happened."""

import time
from datetime import UTC, date, datetime

from django.conf import settings
from django.db import connection, transaction

from profiles.models import ArchiveStart, MergeRecord
from profiles.months import EVENTS, REST, drop_month, list_months, months_before

CHUNK = 5_000  # rows of one statement
DAYS_OF_MONTH = 28  # of the shortest: what profiles remember is never forgotten before them

_FORGET_REST = f"""
DELETE FROM {EVENTS}{REST} WHERE (at, id) IN (SELECT at, id FROM {EVENTS}{REST} WHERE at < %s LIMIT %s)
"""  # noqa: S608  # our own names


def find_cut(now: datetime, *, months: int, retention_days: int) -> date | None:
    """The first day of the oldest month that is kept, by `months` that are kept besides this one; None: all are. What
    profiles remember and conditions may ask for is kept, whatever the setting says."""
    if not months:
        return None
    return months_before(now.astimezone(UTC).date(), max(months, retention_days // DAYS_OF_MONTH + 1))


def read_start() -> int:
    """From when on the archive knows everything, Unix milliseconds; 0: from the start."""
    said = settings.PZ_ARCHIVE_SINCE
    started = ArchiveStart.objects.values_list("since", flat=True).first()
    days = [datetime.fromisoformat(f"{said}T00:00:00+00:00")] if said else []
    return max((int(at.timestamp()) * 1_000 for at in (*days, started) if at is not None), default=0)


def forget_archive(before: date, *, seconds: float) -> bool:
    """Removes events from before a month, for so long; returns whether something may be left. Merges of that time can
    not be undone any more: what came of them since cannot be told from what came before. What another query holds back
    is left to the next time."""
    deadline = time.monotonic() + seconds
    start = datetime(before.year, before.month, 1, tzinfo=UTC)
    _note_start(start)
    for name, month in list_months(EVENTS):
        if month >= before:
            break
        if time.monotonic() > deadline:
            return True
        if not drop_month(EVENTS, name):
            return False
    while _forget_rest(start) or _empty_merges(start):
        if time.monotonic() > deadline:
            return True
    return False


@transaction.atomic
def _note_start(start: datetime) -> None:
    """It only moves on: what was forgotten under another setting does not come back."""
    row, is_new = ArchiveStart.objects.select_for_update().get_or_create(pk=1, defaults={"since": start})
    if not is_new and row.since < start:
        row.since = start
        row.save()


def _forget_rest(start: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_REST, [start, CHUNK])
        return bool(cursor.rowcount > 0)


def _empty_merges(start: datetime) -> bool:
    old = MergeRecord.objects.filter(at__lt=start).exclude(state=b"")
    some = list(old.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    return MergeRecord.objects.filter(pk__in=some).update(state=b"", before=b"") > 0
