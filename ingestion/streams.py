"""Redis streams by name, as the archiver uses them: the accepted logs and the refusals."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingestion.log import Offset
from ingestion.log_redis import FIELD, next_id
from profiles.clients import Client

Fields = Mapping[bytes, bytes]
Entries = Sequence[tuple[Offset, Fields]]


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
        return {
            stream: [(id.decode(), fields) for id, fields in entries]
            for stream, entries in zip(after, found, strict=True)
            if entries
        }

    def append(self, stream: str, record: bytes) -> None:
        self._client.xadd(stream, {FIELD: record})

    def trim(self, upto: Mapping[str, Offset]) -> None:
        """Forgets the entries up to and with each offset."""
        pipeline = self._client.pipeline(transaction=False)
        for stream, offset in upto.items():
            pipeline.xtrim(stream, minid=next_id(offset), approximate=False)
        pipeline.execute()
