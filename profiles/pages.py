"""What happened to a person, a page at a time: their archived events, with those of the profiles they were before."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q

from profiles.former import write_person
from profiles.models import ArchivedEvent, MergeRecord
from profiles.queries import TAKEN_OVER


class Happening(NamedTuple):
    """One archived event. `at` and `id` are its place in the order of the past."""

    at: datetime
    id: int
    type: str
    name: str
    source: str
    message_id: str
    value: float
    properties: dict[str, Any]
    traits: dict[str, Any]
    entered: list[str]
    left: list[str]


_COLUMNS = 'at, id, type, name, source, message_id, value, properties::text, traits::text, entered::text, "left"::text'
_PAST = f"""
{write_person("%s::uuid")}
SELECT event.* FROM (SELECT id FROM person LIMIT %s) AS known CROSS JOIN LATERAL (
  SELECT {_COLUMNS} FROM profiles_archivedevent WHERE {{conditions}} ORDER BY at DESC, id DESC LIMIT %s
) AS event
ORDER BY at DESC, id DESC LIMIT %s
"""  # noqa: S608  # our own columns and conditions
_JSON = 7  # columns from which on all are JSON


def page_past(
    profile_id: UUID, *, limit: int, before: tuple[datetime, int] | None = None, name: str | None = None
) -> list[Happening]:
    """The person's newest archived events before that place, newest first; those of one name, where it is given."""
    conditions, told = ["profile_id = known.id"], list[Any]()
    if before is not None:
        conditions.append("at <= %s AND (at, id) < (%s, %s)")
        told += [before[0], *before]
    if name is not None:
        conditions.append("name = %s")
        told.append(name)
    with connection.cursor() as cursor:
        # One look at the index of profile and time for each former profile, however many events the archive has.
        cursor.execute(_PAST.format(conditions=" AND ".join(conditions)), [profile_id, TAKEN_OVER, *told, limit, limit])
        return [Happening(*row[:_JSON], *map(json.loads, row[_JSON:])) for row in cursor.fetchall()]


class Detail(NamedTuple):
    """All that the archive keeps of one event."""

    at: datetime
    received: datetime
    type: str
    name: str
    source: str
    message_id: str
    value: float
    anonymous_id: str | None
    user_id: str | None
    properties: dict[str, Any]
    traits: dict[str, Any]
    context: dict[str, Any]


def read_happening(ids: Sequence[UUID], place: tuple[datetime, int]) -> Detail | None:
    """The event at that place in the past of the profiles `ids`."""
    found = ArchivedEvent.objects.filter(at=place[0], id=place[1], profile_id__in=ids)
    row = found.values_list(*Detail._fields).first()
    return None if row is None else Detail(*row)


def list_merges(winners: Sequence[UUID], *, limit: int) -> list[MergeRecord]:
    """By which merges others became part of these profiles, undone ones among them, the newest first."""
    merges = MergeRecord.objects.filter(winner_id__in=winners).defer("state", "before")
    return list(merges.order_by("-at", "-pk")[:limit])


def page_merges(ids: Sequence[UUID], *, limit: int, before: tuple[datetime, int] | None = None) -> list[MergeRecord]:
    """The same, a page at a time, of those that hold."""
    merges = MergeRecord.objects.filter(winner_id__in=ids, undone=None).defer("state", "before")
    if before is not None:
        merges = merges.filter(Q(at__lt=before[0]) | Q(at=before[0], pk__lt=before[1]))
    return list(merges.order_by("-at", "-pk")[:limit])
