"""What the archiver keeps of decisions, beside events: the decisions, what they granted, and what came of them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import connection
from msgspec.structs import asdict

from ingestion.archiving import Batch, clean, moment, to_json
from profiles.decided import Decided, number_position
from profiles.months import Months, month_of
from rules.archive import DECISIONS, DecisionRow, OutcomeRow, record_decisions, record_outcomes
from rules.forgetting import forget_decided
from rules.granting import record_grants

FACTS = ("members", "counts", "stock", "granted", "held")
DECISION = "decisionId"  # the property by which an event names the decision it came of


class DecisionKeeper:
    """Promises of ingestion.archiver.Keeper."""

    def __init__(self) -> None:
        self._months = Months(DECISIONS)

    def prepare(self, batch: Batch) -> None:
        self._months.make(month_of(moment(each.at)) for each in batch.decided)

    def store(self, batch: Batch, fresh: Sequence[int]) -> None:
        record_decisions([_describe(each) for each in batch.decided])
        record_grants(batch.granted)
        record_outcomes([row for number in fresh if (row := _read_outcome(batch, number)) is not None])

    def forget(self, ids: Sequence[str], *, until: int | None, before: int) -> Mapping[str, int]:
        counts = forget_decided(ids, until=None if until is None else moment(until), before=before)
        return {**counts, "operators' log": forget_log_entries(ids)}


def forget_log_entries(ids: Sequence[str]) -> int:
    """What the admin noted of operators' work on profiles: its entries name them."""
    named = [form for id in ids for form in (id, str(UUID(id)))]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_admin_log SET object_repr = 'erased', object_id = NULL WHERE object_id = ANY(%(named)s) "
            "OR EXISTS (SELECT FROM unnest(%(named)s::text[]) AS name WHERE strpos(object_repr, name) > 0)",
            {"named": named},
        )
        return int(cursor.rowcount)


def _describe(decided: Decided) -> DecisionRow:
    return DecisionRow(
        id=decided.id,
        at=moment(decided.at),
        profile_id=decided.profile or None,
        door=clean(decided.door),
        source=clean(decided.source),
        book=decided.book,
        position=number_position(decided.position),
        context=to_json(decided.context),
        answers=to_json([asdict(answer) for answer in decided.answers]),
        facts=to_json({name: getattr(decided, name) for name in FACTS}),
    )


def _read_outcome(batch: Batch, number: int) -> OutcomeRow | None:
    event = batch.observed[number]
    named = event.properties.get(DECISION)
    if not isinstance(named, str) or (id := _read_id(named)) is None:
        return None
    slot, rule = (
        clean(value) if isinstance(value := event.properties.get(name), str) else "" for name in ("slot", "rule")
    )
    row = batch.events[number]
    return OutcomeRow(id, row.name, slot, rule, row.value, row.source, row.message_id, row.at)


def _read_id(text: str) -> str | None:
    try:
        return UUID(text).hex
    except ValueError:
        return None
