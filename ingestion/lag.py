"""How far the parts of the flow are behind: what has waited longest before each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingestion.log import START, Offset
from ingestion.models import ArchiveOffset
from profiles import keys
from profiles.clients import Client


@dataclass(frozen=True)
class Lag:
    """In milliseconds; 0 where nothing waits.

    `timers`: how long ago a window ended, or another moment came, that membership does not say yet.
    `log`: how long ago the oldest event was taken in that is not applied yet.
    `archive`: how long ago the oldest change was applied that PostgreSQL does not know yet: sizes, changes and people
    are shown as they were then."""

    timers: int
    log: int
    archive: int


def measure_lag(client: Client, *, partitions: int, now: int) -> Lag:
    """Of all partitions the worst, at `now` in Unix milliseconds. May raise redis.RedisError."""
    numbers = range(partitions)
    look = client.pipeline(transaction=False)
    for number in numbers:
        look.zrange(keys.timers(number), 0, 0, withscores=True)
    for number in numbers:
        look.get(keys.offset(number))
    found = look.execute()
    due, applied = found[:partitions], [offset.decode() if offset else START for offset in found[partitions:]]
    archived = dict(ArchiveOffset.objects.values_list("stream", "offset"))
    streams = [keys.log(number) for number in numbers] + [keys.accepted(number) for number in numbers]
    offsets = applied + [archived.get(keys.accepted(number), START) for number in numbers]
    waiting = list(_find_oldest(client, streams, offsets))
    return Lag(
        timers=_find_age([int(first[0][1]) for first in due if first], now),
        log=_find_age([at for at in waiting[:partitions] if at is not None], now),
        archive=_find_age([at for at in waiting[partitions:] if at is not None], now),
    )


def _find_oldest(client: Client, streams: Sequence[str], offsets: Sequence[Offset]) -> Iterator[int | None]:
    """When the first entry after its offset was appended to each stream; None where there is none."""
    look = client.pipeline(transaction=False)
    for stream, offset in zip(streams, offsets, strict=True):
        look.xrange(stream, min=f"({offset}", count=1)
    for entries in look.execute():
        yield int(entries[0][0].partition(b"-")[0]) if entries else None


def _find_age(moments: Sequence[int], now: int) -> int:
    return max(0, now - min(moments, default=now))
