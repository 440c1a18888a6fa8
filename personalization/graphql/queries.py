"""What PostgreSQL knows of people, asked for many of them in one question each, with those who became part of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Model

from personalization.graphql.cursors import write_cursor
from profiles.former import write_person
from profiles.queries import TAKEN_OVER
from rules.models import Decision, Grant, PointsEntry

M = TypeVar("M", bound=Model)

ORDER_COMPLETED = "Order Completed"
STATEMENT_MS = 4_000  # after it PostgreSQL gives up on a question

# One message, so that the bound costs no round trip of its own and ends with the question.
_BOUNDED = f"SET LOCAL statement_timeout = {STATEMENT_MS}; "

# One look at an index for each person and each profile that became part of them, however much the table holds.
_ASKED = "SELECT asked.number, found.* FROM unnest({arrays}) WITH ORDINALITY AS asked ({names}, number) "
_KNOWN = (
    "CROSS JOIN LATERAL (" + write_person("asked.profile") + ", known (id) AS (SELECT id FROM person LIMIT {most}) "  # noqa: S608  # ours
)
_NEWEST = (
    "SELECT each.* FROM known CROSS JOIN LATERAL (SELECT {columns} FROM {table} WHERE profile_id = known.id{condition} "
    "ORDER BY at DESC, id DESC LIMIT asked.first) AS each ORDER BY each.at DESC, each.id DESC LIMIT asked.first"
    ") AS found ORDER BY asked.number, found.at DESC, found.id DESC"
)
_BALANCE = (
    "SELECT coalesce(sum(points), 0)::bigint FROM rules_pointsentry "
    "WHERE profile_id IN (SELECT id FROM known)) AS found"
)
_SIZE = (
    "CROSS JOIN LATERAL (SELECT size, hour FROM segments_segmentsize WHERE segment = asked.segment "
    "AND version = asked.version ORDER BY hour DESC LIMIT 1) AS found"
)
_BEFORE = " AND at <= coalesce(asked.at, 'infinity') AND (at < coalesce(asked.at, 'infinity') OR id < asked.id)"


class Page(NamedTuple):
    """A look into a person's past: the `first` of what came before (at, id), the newest first. `heavy` are the columns
    that are wanted beside those that cost nothing."""

    profile: str
    first: int
    at: datetime | None = None
    id: int = 0
    heavy: frozenset[str] = frozenset()


class PastEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of the archive; None what was not asked for."""

    at: datetime
    number: int
    id: str
    type: str
    name: str
    source: str
    value: float
    entered: Any
    left: Any
    properties: Any
    traits: Any
    context: Any


class Order(msgspec.Struct, frozen=True, gc=False):
    """One completed order of the archive."""

    at: datetime
    number: int
    id: str
    revenue: float
    currency: str | None
    products: Any


class Listed(NamedTuple):
    """What is on a page, and the cursor of the next one, None at the end."""

    found: Sequence[Any]
    next: str | None


HEAVY_OF_EVENT = ("entered", "left", "properties", "traits", "context")
HEAVY_OF_ORDER = ("products",)


def list_events(pages: Sequence[Page]) -> list[Listed]:
    """Archived events of each person."""
    wanted = frozenset().union(*(page.heavy for page in pages))
    columns = ["at", "id", "message_id", "type", "name", "source", "value"]
    columns += [f'"{name}"::text' if name in wanted else f'NULL AS "{name}"' for name in HEAVY_OF_EVENT]
    found = _list_newest("profiles_archivedevent", columns, _with_next(pages), condition=_BEFORE)
    past = [[PastEvent(*(*row[:7], *map(_as_json, row[7:]))) for row in rows] for rows in found]
    return [_cut(events, page.first) for events, page in zip(past, pages, strict=True)]


def list_orders(pages: Sequence[Page]) -> list[Listed]:
    """Archived orders of each person."""
    wanted = frozenset().union(*(page.heavy for page in pages))
    columns = ["at", "id", "coalesce(properties ->> 'order_id', message_id)", "value", "properties ->> 'currency'"]
    columns.append("(properties -> 'products')::text" if "products" in wanted else "NULL AS products")
    condition = f" AND name = '{ORDER_COMPLETED}'" + _BEFORE
    found = _list_newest("profiles_archivedevent", columns, _with_next(pages), condition=condition)
    past = [[Order(*(*row[:5], _as_json(row[5]))) for row in rows] for rows in found]
    return [_cut(orders, page.first) for orders, page in zip(past, pages, strict=True)]


def list_decisions(pages: Sequence[Page]) -> list[list[Decision]]:
    """Decisions about each person; their answers are JSON text."""
    return _list_rows(Decision, pages, {"door": "door", "source": "source", "book": "book", "answers": "answers::text"})


def list_grants(pages: Sequence[Page]) -> list[list[Grant]]:
    """What each person was granted."""
    columns = ("offer", "period", "code", "points", "decision_id")
    return _list_rows(Grant, pages, dict(zip(columns, columns, strict=True)))


def list_points(pages: Sequence[Page]) -> list[list[PointsEntry]]:
    """Entries of each person's ledger."""
    columns = ("points", "note", "offer")
    return _list_rows(PointsEntry, pages, dict(zip(columns, columns, strict=True)))


def sum_points(profiles: Sequence[str]) -> list[int]:
    """The balance of each person's points."""
    sql = _ASKED.format(arrays="%s::uuid[]", names="profile") + _KNOWN.format(most=TAKEN_OVER) + _BALANCE
    found = dict(_ask(sql, [[UUID(profile) for profile in profiles]]))
    return [found[number] for number in range(1, len(profiles) + 1)]


class Size(NamedTuple):
    """How many people a version had, and at the end of which hour that was counted."""

    people: int
    hour: datetime


def find_sizes(versions: Sequence[tuple[str, int]]) -> list[Size | None]:
    """The newest known size of each version (slug, number) of a segment."""
    sql = _ASKED.format(arrays="%s::text[], %s::int[]", names="segment, version") + _SIZE
    slugs, numbers = zip(*versions, strict=True)
    found = {number: Size(people, hour) for number, people, hour in _ask(sql, [list(slugs), list(numbers)])}
    return [found.get(number) for number in range(1, len(versions) + 1)]


def _with_next(pages: Sequence[Page]) -> list[Page]:
    """Asks for one more than is shown: whether it is there says whether there is a next page."""
    return [page._replace(first=page.first + 1) for page in pages]


def _cut(found: Sequence[Any], first: int) -> Listed:
    if len(found) <= first:
        return Listed(found, None)
    last = found[first - 1]
    return Listed(found[:first], write_cursor(last.at, last.number))


def _list_rows(model: type[M], pages: Sequence[Page], columns: Mapping[str, str]) -> list[list[M]]:
    """Rows of a model with their time, their id and some columns: by field, what SQL calls it."""
    found = _list_newest(model._meta.db_table, ["at", "id", *columns.values()], pages)
    names = ("at", "id", *columns)
    return [[model(**dict(zip(names, row, strict=True))) for row in rows] for rows in found]


def _list_newest(
    table: str, columns: Sequence[str], pages: Sequence[Page], *, condition: str = ""
) -> list[list[tuple[Any, ...]]]:
    """The rows of each page, in the order of `columns`."""
    names = "profile, first, at, id"
    sql = _ASKED.format(arrays="%s::uuid[], %s::int[], %s::timestamptz[], %s::bigint[]", names=names)
    sql += _KNOWN.format(most=TAKEN_OVER) + _NEWEST.format(table=table, columns=", ".join(columns), condition=condition)
    profiles = [UUID(page.profile) for page in pages]
    bounds = zip(*((page.first, page.at, page.id) for page in pages), strict=True)
    found: list[list[tuple[Any, ...]]] = [[] for _ in pages]
    for number, *row in _ask(sql, [profiles, *map(list, bounds)]):
        found[number - 1].append(tuple(row))
    return found


def _ask(sql: str, arrays: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_BOUNDED + sql, arrays)
        cursor.nextset()
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _as_json(text: str | None) -> msgspec.Raw | None:
    """A column that goes into the answer as PostgreSQL said it."""
    return None if text is None else msgspec.Raw(text.encode())
