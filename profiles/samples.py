"""What the newest people and events have to offer somebody who types: names, values and people. Every question is of a
bounded sample, and ends in time."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from profiles.profile import MAX_TEXT, Scalar, pick

NEWEST_PEOPLE = 5_000
NEWEST_EVENTS = 1_000
TIMEOUT_MS = 1_000
SEARCHED_MS = 400


class Offered(NamedTuple):
    """A value, how many of the sample have it, and how many people these are."""

    value: Scalar
    times: int
    people: int


class Seen(NamedTuple):
    """The names that the newest people have: traits with the type most of them have it in, clusters and scores."""

    traits: list[tuple[str, str]]
    clusters: list[str]
    scores: list[str]


def list_seen() -> Seen:
    """What can be asked of people, the most frequent first."""
    newest = "SELECT traits, cluster, scores FROM profiles_storedprofile ORDER BY last_seen DESC LIMIT %s"
    traits = _fetch(
        f"SELECT key, mode() WITHIN GROUP (ORDER BY jsonb_typeof(value)) FROM ({newest}) AS person "  # noqa: S608  # no text of others
        "CROSS JOIN LATERAL jsonb_each(traits) GROUP BY key ORDER BY count(*) DESC, key LIMIT 500",
        [NEWEST_PEOPLE],
    )
    clusters = _fetch(
        f"SELECT cluster FROM ({newest}) AS person WHERE cluster IS NOT NULL "  # noqa: S608
        "GROUP BY cluster ORDER BY count(*) DESC, cluster LIMIT 200",
        [NEWEST_PEOPLE],
    )
    scores = _fetch(
        f"SELECT key FROM ({newest}) AS person CROSS JOIN LATERAL jsonb_object_keys(scores) AS key "  # noqa: S608
        "GROUP BY key ORDER BY count(*) DESC, key LIMIT 200",
        [NEWEST_PEOPLE],
    )
    return Seen([(name, type_) for name, type_ in traits], [name for (name,) in clusters], [name for (name,) in scores])


def list_trait_values(name: str, *, limit: int) -> list[Offered]:
    """What the newest people mostly have in a trait; of a list, each of its values."""
    rows = _fetch(
        "SELECT id, traits -> %s FROM (SELECT id, traits FROM profiles_storedprofile ORDER BY last_seen DESC LIMIT %s) "
        "AS person WHERE traits ? %s",
        [name, NEWEST_PEOPLE, name],
    )
    return _count(((id, _spread(_load(value))) for id, value in rows), limit)


def list_property_values(event: str, path: str, *, limit: int) -> list[Offered]:
    """What a property of an event mostly is in the newest events, read as profiles remember it."""
    rows = _fetch(
        "SELECT profile_id, properties FROM profiles_archivedevent WHERE name = %s ORDER BY at DESC LIMIT %s",
        [event, NEWEST_EVENTS],
    )
    return _count(((id, _spread(pick(_load(properties), (path,)).get(path))) for id, properties in rows), limit)


def search_people(words: str, *, limit: int) -> list[UUID]:
    """People whose user id begins with that, or who have a trait with it inside; among the newest, if they are many."""
    inside = f"%{_escape(words)}%"
    rows = _fetch(
        "SELECT id FROM (SELECT id, user_id, traits, last_seen FROM profiles_storedprofile "
        "ORDER BY last_seen DESC LIMIT 20000) AS person WHERE user_id ILIKE %s OR EXISTS ("
        "SELECT FROM jsonb_each_text(traits) WHERE value ILIKE %s) ORDER BY last_seen DESC LIMIT %s",
        [f"{_escape(words)}%", inside, limit],
        SEARCHED_MS,
    )
    return [id for (id,) in rows]


def _escape(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _load(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _spread(value: Any) -> Iterator[Scalar]:
    for each in value if isinstance(value, list | tuple) else (value,):
        if isinstance(each, bool | int | float) or (isinstance(each, str) and 0 < len(each) <= MAX_TEXT):
            yield each


def _count(found: Iterable[tuple[UUID, Iterable[Scalar]]], limit: int) -> list[Offered]:
    times: Counter[tuple[type, Scalar]] = Counter()  # true is not 1
    people: dict[tuple[type, Scalar], set[UUID]] = {}
    for id, values in found:
        for value in values:
            key = (type(value), value)
            times[key] += 1
            people.setdefault(key, set()).add(id)
    return [Offered(key[1], number, len(people[key])) for key, number in times.most_common(limit)]


def _fetch(query: str, values: list[Any], timeout_ms: int = TIMEOUT_MS) -> list[tuple[Any, ...]]:
    """Nothing, when the time is over: one can type without."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('jit', 'off', true), set_config('statement_timeout', %s, true)", [str(timeout_ms)]
            )
            cursor.execute(query, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return []
        raise
