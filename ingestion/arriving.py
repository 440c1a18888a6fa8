"""Whether anything comes from a source: how much, since when, what it was, and what speaks against it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Max, Min, Q, Sum

from ingestion.models import Outcome, Refusal
from ingestion.refusals import Refused
from ingestion.steps import Outcome as Ending

NOBODY = "-"  # the source of events whose write key nobody has
LOOKED_THROUGH = 2_000  # of the newest archived events
FRESH = timedelta(minutes=15)


@dataclass(frozen=True)
class Arrivals:
    """What has come from a source. `first` and `last` are of events that were applied, `refused_last` of others."""

    total: int = 0
    today: int = 0
    refused_today: int = 0
    first: datetime | None = None
    last: datetime | None = None
    refused_last: datetime | None = None

    def is_fresh(self, at: datetime) -> bool:
        return self.last is not None and at - self.last < FRESH


class Arrived(NamedTuple):
    """One of the newest events of a source."""

    name: str
    at: datetime
    received: datetime


@dataclass(frozen=True)
class Complaint:
    """Why events were refused, how many of those that are kept, when the last one was, and what was said of it."""

    reason: str
    count: int
    last: datetime
    message: str


def add_up_arrivals(sources: Collection[str], *, today: date) -> dict[str, Arrivals]:
    """Of each source, in one query. Counters follow events by a few seconds."""
    applied, refused = Q(outcome=Ending.ACCEPTED), Q(outcome__in=list(Refused))
    rows = (
        Outcome.objects.filter(applied | refused, source__in=sources)
        .values("source")
        .annotate(
            total=Sum("count", filter=applied),
            today=Sum("count", filter=applied & Q(day=today)),
            refused_today=Sum("count", filter=refused & Q(day=today)),
            first_applied=Min("first", filter=applied),
            last_applied=Max("last", filter=applied),
            refused_last=Max("last", filter=refused),
        )
    )
    return {
        row["source"]: Arrivals(
            total=row["total"] or 0,
            today=row["today"] or 0,
            refused_today=row["refused_today"] or 0,
            first=row["first_applied"],
            last=row["last_applied"],
            refused_last=row["refused_last"],
        )
        for row in rows
    }


def list_arrived(source: str, *, limit: int) -> list[Arrived]:
    """The newest events of a source, among the newest of all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, at, received FROM (SELECT id, name, at, received, source FROM profiles_archivedevent "
            "ORDER BY id DESC LIMIT %s) AS newest WHERE source = %s ORDER BY id DESC LIMIT %s",
            [LOOKED_THROUGH, source, limit],
        )
        return [Arrived(*row) for row in cursor.fetchall()]


def list_complaints(source: str, *, since: datetime) -> list[Complaint]:
    """What was refused of a source, and of nobody's, since then: by reason, the newest first."""
    rows = list(
        Refusal.objects.filter(source__in=(source, NOBODY), at__gte=since)
        .values("reason")
        .annotate(count=Count("pk"), last=Max("at"), newest=Max("pk"))
        .order_by("-last")
    )
    said = dict(Refusal.objects.filter(pk__in=[row["newest"] for row in rows]).values_list("pk", "message"))
    return [Complaint(row["reason"], row["count"], row["last"], said.get(row["newest"], "")) for row in rows]
