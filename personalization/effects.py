"""What publishing does to who is in a segment: how many people enter, and how many leave."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from personalization.wiring import read_memory
from segments.collecting import read_definitions
from segments.conditions.calendar import Calendar
from segments.conditions.parse import parse_condition
from segments.conditions.sql import Answer, compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import count_carriers, estimate, estimate_changes, list_crowded
from segments.queries import read_roster
from segments.roster import LIST, SNAPSHOT

PATIENCE_MS = 2_000  # then a sample of people is asked


class Effect(NamedTuple):
    """How many people enter and leave; `is_exact` is not so where a sample was asked."""

    enter: int
    leave: int
    is_exact: bool = True


def find_effect(slug: str, definition: Mapping[str, Any] | None, *, patience_ms: int = PATIENCE_MS) -> Effect | None:
    """What becomes of those who are in a segment by what is in force, once `definition` is, None without it any more.
    None where that is not to be told: of uploaded lists, who are in it by their uploads. Raises BadCondition."""
    roster = read_roster()
    key = roster.answers.get(slug)
    if definition is None:
        return Effect(0, 0 if key is None else count_carriers(key))
    kind, as_of = definition.get("kind"), definition.get("as_of")
    if kind == LIST or definition.get("condition") is None:
        return None
    root = parse_condition(definition["condition"])
    is_past = kind == SNAPSHOT and as_of is not None
    now = round(datetime.fromisoformat(str(as_of)).timestamp() * 1_000) if is_past else time.time_ns() // 1_000_000
    calendar, memory, crowded = Calendar(settings.PZ_TIME_ZONE), read_memory(), list_crowded()
    definitions = read_definitions(roster) if is_past else None

    def ask(below: UUID | None = None) -> Answer:
        asked = Question(now, calendar, memory, crowded, is_past, below)
        return compile_sql(root, asked, definitions=definitions, keys=roster.answers)

    if key is None:
        counts = estimate(ask, patience_ms=patience_ms)
        return Effect(counts.total, 0, counts.margin == 0)
    changes, is_exact = estimate_changes(ask, key, patience_ms=patience_ms)
    return Effect(changes.enter, changes.leave, is_exact)
