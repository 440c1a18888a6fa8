"""Time travel: a person's profile as of a past moment, folded anew from the archive."""

import json
from collections.abc import Iterator
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

# The person's own profile, and those that were taken over by it, as the identity map knows them today.
_EVENTS = """
WITH RECURSIVE person (id) AS (
  SELECT %s::uuid
  UNION
  SELECT substr(known.key, 3)::uuid FROM profiles_identifier AS known JOIN person ON known.profile_id = person.id
  WHERE known.key LIKE 'p:%%'
)
SELECT event.at, event.source, event.message_id, event.type, event.name, event.anonymous_id, event.user_id,
  event.properties::text, event.traits::text
FROM (SELECT id FROM person LIMIT %s) AS known
JOIN profiles_archivedevent AS event ON event.profile_id = known.id
WHERE event.at <= %s
ORDER BY event.at, event.id
"""


def fold_past(profile_id: UUID, at: int, memory: Memory) -> Profile:
    """The profile as of `at` (Unix milliseconds): every archived event up to then, with what is known today of who is
    who. Segments are the caller's to evaluate. A person without an event by then has `first_seen` 0."""
    profile = Profile(id=profile_id.hex)
    known: dict[str, None] = {}
    for event in _read_events(profile_id, at):
        profile = fold(profile, event, memory)
        if event.anonymous_id is not None:
            known[anonymous_key(event.anonymous_id)] = None
        if event.user_id is not None:
            known[user_key(event.user_id)] = None
            profile = msgspec.structs.replace(profile, user_id=event.user_id)
    return msgspec.structs.replace(profile, identifiers=tuple(known)[:MAX_IDENTIFIERS])


def _read_events(profile_id: UUID, at: int) -> Iterator[Event]:
    """In the order of time, a chunk of them at once. They are received when they happen: the moment looked at is past,
    and what a profile remembers then follows from it."""
    last = EPOCH + timedelta(milliseconds=at)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_EVENTS, [profile_id, MAX_FORMER, last])
        for row in cursor:
            yield _to_event(row)


def _to_event(row: Any) -> Event:
    at, source, message_id, type, name, anonymous_id, user_id, properties, traits = row
    moment = (at - EPOCH) // timedelta(milliseconds=1)
    return Event(
        id=message_id,
        source=source,
        type=type,
        name=name,
        at=moment,
        received=moment,
        anonymous_id=anonymous_id,
        user_id=user_id,
        properties=json.loads(properties),
        traits=json.loads(traits),
    )
