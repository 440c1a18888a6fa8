"""Reads of what was decided for one person and what they were granted, the newest first."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from rules.models import Grant

_PAST = """
SELECT decision.* FROM unnest(%s::uuid[]) AS known (id) CROSS JOIN LATERAL (
  SELECT at, id, door, source, book, answers::text FROM rules_decision
  WHERE profile_id = known.id AND {place} ORDER BY at DESC, id DESC LIMIT %s
) AS decision ORDER BY at DESC, id DESC LIMIT %s
"""


class Past(NamedTuple):
    """A decision as it is told in a list; `answers` as rules.models.Decision has them."""

    at: datetime
    id: UUID
    door: str
    source: str
    book: int
    answers: list[dict[str, Any]]


def page_decisions(
    profile_ids: Sequence[UUID], *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[Past]:
    """What was decided for some profiles before that place, each found by the index of profile and time."""
    place, told = "TRUE", list[Any]()
    if before is not None:
        place, told = "at <= %s AND (at, id) < (%s, %s)", [before[0], *before]
    with connection.cursor() as cursor:
        cursor.execute(_PAST.format(place=place), [list(profile_ids), *told, limit, limit])
        return [
            Past(at, id, door, source, book, json.loads(answers))
            for at, id, door, source, book, answers in cursor.fetchall()
        ]


def list_grants(profile_ids: Sequence[UUID], *, limit: int) -> list[Grant]:
    return list(Grant.objects.filter(profile_id__in=profile_ids).order_by("-at", "-pk")[:limit])
