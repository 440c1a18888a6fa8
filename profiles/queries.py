"""Reads of the durable side of people."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q

from profiles.event import derive_profile_id
from profiles.former import write_person
from profiles.identity import retired_key
from profiles.models import ArchivedEvent, Identifier, MergeRecord, StoredProfile


class Message(NamedTuple):
    """What a message is known by, and about when it happened."""

    source: str
    message_id: str
    at: datetime


# A message that is sent again has the same time but for the correction of its sender's clock.
CLOCKS_DIFFER = "1 day"


def find_archived(messages: Sequence[Message]) -> set[Message]:
    """Those of `messages` that the archive already has: the same source and messageId within a day of `at`."""
    if not messages:
        return set()
    with connection.cursor() as cursor:
        # The inner LIMIT makes it one look at the index of the one or two months in question for each message.
        cursor.execute(
            "SELECT wanted.number FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) "
            "WITH ORDINALITY AS wanted (source, message_id, at, number) CROSS JOIN LATERAL ("
            "SELECT FROM profiles_archivedevent AS event WHERE event.source = wanted.source "
            "AND event.message_id = wanted.message_id AND event.at BETWEEN wanted.at - %s::interval "
            "AND wanted.at + %s::interval LIMIT 1) AS found",
            [*(list(column) for column in zip(*messages, strict=True)), CLOCKS_DIFFER, CLOCKS_DIFFER],
        )
        return {messages[number - 1] for (number,) in cursor.fetchall()}


class PastEvent(NamedTuple):
    """One event of the archive, as much of it as one reads in a list; properties and traits as JSON text, and the
    segments that were entered and left with it."""

    at: datetime
    name: str
    source: str
    value: float
    properties: str
    traits: str
    entered: list[str]
    left: list[str]


class Deed(NamedTuple):
    """What somebody did, and when."""

    name: str
    at: datetime
    value: float


def find_deeds(messages: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Deed]:
    """The archived events of these people with these messageIds, in one question."""
    if not messages:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event.profile_id, event.message_id, event.name, event.at, event.value "
            "FROM unnest(%s::uuid[], %s::text[]) AS wanted (profile_id, message_id) "
            "JOIN profiles_archivedevent AS event USING (profile_id, message_id)",
            [list(column) for column in zip(*messages, strict=True)],
        )
        return {(person, message): Deed(*deed) for person, message, *deed in cursor.fetchall()}


TAKEN_OVER = 50  # former profiles of one person whose events are looked for


# One look at the index of profile and time for each former profile, however many events the archive has.
_NEWEST = f"""
{write_person("%s::uuid")}
SELECT event.* FROM (SELECT id FROM person LIMIT %s) AS known CROSS JOIN LATERAL (
  SELECT at, name, source, value, properties::text, traits::text, entered::text, "left"::text
  FROM profiles_archivedevent WHERE profile_id = known.id ORDER BY at DESC LIMIT %s
) AS event
ORDER BY at DESC LIMIT %s
"""  # noqa: S608  # our own columns


def list_past_events(profile_id: UUID, *, limit: int) -> list[PastEvent]:
    """The person's newest archived events, newest first, with those of the profiles that became part of it."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [profile_id, TAKEN_OVER, limit, limit])
        return [
            PastEvent(at, name, source, value, properties, traits, json.loads(entered), json.loads(left))
            for at, name, source, value, properties, traits, entered, left in cursor.fetchall()
        ]


def list_newest_events(*, until: datetime, limit: int) -> list[ArchivedEvent]:
    """The newest archived events that happened by then, whosever they are, newest first."""
    return list(ArchivedEvent.objects.filter(at__lte=until).order_by("-at", "-id")[:limit])


def list_former(profile_id: UUID) -> list[UUID]:
    """The profiles that became part of a person, over however many merges."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE person (id) AS (SELECT %s::uuid UNION SELECT found.id FROM person CROSS JOIN LATERAL ("
            "SELECT loser_id FROM profiles_mergerecord WHERE winner_id = person.id AND undone IS NULL UNION ALL "
            "SELECT substr(key, 3)::uuid FROM profiles_identifier WHERE profile_id = person.id AND key LIKE 'p:%%'"
            ") AS found (id)) SELECT id FROM person WHERE id <> %s",
            [profile_id, profile_id],
        )
        return [id for (id,) in cursor.fetchall()]


def find_profiles(term: str) -> set[UUID]:
    """The profiles a user id, an anonymous id, an identifier (`u:…`, `a:…`) or a profile id stands for: exactly, and
    each by an index."""
    found = set(StoredProfile.objects.filter(user_id=term).values_list("id", flat=True)[:TAKEN_OVER])
    keys = [key for key in (term, f"u:{term}", f"a:{term}") if key[:2] in ("u:", "a:")]
    if (id := _read_id(term)) is not None:
        found.add(id)
        keys.append(retired_key(id.hex))
    # Who never was linked to anything has the profile that follows from the identifier.
    return found | _resolve(keys) | {UUID(derive_profile_id(key)) for key in keys}


def _resolve(keys: Iterable[str]) -> set[UUID]:
    """What the identity map says of `keys`, and of the profiles that were taken over since."""
    found: set[UUID] = set()
    wanted = list(keys)
    while wanted:
        fresh = set(Identifier.objects.filter(key__in=wanted).values_list("profile_id", flat=True)) - found
        found |= fresh
        wanted = [retired_key(id.hex) for id in fresh]
    return found


def _read_id(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None


class Aftermath(NamedTuple):
    """What it takes to tell what would have been without a merge: the merge from before which it is told, and those
    into the same winner since."""

    start: MergeRecord
    later: list[MergeRecord]


def trace_aftermath(merge: MergeRecord) -> Aftermath:
    """The state kept before a merge holds what earlier ones brought, also those that were undone afterwards; then it is
    told from before the first of these."""
    into_winner = MergeRecord.objects.filter(winner_id=merge.winner_id).order_by("after", "pk")
    before = Q(after__lt=merge.after) | Q(after=merge.after, pk__lt=merge.pk)
    start = into_winner.filter(before, undone__gte=merge.at).first() or merge
    since = Q(after__gt=start.after) | Q(after=start.after, pk__gt=start.pk)
    return Aftermath(start, list(into_winner.filter(since, undone=None).exclude(pk=merge.pk)))


def find_takeover(profile_id: UUID) -> MergeRecord | None:
    """The merge by which a profile became part of another one, None when it is not."""
    return MergeRecord.objects.filter(loser_id=profile_id, undone=None).order_by("-pk").first()
