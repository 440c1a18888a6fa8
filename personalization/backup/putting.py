"""Puts a moment back into an empty Redis, as it was when the backup was made."""

from collections.abc import Iterable

from ingestion.log import START
from ingestion.log_redis import FIELD
from ingestion.streams import Streams, is_reached
from personalization.backup.frames import Counters, Entry, Frame, Text
from profiles import keys
from profiles.clients import Client

AT_ONCE = 1_000
OURS = "pz:*"


def is_used(client: Client, partitions: int) -> bool:
    """Whether anything was ever processed, or waits to be."""
    each = range(partitions)
    return bool(client.exists(*map(keys.log, each), *map(keys.offset, each), *map(keys.accepted, each)))


def clear_redis(client: Client) -> int:
    """Removes every key of the product; returns how many."""
    removed, names = 0, []
    for name in client.scan_iter(match=OURS, count=AT_ONCE):
        names.append(name)
        if len(names) >= AT_ONCE:
            removed += client.unlink(*names)
            names = []
    return removed + (client.unlink(*names) if names else 0)


def put_frames(client: Client, frames: Iterable[Frame], *, partitions: int) -> int:
    """Returns how many records of logs. It is not whole then: a rebuild has to follow."""
    records, waiting = 0, 0
    pipeline = client.pipeline(transaction=False)
    for frame in frames:
        match frame:
            case Entry(stream=stream, id=id, fields=fields):
                pipeline.xadd(stream, dict(fields), id=id)
                records += 1
            case Text(key=key, value=value, expires=expires):
                pipeline.set(key, value, px=expires or None)
            case Counters(key=key, fields=fields):
                if fields:
                    pipeline.hset(key, mapping=dict(fields))
        waiting += 1
        if waiting >= AT_ONCE:
            pipeline.execute()
            waiting = 0
    pipeline.execute()
    _align_logs(client, partitions)
    return records


def _align_logs(client: Client, partitions: int) -> None:
    """The file may hold records that were processed before its moment; and whatever comes in by the clock of this Redis
    has to come after the offset, or nobody would read it."""
    streams = Streams(client)
    for number in range(partitions):
        offset = (client.get(keys.offset(number)) or START.encode()).decode()
        if offset == START:
            continue
        log = keys.log(number)
        streams.trim({log: offset})
        if not is_reached(streams.list_ends([log])[log], offset):
            client.xadd(log, {FIELD: b""}, id=offset)
            client.xdel(log, offset)
