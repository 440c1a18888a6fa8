"""Redis streams by name, as the archiver uses them: the accepted logs and the refusals."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import redis

from ingestion.log import START, Offset
from ingestion.log_redis import FIELD, next_id
from profiles.clients import Client

Fields = Mapping[bytes, bytes]
Entries = Sequence[tuple[Offset, Fields]]

NO_STREAM = "no such key"  # what Redis says of a stream that nothing was ever appended to


class Streams:
    """Reads, trims and extends streams. `client` must answer bytes; every call may raise redis.RedisError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def read(self, after: Mapping[str, Offset], limit: int) -> dict[str, Entries]:
        """Up to `limit` entries of each stream after its offset, oldest first; streams without any are left out."""
        pipeline = self._client.pipeline(transaction=False)
        for stream, offset in after.items():
            pipeline.xrange(stream, min=f"({offset}", count=limit)
        found: Iterable[Any] = pipeline.execute()
        return {stream: read_entries(entries) for stream, entries in zip(after, found, strict=True) if entries}

    def list_ends(self, streams: Sequence[str]) -> dict[str, Offset]:
        """The last id that each stream has given away, whether or not the entry is still there."""
        pipeline = self._client.pipeline(transaction=False)
        for stream in streams:
            pipeline.xinfo_stream(stream)
        found = pipeline.execute(raise_on_error=False)
        for answer in found:
            if isinstance(answer, redis.RedisError) and NO_STREAM not in str(answer):
                raise answer
        ends = [START if isinstance(answer, redis.RedisError) else answer["last-generated-id"] for answer in found]
        return {
            stream: end.decode() if isinstance(end, bytes) else end for stream, end in zip(streams, ends, strict=True)
        }

    def append(self, stream: str, record: bytes) -> None:
        self._client.xadd(stream, {FIELD: record})

    def trim(self, upto: Mapping[str, Offset]) -> None:
        """Forgets the entries up to and with each offset."""
        pipeline = self._client.pipeline(transaction=False)
        for stream, offset in upto.items():
            pipeline.xtrim(stream, minid=next_id(offset), approximate=False)
        pipeline.execute()


def read_entries(found: Iterable[Any]) -> Entries:
    """Entries as Redis answers them."""
    return [(id.decode(), fields) for id, fields in found]


def is_reached(offset: Offset, end: Offset) -> bool:
    """Whether what is at `offset` has come as far as `end`."""
    return _read(offset) >= _read(end)


def milliseconds_of(offset: Offset) -> int:
    """When an entry was appended, by the clock of its Redis."""
    return _read(offset)[0]


def _read(offset: Offset) -> tuple[int, int]:
    milliseconds, _, number = offset.partition("-")
    return int(milliseconds), int(number)
