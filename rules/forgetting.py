"""Decisions forget a person: answers, what came of them and points are removed. Grants stay without the person, as no
code is ever to be granted twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

# Those of a person up to a moment.
_THEIRS = "profile_id = ANY(%(ids)s::uuid[]) AND (%(until)s::timestamptz IS NULL OR at <= %(until)s::timestamptz)"

_OUTCOMES = f"""
DELETE FROM rules_decisionoutcome AS outcome WHERE outcome.decision_id IN (
  SELECT id FROM rules_decision WHERE {_THEIRS}
) OR (outcome.source, outcome.message_id) IN (
  SELECT source, message_id FROM profiles_archivedevent
  WHERE profile_id = ANY(%(ids)s::uuid[]) AND position < %(before)s
)
"""  # noqa: S608  # our own words
_DECISIONS = f"DELETE FROM rules_decision WHERE {_THEIRS}"  # noqa: S608
_POINTS = f"DELETE FROM rules_pointsentry WHERE {_THEIRS}"  # noqa: S608
_GRANTS = f"""
UPDATE rules_grant SET profile_id = gen_random_uuid(), decision_id = gen_random_uuid() WHERE {_THEIRS}
"""  # noqa: S608


def forget_decided(ids: Sequence[str], *, until: datetime | None, before: int) -> dict[str, int]:
    """Removes what is not newer than `until` (None: all of it), and what came of archived events before a position."""
    asked = {"ids": list(ids), "until": until, "before": before}
    return {
        "outcomes": _execute(_OUTCOMES, asked),
        "decisions": _execute(_DECISIONS, asked),
        "points": _execute(_POINTS, asked),
        "grants, without the person": _execute(_GRANTS, asked),
    }


def _execute(query: str, asked: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        return int(cursor.rowcount)
