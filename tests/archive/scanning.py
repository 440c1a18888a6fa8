"""Looks for words in every table of PostgreSQL and under every key of Redis, packed or not."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection

from profiles.clients import Client


def find_in_tables(words: Iterable[str]) -> list[str]:
    """The tables with a row that holds one of the words, as text or in bytes."""
    forms = [form for word in words for form in (word, word.encode().hex())]
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in sorted(tables):
            cursor.execute(
                f'SELECT word FROM unnest(%s::text[]) AS word WHERE EXISTS (SELECT FROM "{table}" AS row '
                "WHERE strpos(row::text, word) > 0)",
                [forms],
            )
            found += [f"{table}: {word}" for (word,) in cursor.fetchall()]
    return found


def find_in_redis(client: Client, words: Iterable[str]) -> list[str]:
    """The keys that hold one of the words, or are named by it."""
    wanted = [word.encode() for word in words]
    return [
        f"{name.decode()}: {word.decode()}"
        for name in sorted(client.scan_iter("*", count=1_000))
        for word in wanted
        if word in name or any(word in value for value in read_values(client, name))
    ]


def read_values(client: Any, name: bytes) -> Iterator[bytes]:
    """All that stands under a key, piece by piece."""
    match client.type(name):
        case b"string":
            yield client.get(name) or b""
        case b"hash":
            yield from (part for pair in client.hgetall(name).items() for part in pair)
        case b"set":
            yield from client.smembers(name)
        case b"zset":
            yield from client.zrange(name, 0, -1)
        case b"list":
            yield from client.lrange(name, 0, -1)
        case b"stream":
            yield from (part for _, fields in client.xrange(name) for pair in fields.items() for part in pair)
        case b"none":
            return  # expired since
        case kind:
            raise AssertionError(f"nobody can read {name!r}: {kind!r}")
