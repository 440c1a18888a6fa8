"""How far the parts of the flow are behind: what has waited longest before each of them.

A question is asked in trips: it queues its commands, yields, and is given what came back. So the same question is asked
by threads and by event loops."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ingestion.leases import ABSENT_MS
from ingestion.log import START, Offset
from ingestion.models import ArchiveOffset
from profiles import keys
from profiles.clients import AsyncClient, Client

T = TypeVar("T")
Trips = Generator[None, list[Any], T]
Question = Callable[[Any], Trips[T]]


@dataclass(frozen=True)
class Partition:
    """One part of the event log: who works on it, how much it holds, how long its oldest event has waited."""

    number: int
    owner: str
    length: int
    lag_ms: int


@dataclass(frozen=True)
class Flow:
    """`timers_ms`: how long ago a window ended, or another moment came, that membership does not say yet. `processors`
    are the names of those alive; `is_whole`: Redis holds what it should (profiles/whole.py)."""

    partitions: list[Partition]
    timers_ms: int
    processors: tuple[str, ...]
    is_whole: bool

    @property
    def log_ms(self) -> int:
        return max((each.lag_ms for each in self.partitions), default=0)


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
    flow = ask(client, look_at_flow(partitions, now))
    archive = ask(client, look_at_archive(partitions, now, read_archived()))
    return Lag(timers=flow.timers_ms, log=flow.log_ms, archive=archive)


def read_archived() -> dict[str, Offset]:
    """How far the archive has come with each stream."""
    return dict(ArchiveOffset.objects.values_list("stream", "offset"))


def look_at_flow(partitions: int, now: int) -> Question[Flow]:
    def look(pipeline: Any) -> Trips[Flow]:
        numbers = range(partitions)
        pipeline.get(keys.WHOLE).zrangebyscore(keys.PROCESSORS, now - ABSENT_MS, "+inf")
        for number in numbers:
            pipeline.xlen(keys.log(number)).get(keys.lease(number)).get(keys.offset(number))
            pipeline.zrange(keys.timers(number), 0, 0, withscores=True)
        mark, alive, *found = yield
        lengths, owners, offsets, due = (found[place::4] for place in range(4))
        _ask_oldest(pipeline, map(keys.log, numbers), [each.decode() if each else START for each in offsets])
        waiting = _read_oldest((yield))
        rows = zip(numbers, owners, lengths, waiting, strict=True)
        return Flow(
            [
                Partition(number, owner.decode() if owner else "", length, _find_age([since], now))
                for number, owner, length, since in rows
            ],
            _find_age([int(first[0][1]) for first in due if first], now),
            tuple(name.decode() for name in alive),
            bool(mark),
        )

    return look


def look_at_archive(partitions: int, now: int, archived: Mapping[str, Offset]) -> Question[int]:
    """How long ago the oldest change was applied that is not archived, in milliseconds."""

    def look(pipeline: Any) -> Trips[int]:
        streams = [keys.accepted(number) for number in range(partitions)]
        _ask_oldest(pipeline, streams, [archived.get(stream, START) for stream in streams])
        return _find_age(_read_oldest((yield)), now)

    return look


def ask(client: Client, question: Question[T]) -> T:
    """May raise redis.RedisError."""
    pipeline = client.pipeline(transaction=False)
    trips = question(pipeline)
    try:
        next(trips)
        while True:
            trips.send(pipeline.execute())
    except StopIteration as end:
        answer: T = end.value
        return answer


async def ask_async(client: AsyncClient, question: Question[T]) -> T:
    """May raise redis.RedisError."""
    pipeline = client.pipeline(transaction=False)
    trips = question(pipeline)
    try:
        next(trips)
        while True:
            trips.send(await pipeline.execute())
    except StopIteration as end:
        answer: T = end.value
        return answer


def _ask_oldest(pipeline: Any, streams: Iterable[str], offsets: Sequence[Offset]) -> None:
    for stream, offset in zip(streams, offsets, strict=True):
        pipeline.xrange(stream, min=f"({offset}", count=1)


def _read_oldest(found: Sequence[Any]) -> list[int | None]:
    """When the first entry after its offset was appended to each stream; None where there is none."""
    return [int(entries[0][0].partition(b"-")[0]) if entries else None for entries in found]


def _find_age(moments: Sequence[int | None], now: int) -> int:
    return max(0, now - min((at for at in moments if at is not None), default=now))
