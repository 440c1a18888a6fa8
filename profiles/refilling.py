"""Fills Redis from the durable side of people: profiles with their timers, the identity map, the marks of messages.

Everything can be done again: whoever dies on the way has it begun anew by the next one, with `clear`."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from profiles import keys
from profiles.clients import Client
from profiles.event import Merge, partition_of
from profiles.models import Identifier, SpentMark, StoredProfile
from profiles.profile import unpack
from profiles.store import mark_of

Note = Callable[[int], None]  # how many of a phase are done by now

PAGE = 2_000
MARKS = 1_000  # of one SADD
EVALUATED_PER_S = 5_000  # profiles whose segments are looked at anew, so that live events hardly wait for it
CLEARED = (
    *(keys.profile(""), keys.identifier(""), keys.tally(""), keys.total("")),
    *("pz:timers:", "pz:seen:"),
)

# Who was taken over has no state of their own any more. When the copy is still there, the one who took them over has
# not been archived with what they had: it was on its way.
_PROFILES = """
SELECT profile.id, profile.state, retired.profile_id FROM profiles_storedprofile AS profile
LEFT JOIN profiles_identifier AS retired ON retired.key = 'p:' || replace(profile.id::text, '-', '')
WHERE profile.id > %s ORDER BY profile.id LIMIT %s
"""
_IDENTIFIERS = "SELECT key, profile_id FROM profiles_identifier WHERE key > %s ORDER BY key LIMIT %s"
_MESSAGES = """
COPY (SELECT source, message_id, received >= %s FROM profiles_archivedevent WHERE received >= %s) TO STDOUT
"""


def clear(client: Client) -> int:
    """Removes what a former rebuild, or another life of this Redis, has left of people; returns how many keys."""
    removed, names = 0, []
    for name in client.scan_iter(match="pz:*", count=PAGE):
        if name.decode().startswith(CLEARED):
            names.append(name)
        if len(names) >= PAGE:
            removed += client.unlink(*names)
            names = []
    return removed + (client.unlink(*names) if names else 0)


def count_profiles() -> int:
    return StoredProfile.objects.count()


def count_identifiers() -> int:
    return Identifier.objects.count()


def put_profiles(client: Client, *, partitions: int, now: int, note: Note) -> list[Merge]:
    """The states as they are stored. When time alone turns a segment is not stored: everybody is evaluated in the
    moments after `now` (Unix milliseconds), a little at a time. Returns the states that were on their way to somebody.
    """
    handed: list[Merge] = []
    done, last = 0, UUID(int=0)
    while rows := _ask(_PROFILES, last, PAGE):
        states: dict[str, bytes] = {}
        timers: dict[str, dict[str, int]] = defaultdict(dict)
        for number, (id, state, winner) in enumerate(rows, done):
            if winner is not None:
                handed.append(_hand_on(id.hex, winner.hex, bytes(state), now))
                continue
            states[keys.profile(id.hex)] = bytes(state)
            timers[keys.timers(partition_of(id.hex, partitions))][id.hex] = now + number * 1_000 // EVALUATED_PER_S
        pipeline = client.pipeline(transaction=False)
        if states:
            pipeline.mset(states)
        for name, due in timers.items():
            pipeline.zadd(name, due)
        pipeline.execute()
        done, last = done + len(rows), rows[-1][0]
        note(done)
    return handed


def _hand_on(loser: str, winner: str, state: bytes, at: int) -> Merge:
    return Merge(loser=loser, winner=winner, state=state, because="", at=at, keys=unpack(state).identifiers)


def put_identifiers(client: Client, *, note: Note) -> None:
    done, last = 0, ""
    while rows := _ask(_IDENTIFIERS, last, PAGE):
        client.mset({keys.identifier(key): id.hex for key, id in rows})
        done, last = done + len(rows), rows[-1][0]
        note(done)


def put_marks(client: Client, *, dedup_ms: int, now: int) -> int:
    """Marks of the archived messages of this period and the one before, each for as long as if it had been set when its
    message was received. Returns how many."""
    period, done = now // dedup_ms, 0
    this, before = _moment(period * dedup_ms), _moment((period - 1) * dedup_ms)
    waiting: dict[int, list[bytes]] = {period: [], period - 1: []}
    for mark, is_new in _read_marks(this, before):
        marks = waiting[period if is_new else period - 1]
        marks.append(mark)
        if len(marks) >= MARKS:
            client.sadd(keys.seen(period if is_new else period - 1), *marks)
            marks.clear()
        done += 1
    for number, marks in waiting.items():
        if marks:
            client.sadd(keys.seen(number), *marks)
        client.pexpireat(keys.seen(number), (number + 2) * dedup_ms)
    return done


def _read_marks(this: datetime, before: datetime) -> Iterator[tuple[bytes, bool]]:
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_MESSAGES, [this, before]) as copy:
        copy.set_types(["text", "text", "bool"])
        yield from ((mark_of(source, message_id), is_new) for source, message_id, is_new in copy.rows())
    for spent in SpentMark.objects.filter(received__gte=before).iterator():
        yield bytes(spent.mark), spent.received >= this


def _ask(query: str, after: UUID | str, limit: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [after, limit])
        return list(cursor.fetchall())


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
