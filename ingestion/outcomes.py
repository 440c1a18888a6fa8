"""Writes of what became of events that were not applied: dead letters, refusals, and the counters of every outcome."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from django.db import connection

from ingestion.archiving import clean, moment
from ingestion.models import DeadLetter, Refusal
from ingestion.streams import Fields

# Lengths of the columns.
SOURCE_LENGTH = 64
OUTCOME_LENGTH = 40
REASON_LENGTH = 200
KEPT_REFUSALS = 10_000
KEPT_FOR = timedelta(days=30)
AT_REST = timedelta(days=7)  # after which a day's counters are final


def store_dead_letters(letters: list[DeadLetter]) -> None:
    """Stores records that were set aside, each once."""
    if letters:
        DeadLetter.objects.bulk_create(letters, ignore_conflicts=True)


def store_refusals(refusals: Iterable[Fields]) -> None:
    """Stores refusals as the doors note them in Redis."""
    Refusal.objects.bulk_create([_read_refusal(fields) for fields in refusals], batch_size=500)


def _read_refusal(fields: Fields) -> Refusal:
    def text(name: bytes) -> str:
        return clean(fields.get(name, b"").decode(errors="replace"))

    return Refusal(
        source=text(b"source")[:SOURCE_LENGTH],
        reason=text(b"reason")[:OUTCOME_LENGTH],
        message=text(b"message"),
        message_id=text(b"messageId")[:255],
        sample=text(b"sample"),
        at=moment(int(fields.get(b"at", b"0"))),
    )


def trim_refusals(*, now: datetime) -> None:
    """Keeps the newest refusals, and none that is too old to be of use."""
    newest = Refusal.objects.order_by("-id").values_list("id", flat=True)
    for last in newest[KEPT_REFUSALS : KEPT_REFUSALS + 1]:
        Refusal.objects.filter(id__lte=last).delete()
    Refusal.objects.filter(at__lt=now - KEPT_FOR).delete()


def store_outcomes(counts: Mapping[str, int], *, today: date, at: datetime) -> list[str]:
    """Stores counters by `day|source|outcome`; returns the fields that have come to rest. `at` is now.

    Counters only grow: a lower one comes from a Redis that has lost its newest seconds, and changes nothing.
    """
    rows: dict[tuple[date, str, str], int] = {}
    old = []
    for field, count in counts.items():
        day, _, rest = field.partition("|")
        source, _, outcome = rest.rpartition("|")
        try:
            when = date.fromisoformat(day)
        except ValueError:
            continue
        rows[when, source[:SOURCE_LENGTH], outcome[:OUTCOME_LENGTH]] = count
        if when < today - AT_REST:
            old.append(field)
    if rows:
        days, sources, outcomes = (list(column) for column in zip(*rows, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ingestion_outcome AS known (day, source, outcome, count, first, last) "
                "SELECT found.*, moment.at, moment.at FROM unnest(%s::date[], %s::text[], %s::text[], %s::bigint[]) "
                "AS found, (SELECT %s::timestamptz AS at) AS moment "
                "ON CONFLICT (day, source, outcome) DO UPDATE SET count = excluded.count, last = excluded.last "
                "WHERE known.count < excluded.count",
                [days, sources, outcomes, list(rows.values()), at],
            )
    return old
