"""The event log on Redis Streams: one stream per partition, one field per record."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from ingestion.log import LogUnavailable, Offset
from profiles import keys
from profiles.clients import Client

FIELD = b"r"


class RedisLog:
    """Promises of EventLog. `client` must answer bytes, with a socket timeout longer than any `wait_ms`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def append(self, records: Mapping[int, Sequence[bytes]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for partition, batch in records.items():
            for record in batch:
                pipeline.xadd(keys.log(partition), {FIELD: record})
        with _translated():
            pipeline.execute()

    def read(self, partition: int, after: Offset, limit: int) -> list[tuple[Offset, bytes]]:
        with _translated():
            found = self._client.xrange(keys.log(partition), min=f"({after}", count=limit)
        return [(id.decode(), fields[FIELD]) for id, fields in found]

    def poll(
        self, after: Mapping[int, Offset], limit: int, wait_ms: int
    ) -> Mapping[int, Sequence[tuple[Offset, bytes]]]:
        streams: dict[Any, Any] = {keys.log(partition): offset for partition, offset in after.items()}
        by_name = {keys.log(partition).encode(): partition for partition in after}
        with _translated():
            found: Any = self._client.xread(streams, count=limit, block=wait_ms) if streams else []
        pairs = found.items() if isinstance(found, dict) else found  # RESP3 answers a map
        return {by_name[name]: _records(entries) for name, entries in pairs}

    def trim(self, partition: int, upto: Offset) -> None:
        with _translated():
            self._client.xtrim(keys.log(partition), minid=next_id(upto), approximate=False)

    def length(self, partition: int) -> int:
        with _translated():
            return int(self._client.xlen(keys.log(partition)))


def next_id(offset: Offset) -> str:
    """The lowest id of a stream that is above `offset`: trimming to it forgets `offset` too."""
    milliseconds, _, number = offset.partition("-")
    return f"{milliseconds}-{int(number) + 1}"


def _records(entries: Any) -> list[tuple[Offset, bytes]]:
    if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], (list, tuple)):
        entries = entries[0]  # RESP3 wraps the entries of a stream once more
    return [(id.decode(), fields[FIELD]) for id, fields in entries]


@contextmanager
def _translated() -> Iterator[None]:
    """Redis' own errors as LogUnavailable."""
    try:
        yield
    except redis.RedisError as error:
        raise LogUnavailable(f"Redis: {type(error).__name__}: {error}") from error
