"""People recomputed from the archive by SQL alone: what they did, said of themselves and consent to, the segments they
are in. And the same read off a hot profile, so that the two can be compared by a digest."""

import struct
from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from hashlib import md5
from math import isfinite
from operator import xor
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from psycopg.sql import SQL, Composable, Literal

from profiles.consent import MAIL_EVENTS, MAX_PURPOSE, OTHERWISE
from profiles.profile import EXACT, History, Memory, Profile, Trait
from segments.conditions.calendar import Calendar
from segments.conditions.language import Node
from segments.conditions.parse import parse_condition
from segments.conditions.sql import FORMER, compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import list_crowded, stream_matches
from segments.roster import ENROLLED, Roster, Version, list_needed

ENDLESS = 1e300  # numbers beyond it are compared by their kind alone: not every one is a float64


class Span(NamedTuple):
    """People by their ids: from `above` on, up to but not with `below` (None: to the end)."""

    above: UUID
    below: UUID | None


class Totals(NamedTuple):
    """What is known for life of one event of a person: how many `times`, their `total` in ten-thousandths, and when, in
    Unix milliseconds."""

    times: int
    total: int
    first: int
    last: int


class Told(NamedTuple):
    """The newest word about a trait: when, in Unix milliseconds, and the forms (write_value) of whatever was said in
    that millisecond."""

    at: int
    values: frozenset[str]


class Digest(NamedTuple):
    """Of one person: of all that they ever `done`, and of what they `told` of themselves and consent to since a moment,
    Unix milliseconds, before which the archive does not know everything."""

    done: int
    told: int


# The events of some people, with whom each belongs to by now.
_THEIRS = """
WITH RECURSIVE {former}, theirs AS (
  SELECT event.profile_id AS person, event.*
  FROM profiles_archivedevent AS event WHERE {mine} AND NOT EXISTS (SELECT FROM former WHERE id = event.profile_id)
  UNION ALL
  SELECT former.person, event.*
  FROM former JOIN profiles_archivedevent AS event ON event.profile_id = former.id WHERE {before}
), totals AS (
  SELECT person, name, count(*) AS count, sum(segments_to_parts(value)::bigint) AS total,
    (extract(epoch FROM min(at)) * 1000)::bigint AS first, (extract(epoch FROM max(at)) * 1000)::bigint AS last
  FROM theirs GROUP BY person, name
), said AS (
  SELECT person, each.key, each.value, theirs.at, rank() OVER (PARTITION BY person, each.key ORDER BY at DESC) AS place
  FROM theirs CROSS JOIN LATERAL jsonb_each(traits) AS each WHERE type = 'identify'
), told AS (
  SELECT DISTINCT person, key, (extract(epoch FROM at) * 1000)::bigint AS at, jsonb_typeof(value) || '|' || CASE
    jsonb_typeof(value) WHEN 'string' THEN value #>> '{{}}' WHEN 'boolean' THEN value::text WHEN 'number' THEN CASE
    WHEN abs(value::numeric) < 1e300 THEN encode(float8send(value::float8), 'hex') ELSE '' END ELSE '' END AS value
  FROM said WHERE place = 1
), mails AS (
  SELECT person, least(at, received) AS at, said.agrees, CASE
    WHEN coalesce(properties -> 'purpose', 'null') NOT IN ('null', '""') THEN properties -> 'purpose'
    WHEN coalesce(properties -> 'list_id', 'null') NOT IN ('null', '""') THEN properties -> 'list_id' END AS named
  FROM theirs JOIN unnest({words}::text[], {answers}::boolean[]) AS said (word, agrees) ON said.word = theirs.name
  WHERE type = 'track'
), named AS (
  SELECT person, at, agrees, CASE WHEN named IS NULL THEN {otherwise}
    WHEN jsonb_typeof(named) = 'string' OR (jsonb_typeof(named) = 'number' AND named::text ~ '^-?[0-9]+$')
    THEN named #>> '{{}}' ELSE '' END AS purpose FROM mails
), heard AS (
  SELECT person, each.key AS purpose, each.value = 'true' AS agrees, least(theirs.at, received) AS at
  FROM theirs CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(context #> '{{consent,categoryPreferences}}')
    WHEN 'object' THEN context #> '{{consent,categoryPreferences}}' ELSE '{{}}' END) AS each
  WHERE jsonb_typeof(each.value) = 'boolean' AND length(each.key) BETWEEN 1 AND {longest}
  UNION ALL
  SELECT person, CASE WHEN length(purpose) BETWEEN 1 AND {longest} THEN purpose ELSE {otherwise} END, agrees, at
  FROM named WHERE length(purpose) BETWEEN 1 AND {longest} OR NOT agrees
), agreed AS (
  SELECT DISTINCT ON (person, purpose) person, purpose, agrees, (extract(epoch FROM at) * 1000)::bigint AS at
  FROM heard ORDER BY person, purpose, heard.at DESC, agrees
)
"""
_DIGESTS = """
SELECT person, coalesce(bit_xor(hash) FILTER (WHERE is_done), 0), coalesce(bit_xor(hash) FILTER (WHERE NOT is_done), 0)
FROM (SELECT person, is_done, ('x' || substr(md5(line), 1, 16))::bit(64)::bigint AS hash FROM (
  SELECT person, true AS is_done, concat_ws('|', 'e', name, count,
    CASE WHEN abs(total) <= 9007199254740992 THEN total END, first, last) AS line FROM totals
  UNION ALL
  SELECT person, false, concat_ws('|', 't', key, at, value) FROM told WHERE at >= {since}
  UNION ALL
  SELECT person, false, concat_ws('|', 'c', purpose, at, CASE WHEN agrees THEN 'yes' ELSE 'no' END)
  FROM agreed WHERE at >= {since}
) AS lines) AS hashes GROUP BY person
"""


def digest_archive(span: Span, since: int) -> dict[str, Digest]:
    """Of everybody who did anything, by their ids in hexadecimal: equal to that of digest_profile for a hot profile
    that knows the same."""
    query = SQL(_DIGESTS).format(since=Literal(since))
    return {person: Digest(done, told) for person, done, told in _ask(query, span)}


def digest_profile(profile: Profile, since: int) -> Digest:
    done = [_line("e", name, *_describe(history)) for name, history in profile.events.items()]
    told = [_line("t", n, each.at, write_value(each.value)) for n, each in profile.traits.items() if each.at >= since]
    told += [_line("c", n, said.at, _answer(said.value)) for n, said in profile.consent.items() if said.at >= since]
    return Digest(reduce(xor, map(hash_line, done), 0), reduce(xor, map(hash_line, told), 0))


def digest_shard(digests: Mapping[str, object]) -> int:
    """Of everybody in a shard one number, in whatever order."""
    return reduce(xor, (hash_line(f"{id}|{said}") for id, said in digests.items()), 0)


def hash_line(line: str) -> int:
    """64 bits, as PostgreSQL computes them of the same text."""
    return int.from_bytes(md5(line.encode(), usedforsecurity=False).digest()[:8], signed=True)


def read_totals(span: Span, ids: Collection[str]) -> dict[str, dict[str, Totals]]:
    """What the archive counts of some people of a span, by id and event."""
    found: dict[str, dict[str, Totals]] = {id: {} for id in ids}
    query = SQL("SELECT person, name, count, total, first, last FROM totals")
    for person, name, count, total, first, last in _ask(query, span, ids):
        found[person][name] = Totals(count, int(total), first, last)
    return found


def read_told(span: Span, ids: Collection[str]) -> dict[str, dict[str, Told]]:
    """What some people of a span have said of themselves, by id and trait."""
    found: dict[str, dict[str, Told]] = {id: {} for id in ids}
    query = SQL("SELECT person, key, at, array_agg(value) FROM told GROUP BY person, key, at")
    for person, key, at, values in _ask(query, span, ids):
        found[person][key] = Told(at, frozenset(values))
    return found


def read_consent(span: Span, ids: Collection[str]) -> dict[str, dict[str, Told]]:
    """What some people of a span have said of each purpose, by id: `yes` or `no`, and since when."""
    found: dict[str, dict[str, Told]] = {id: {} for id in ids}
    query = SQL("SELECT person, purpose, at, agrees FROM agreed")
    for person, purpose, at, agrees in _ask(query, span, ids):
        found[person][purpose] = Told(at, frozenset((_answer(agrees),)))
    return found


def total_of(history: History) -> Totals:
    return Totals(history.count, int(history.total), history.first, history.last)


def told_of(trait: Trait) -> Told:
    return Told(trait.at, frozenset((write_value(trait.value),)))


def consent_of(said: Trait) -> Told:
    return Told(said.at, frozenset((_answer(said.value),)))


def write_value(value: Any) -> str:
    """A trait's value as a text: its kind, and what it says; lists and objects by their kind alone."""
    match value:
        case None:
            return "null|"
        case bool():
            return f"boolean|{str(value).lower()}"
        case str():
            return f"string|{_clean(value)}"
        case int() | float():
            if isinstance(value, float) and not isfinite(value):
                return "null|"  # as the archive has it
            return f"number|{struct.pack('>d', float(value) + 0.0).hex() if abs(value) < ENDLESS else ''}"
        case list() | tuple():
            return "array|"
    return "object|"


def list_judged(roster: Roster) -> tuple[str, ...]:
    """The versions that answer, whose people the archive can name: lists and snapshots have whom they were given."""
    answering = [roster.find(key) for key in roster.answers.values()]
    return tuple(each.key for each in answering if each and each.kind not in ENROLLED and each.condition is not None)


def find_members(span: Span, roster: Roster, memory: Memory, now: int) -> dict[str, set[str]]:
    """Who is in each of the judged versions at a moment, by its key, as the archive's evaluator says."""
    keys = list_judged(roster)
    asked = Question(
        now,
        Calendar(roster.zone),
        memory,
        list_crowded() if keys else frozenset(),
        above=span.above,
        below=span.below,
        archived_traits=True,
    )
    found = {}
    for key in keys:
        version = roster.find(key)
        assert version is not None and version.condition is not None  # list_judged has looked
        answer = compile_sql(
            parse_condition(version.condition),
            asked,
            definitions=_read_definitions(roster, version),
            keys=version.refers,
        )
        found[key] = {id.hex for id in stream_matches(answer)}
    return found


def _read_definitions(roster: Roster, version: Version) -> dict[str, Node]:
    """The conditions of the segments that a version asks for, itself or through others."""
    needed = list_needed(roster, version.refers.values())
    return {
        each.segment: parse_condition(each.condition)
        for each in needed
        if each.kind not in ENROLLED and each.condition is not None
    }


def _ask(query: Composable, span: Span, ids: Iterable[str] | None = None) -> list[tuple[Any, ...]]:
    """Rows whose first column is a person's id in hexadecimal."""
    people = None if ids is None else [UUID(id) for id in ids]
    theirs = SQL(_THEIRS).format(
        former=FORMER,
        mine=_is_asked("event.profile_id", span, people),
        before=_is_asked("former.person", span, people),
        words=Literal(list(MAIL_EVENTS)),
        answers=Literal(list(MAIL_EVENTS.values())),
        otherwise=Literal(OTHERWISE),
        longest=Literal(MAX_PURPOSE),
    )
    with connection.cursor() as cursor:
        cursor.execute(SQL("{} {}").format(theirs, query).as_string(cursor.connection))
        return [(person.hex, *rest) for person, *rest in cursor.fetchall()]


def _is_asked(column: str, span: Span, people: list[UUID] | None) -> Composable:
    if people is not None:
        return SQL(f"{column} = ANY({{}}::uuid[])").format(Literal(people))
    above = SQL(f"{column} >= {{}}").format(Literal(span.above))
    return above if span.below is None else SQL(f"{{}} AND {column} < {{}}").format(above, Literal(span.below))


def _describe(history: History) -> tuple[object, ...]:
    times, total, first, last = total_of(history)
    return (times, total, first, last) if abs(total) <= EXACT else (times, first, last)


def _answer(agrees: object) -> str:
    return "yes" if agrees else "no"


def _line(*said: object) -> str:
    return _clean("|".join(map(str, said)))


def _clean(text: str) -> str:
    """As the archive has it, which takes no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def find_former(span: Span) -> dict[str, str]:
    """The profiles that became part of somebody in a span, and of whom; all in hexadecimal."""
    query = SQL("WITH RECURSIVE {} SELECT id, person FROM former WHERE {}").format(
        FORMER, _is_asked("former.person", span, None)
    )
    with connection.cursor() as cursor:
        cursor.execute(query.as_string(cursor.connection))
        return {id.hex: person.hex for id, person in cursor.fetchall()}
