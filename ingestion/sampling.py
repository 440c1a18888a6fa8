"""What the newest archived events of a name look like: where they came from, values, and how they fit a schema."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from ingestion.catalogue import LOOKED_INTO
from ingestion.parse_schema import find_mismatch, read_schema

NEWEST = 200  # events
OF_A_LIST = 50  # of each event of a list
EXAMPLES = 4  # values of each property


@dataclass(frozen=True)
class Sample:
    """`examples` are distinct values by path, those seen most often first; `mismatches` say what does not fit, and of
    how many events, the most frequent first; the events they are of are counted in `unfit`."""

    count: int = 0
    sources: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, list[Any]] = field(default_factory=dict)
    mismatches: list[tuple[str, int]] = field(default_factory=list)

    @property
    def unfit(self) -> int:
        return sum(count for _, count in self.mismatches)


def take_sample(name: str, schema: Any = None) -> Sample:
    """Of the newest events; the schema is one that was saved."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source, properties FROM profiles_archivedevent WHERE name = %s ORDER BY at DESC LIMIT %s",
            [name, NEWEST],
        )
        rows = [(source, json.loads(properties)) for source, properties in cursor.fetchall()]
    values: dict[str, Counter[Any]] = {}
    for _, properties in rows:
        for path, value in _walk(properties):
            values.setdefault(path, Counter())[value] += 1
    return Sample(
        count=len(rows),
        sources=dict(Counter(source for source, _ in rows).most_common()),
        examples={path: [value for value, _ in seen.most_common(EXAMPLES)] for path, seen in values.items()},
        mismatches=_find_mismatches((properties for _, properties in rows), schema),
    )


def find_sources(names: Iterable[str]) -> dict[str, list[str]]:
    """Where the newest events of each name came from, in one query. The order begins with the name, so that it is the
    index of names that is read: by time alone, the whole archive would be for a name that is seldom or never sent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.name, array_agg(DISTINCT newest.source) FROM unnest(%s::text[]) AS wanted (name) "
            "CROSS JOIN LATERAL (SELECT source FROM profiles_archivedevent "
            "WHERE name >= wanted.name AND name <= wanted.name ORDER BY name DESC, at DESC LIMIT %s) AS newest "
            "GROUP BY wanted.name",
            [list(names), OF_A_LIST],
        )
        return {name: sorted(sources) for name, sources in cursor.fetchall()}


def _find_mismatches(events: Iterable[Any], schema: Any) -> list[tuple[str, int]]:
    if schema is None:
        return []
    read = read_schema(schema)
    found = Counter(said for each in events if (said := find_mismatch(read, each)) is not None)
    return found.most_common()


def _walk(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each simple value with its path, as the catalogue names it."""
    for path, value in properties.items():
        if isinstance(value, list):
            for item in value[:LOOKED_INTO]:
                if isinstance(item, dict):
                    yield from ((f"{path}.{name}", inner) for name, inner in item.items() if _is_simple(inner))
                elif _is_simple(item):
                    yield path, item
        elif _is_simple(value):
            yield path, value


def _is_simple(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)
