"""What the archive knows of events whose properties were declared after they happened."""

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from profiles.past import EPOCH
from profiles.profile import Memory, Moment, pick

_THOSE = "name = ANY(%(names)s) AND at >= %(since)s AND properties ?| %(properties)s"

_PEOPLE = f"""
SELECT DISTINCT profile_id FROM profiles_archivedevent
WHERE {_THOSE} AND (%(after)s::uuid IS NULL OR profile_id > %(after)s::uuid) ORDER BY profile_id LIMIT %(limit)s
"""  # noqa: S608  # our own words

_EVENTS = f"""
SELECT profile_id, name, at, value, properties::text FROM profiles_archivedevent
WHERE {_THOSE} AND profile_id = ANY(%(people)s) ORDER BY profile_id, name, at
"""  # noqa: S608

Paths = Mapping[str, Collection[str]]  # property paths by event name


class Recollection(NamedTuple):
    """The remembered form of a profile's events of one name, the newest that a history has room for."""

    profile_id: str
    name: str
    moments: list[Moment]


def list_people(paths: Paths, since: datetime, *, after: UUID | None, limit: int) -> list[UUID]:
    """Those who did such events with such a property, as they were known when they did, by their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, {**_asked(paths, since), "after": after, "limit": limit})
        return [id for (id,) in cursor.fetchall()]


def count_people(paths: Paths, since: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(DISTINCT profile_id) FROM profiles_archivedevent WHERE {_THOSE}",  # noqa: S608
            _asked(paths, since),
        )
        (number,) = cursor.fetchone()
        return int(number)


def recollect(people: Collection[UUID], paths: Paths, since: datetime, memory: Memory) -> Iterator[Recollection]:
    """Their events of those names, with everything that is remembered of them now."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_EVENTS, {**_asked(paths, since), "people": list(people)})
        for (profile_id, name), rows in groupby(cursor, key=lambda row: (row[0], row[1])):
            declared = memory.indexed.get(name, memory.otherwise)
            newest: deque[Any] = deque(rows, maxlen=memory.limit)
            moments = [
                Moment((at - EPOCH) // timedelta(milliseconds=1), value, pick(json.loads(properties), declared))
                for _, _, at, value, properties in newest
            ]
            yield Recollection(profile_id.hex, name, moments)


def _asked(paths: Paths, since: datetime) -> dict[str, Any]:
    tops = {path.partition(".")[0] for each in paths.values() for path in each}
    return {"names": list(paths), "since": since, "properties": sorted(tops)}
