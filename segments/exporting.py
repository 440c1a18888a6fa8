"""The people of a segment as CSV, some at a time: however slowly it is read, no transaction stays open for it."""

import csv
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection

COLUMNS = ("profile_id", "user_id", "since")
AT_ONCE = 5_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what spreadsheets take for the beginning of one


async def stream_members(key: str) -> AsyncIterator[str]:
    """Whoever carries `key`, in parts of a CSV file. A connection is taken for each part and given back."""
    yield write_rows([COLUMNS])
    after: UUID | None = None
    while rows := await sync_to_async(_read_and_let_go)(key, after):
        after = rows[-1][0]
        yield write_rows((str(id), guard(user_id or ""), say_since(since)) for id, user_id, since in rows)


def guard(text: str) -> str:
    """The text as a cell that no spreadsheet calculates."""
    return f"'{text}" if text.startswith(FORMULA) else text


def say_since(milliseconds: int) -> str:
    return (EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_rows(rows: Iterable[tuple[str, ...]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _read_and_let_go(key: str, after: UUID | None) -> list[tuple[UUID, str | None, int]]:
    try:
        return read_members(key, after)
    finally:
        if not connection.in_atomic_block:
            connection.close()  # back to the pool, until the reader wants more


def read_members(key: str, after: UUID | None) -> list[tuple[UUID, str | None, int]]:
    """(profile id, user id, since in Unix milliseconds) of the next people, by their ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, user_id, (segments ->> %(key)s)::bigint FROM profiles_storedprofile "
            "WHERE segments ? %(key)s AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s",
            {"key": key, "after": after, "limit": AT_ONCE},
        )
        return list(cursor.fetchall())
