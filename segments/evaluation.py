"""What the archive says of a condition: how many people, who they are, who would come and go."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled
from psycopg.sql import SQL, Composable, Literal

from segments.conditions.sql import Answer
from segments.conditions.sql_values import join

EXACT_MS = 2_000  # how long an exact count may take before a sample is asked
SAMPLE = 10_000  # people
CONFIDENCE = 1.96  # standard errors: nineteen samples of twenty lie inside


class Counts(NamedTuple):
    """How many of so many `people` match, and how many match each node, by its id.

    `margin` of a node or of the total: the true number is no further away, with a confidence of 95 %; 0 is exact."""

    people: int
    total: int
    nodes: Mapping[str, int]
    margins: Mapping[str, int]
    margin: int = 0


class Changes(NamedTuple):
    """How many people would enter a segment and how many leave it."""

    enter: int
    leave: int


def list_crowded() -> frozenset[str]:
    """The events that somebody has done more often than a history remembers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT jsonb_array_elements_text(crowded) FROM profiles_storedprofile WHERE crowded IS NOT NULL"
        )
        return frozenset(name for (name,) in cursor.fetchall())


def count(answer: Answer, *, timeout_ms: int = 0) -> Counts:
    """The exact numbers. Raises OperationalError when they are not there in `timeout_ms`; 0 is for ever."""
    names = list(answer.nodes)
    columns = [SQL("count(*)"), SQL("count(*) FILTER (WHERE {})").format(answer.matches)]
    columns += [SQL("count(*) FILTER (WHERE {})").format(answer.nodes[name]) for name in names]
    ((people, total, *found),) = _fetch(answer.select(SQL(", ").join(columns)), timeout_ms)
    return Counts(people, total, dict(zip(names, found, strict=True)), dict.fromkeys(names, 0))


def ran_out_of_time(error: OperationalError) -> bool:
    """Whether a question was given up because its time was over."""
    return isinstance(error.__cause__, QueryCanceled)


def estimate(
    ask: Callable[[UUID | None], Answer], *, patience_ms: int = EXACT_MS, sample: int = SAMPLE, sample_ms: int = 0
) -> Counts:
    """The exact numbers if they are there in `patience_ms`, else those of a sample, extrapolated. Raises
    OperationalError when even that is not there in `sample_ms`; 0 is for ever.

    `ask` compiles the condition for the people whose id is below the one given, None for everybody."""
    try:
        return count(ask(None), timeout_ms=patience_ms)
    except OperationalError as error:
        if not ran_out_of_time(error):
            raise
    people, share = _take_part(sample)
    found = count(ask(_end_of(share)), timeout_ms=sample_ms)
    return _extrapolate(found, people)


def _take_part(sample: int) -> tuple[int, float]:
    """How many people there are, and which part of them the sample is."""
    ((people,),) = _fetch(SQL("SELECT count(*) FROM profiles_storedprofile"))
    return people, min(sample / people, 1.0)


def _end_of(share: float) -> UUID:
    """The id below which such a part of all people lies: they are spread evenly."""
    return UUID(int=int(share * (1 << 128) - 1))


def _extrapolate(found: Counts, people: int) -> Counts:
    def scale(number: int) -> int:
        return round(number / max(found.people, 1) * people)

    margins = {name: _margin(number, found.people, people) for name, number in found.nodes.items()}
    nodes = {name: scale(number) for name, number in found.nodes.items()}
    return Counts(people, scale(found.total), nodes, margins, _margin(found.total, found.people, people))


def _margin(hits: int, sample: int, people: int) -> int:
    """How far the true number may be from the extrapolated one: the farther end of Wilson's score interval."""
    if sample >= people:
        return 0
    n, p, z2 = max(sample, 1), hits / max(sample, 1), CONFIDENCE**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = CONFIDENCE * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return math.ceil((abs(centre - p) + half) * people)


def list_matches(answer: Answer, *, after: UUID | None = None, limit: int, timeout_ms: int = 0) -> list[UUID]:
    """People who match, by their ids. Raises OperationalError when they are not there in `timeout_ms`."""
    where = answer.matches
    if after is not None:
        where = join([where, SQL("person.id > {}").format(Literal(after))], "AND")
    query = SQL("{} ORDER BY person.id LIMIT {}").format(answer.select(SQL("person.id"), where), Literal(limit))
    return [id for (id,) in _fetch(query, timeout_ms)]


def find_matching(answer: Answer, ids: Iterable[UUID]) -> set[UUID]:
    """Those of `ids` who match."""
    asked = SQL("person.id = ANY({}::uuid[])").format(Literal(list(ids)))
    return {id for (id,) in _fetch(answer.select(SQL("person.id"), join([asked, answer.matches], "AND")))}


def stream_matches(answer: Answer) -> Iterator[UUID]:
    """Everybody who matches, in no order, however many they are."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        _prepare(cursor)
        cursor.execute(_write(cursor, answer.select(SQL("person.id"), answer.matches)))
        for (id,) in cursor:
            yield id


def compare(answer: Answer, key: str, *, timeout_ms: int = 0) -> Changes:
    """Who matches and does not carry `key`, and the other way round. Raises OperationalError when it is not there in
    `timeout_ms`; 0 is for ever."""
    carries = SQL("(person.segments ? {})").format(Literal(key))
    columns = SQL("count(*) FILTER (WHERE {0} AND NOT {1}), count(*) FILTER (WHERE {1} AND NOT {0})").format(
        answer.matches, carries
    )
    return Changes(*_fetch(answer.select(columns), timeout_ms)[0])


def count_carriers(key: str, *, timeout_ms: int = 0) -> int:
    """How many people carry `key`."""
    query = SQL("SELECT count(*) FROM profiles_storedprofile WHERE segments ? {}").format(Literal(key))
    ((carriers,),) = _fetch(query, timeout_ms)
    return int(carriers)


def estimate_changes(
    ask: Callable[[UUID | None], Answer], key: str, *, patience_ms: int = EXACT_MS, sample: int = SAMPLE
) -> tuple[Changes, bool]:
    """Who would come and go, exactly if that is there in `patience_ms`, else by a sample; and whether it is exact."""
    try:
        return compare(ask(None), key, timeout_ms=patience_ms), True
    except OperationalError as error:
        if not ran_out_of_time(error):
            raise
    _people, share = _take_part(sample)
    found = compare(ask(_end_of(share)), key)
    return Changes(round(found.enter / share), round(found.leave / share)), False


def _fetch(query: Composable, timeout_ms: int = 0) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        _prepare(cursor, timeout_ms)
        cursor.execute(_write(cursor, query))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _prepare(cursor: Any, timeout_ms: int = 0) -> None:
    """Settings of one question: compiling it to machine code takes longer than it saves, and each table of people has
    to fit into memory to be hashed."""
    cursor.execute(
        "SELECT set_config('jit', 'off', true), set_config('work_mem', '64MB', true), "
        "set_config('statement_timeout', %s, true)",
        [str(timeout_ms)],
    )


def _write(cursor: Any, query: Composable) -> str:
    return query.as_string(cursor.connection)
