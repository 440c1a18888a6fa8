"""Writes of what was decided and what came of it: few statements for many rows, inside the archiver's transaction."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from django.db import connection

from profiles.months import drop_month, list_months
from rules.models import DecisionOutcome

DECISIONS = "rules_decision"
CHUNK = 10_000  # outcomes of one statement
SEEN = ("Block Viewed", "Email Opened")  # events by which an impression is told
CLICKED = ("Block Clicked", "Email Link Clicked")


class DecisionRow(NamedTuple):
    """One row of the decisions, its columns in order; objects and lists as JSON text."""

    id: str
    at: datetime
    profile_id: str | None
    door: str
    source: str
    book: int
    position: int
    context: str
    answers: str
    facts: str


class OutcomeRow(NamedTuple):
    """An event that names the decision it came of."""

    decision_id: str
    event: str
    slot: str
    rule: str
    value: float
    source: str
    message_id: str
    at: datetime


_COPY = f"COPY {DECISIONS} ({', '.join(DecisionRow._fields)}) FROM STDIN"


def record_decisions(rows: Sequence[DecisionRow]) -> None:
    """Keeps decisions. The months they belong to must have been made."""
    if not rows:
        return
    # Django translates the driver's errors of `execute`, but not those of `copy`.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)


def record_outcomes(rows: Sequence[OutcomeRow]) -> None:
    """Keeps what came of decisions: each message once."""
    kind = DecisionOutcome.Kind
    DecisionOutcome.objects.bulk_create(
        [
            DecisionOutcome(
                kind=kind.IMPRESSION if row.event in SEEN else kind.CLICK if row.event in CLICKED else kind.CONVERSION,
                **row._asdict(),
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )


def forget_decisions(before: date) -> int:
    """Removes the months of decisions that end before a day, with their outcomes; returns how many months. What another
    query holds back is removed the next time."""
    old = [name for name, month in list_months(DECISIONS) if (month.year, month.month) < (before.year, before.month)]
    dropped = sum(drop_month(DECISIONS, name) for name in old)
    start = datetime(before.year, before.month, 1, tzinfo=UTC)
    while some := list(DecisionOutcome.objects.filter(at__lt=start).values_list("pk", flat=True)[:CHUNK]):
        DecisionOutcome.objects.filter(pk__in=some).delete()
    return dropped
