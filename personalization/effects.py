"""What publishing does to who is in a segment: how many people enter, and how many leave."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from personalization.preview import Previewer
from segments.conditions.parse import parse_condition
from segments.evaluation import count_carriers, estimate_changes
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
    at = round(datetime.fromisoformat(str(as_of)).timestamp() * 1_000) if kind == SNAPSHOT and as_of else None
    previewer = Previewer(parse_condition(definition["condition"]), at=at)
    if key is None:
        counts = previewer.count(patience_ms=patience_ms)
        return Effect(counts.total, 0, counts.margin == 0)
    changes, is_exact = estimate_changes(previewer.ask, key, patience_ms=patience_ms)
    return Effect(changes.enter, changes.leave, is_exact)
