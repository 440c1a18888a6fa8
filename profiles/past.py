"""What the archive knows of a person's past: the profile as of a moment, folded anew, and what came since a merge."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction

from profiles.event import Event, anonymous_key, user_key
from profiles.identity import MAX_IDENTIFIERS
from profiles.profile import Memory, Profile, fold

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_FORMER = 1_000  # profiles that became part of one person

_EVENT = """event.id, event.at, event.received, event.source, event.message_id, event.type, event.name,
  event.anonymous_id, event.user_id, event.previous_id, event.properties::text, event.traits::text,
  (event.context->'consent')::text"""

# The person's own profile, and those that were taken over by it, as the identity map knows them today.
_PERSON = """WITH RECURSIVE person (id) AS (
  SELECT %s::uuid
  UNION
  SELECT substr(known.key, 3)::uuid FROM profiles_identifier AS known JOIN person ON known.profile_id = person.id
  WHERE known.key LIKE 'p:%%'
)"""
_BY_THEN = f"""
{_PERSON}
SELECT {_EVENT}
FROM (SELECT id FROM person LIMIT %s) AS known
CROSS JOIN LATERAL (
  SELECT * FROM profiles_archivedevent WHERE profile_id = known.id AND at <= %s OFFSET 0
) AS event
ORDER BY event.at, event.id
"""  # noqa: S608  # our own columns; OFFSET keeps each profile's events one look at their index
# The same as they were known when the logs had been applied up to a position: merges and events of later on are not.
_KNOWN = f"""
WITH RECURSIVE person (id) AS (
  SELECT %(profile)s::uuid
  UNION
  SELECT merge.loser_id FROM profiles_mergerecord AS merge JOIN person ON merge.winner_id = person.id
  WHERE merge.position <= %(position)s AND (merge.undone IS NULL OR merge.undone > %(at)s)
)
SELECT {_EVENT}
FROM (SELECT id FROM person LIMIT %(limit)s) AS known
CROSS JOIN LATERAL (
  SELECT * FROM profiles_archivedevent WHERE profile_id = known.id AND position <= %(position)s OFFSET 0
) AS event
ORDER BY event.position, event.id
"""  # noqa: S608
# All of it, in the order in which it was applied.
_ALL = f"""
{_PERSON}
SELECT {_EVENT}
FROM (SELECT id FROM person) AS known
CROSS JOIN LATERAL (
  SELECT * FROM profiles_archivedevent WHERE profile_id = known.id OFFSET 0
) AS event
ORDER BY event.received, event.id
"""  # noqa: S608
_SINCE = f"""
SELECT {_EVENT} FROM profiles_archivedevent AS event
WHERE event.profile_id = %s AND event.id > %s
ORDER BY event.received, event.id
"""  # noqa: S608


def fold_past(profile_id: UUID, at: int, memory: Memory) -> Profile:
    """The profile as of `at` (Unix milliseconds): every archived event up to then, with what is known today of who is
    who. Segments are the caller's to evaluate. A person without an event by then has `first_seen` 0."""
    last = EPOCH + timedelta(milliseconds=at)
    events = (event for _, event in _read_events(_BY_THEN, [profile_id, MAX_FORMER, last]))
    # Received when it happened: the moment looked at is past, and what a profile remembers then follows from it.
    as_it_happened = (msgspec.structs.replace(each, received=min(each.at, each.received)) for each in events)
    return _fold_all(profile_id, as_it_happened, memory)


def fold_known(profile_id: UUID, position: int, at: datetime, memory: Memory) -> Profile:
    """The profile as it was known `at` a moment when the logs had been applied up to `position`
    (profiles.decided.number_position): what a decision saw. Segments are the caller's."""
    asked = {"profile": profile_id, "position": position, "at": at, "limit": MAX_FORMER}
    return _fold_all(profile_id, (event for _, event in _read_events(_KNOWN, asked)), memory)


def fold_archived(profile_id: UUID, memory: Memory) -> Profile:
    """The profile as everything that is archived makes it. Segments are the caller's, and what models said."""
    return _fold_all(profile_id, (event for _, event in _read_events(_ALL, [profile_id])), memory)


def _fold_all(profile_id: UUID, events: Iterable[Event], memory: Memory) -> Profile:
    profile = Profile(id=profile_id.hex)
    known: dict[str, None] = {}
    for event in events:
        profile = fold(profile, event, memory)
        if event.anonymous_id is not None:
            known[anonymous_key(event.anonymous_id)] = None
        if event.user_id is not None:
            known[user_key(event.user_id)] = None
            profile = msgspec.structs.replace(profile, user_id=event.user_id)
    return msgspec.structs.replace(profile, identifiers=tuple(known)[:MAX_IDENTIFIERS])


def read_since(profile_id: UUID, after: int) -> Iterator[tuple[int, Event]]:
    """A profile's events with higher ids than `after`, with their ids, in the order in which they were received."""
    return _read_events(_SINCE, [profile_id, after])


def _read_events(query: str, asked: list[Any] | dict[str, Any]) -> Iterator[tuple[int, Event]]:
    """A chunk of them at once."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(query, asked)
        for row in cursor:
            yield row[0], _to_event(row[1:])


def _to_event(row: Any) -> Event:
    """As much of it as a profile is folded from: of its context what it says of consent."""
    at, received, source, message_id, type, name, anonymous_id, user_id, previous_id, *rest = row
    properties, traits, consent = rest
    return Event(
        id=message_id,
        source=source,
        type=type,
        name=name,
        at=to_milliseconds(at),
        received=to_milliseconds(received),
        anonymous_id=anonymous_id,
        user_id=user_id,
        previous_id=previous_id,
        properties=json.loads(properties),
        traits=json.loads(traits),
        context={} if consent is None else {"consent": json.loads(consent)},
    )


def to_milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)
