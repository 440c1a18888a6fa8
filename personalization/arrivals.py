"""Events as they are applied, and refusals as they are made, for people who watch: read beside the archiver, which is
not disturbed. Of a flood no more is looked at than a web process can afford."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple, Protocol

import msgspec
import redis

from ingestion.accepted import Applied, unpack
from ingestion.log import START, Offset
from ingestion.log_redis import FIELD
from ingestion.streams import NO_STREAM
from profiles import keys
from profiles.clients import AsyncClient

logger = logging.getLogger(__name__)

WAIT_MS = 400  # of one read; below the client's time-out
PAUSE_S = 0.5  # after Redis was away
SAMPLED = 40  # records looked at in a second to tell how fresh profiles are
WATCHED = 2_000  # while somebody watches the events themselves
AT_ONCE = 100  # records of one stream in one read
KEPT_REFUSALS_MS = 3_600_000
FRESH_S = 60.0  # samples of freshness are kept so long
SAMPLES = 600


class Arrival(NamedTuple):
    """An event that was applied, and when that was committed (Unix milliseconds)."""

    committed: int
    applied: Applied


class Refused(NamedTuple):
    """One refusal as a door has noted it. `sample` are the first bytes of what was sent."""

    id: str
    at: int
    source: str
    reason: str
    message: str
    message_id: str
    sample: str


class Watcher(Protocol):
    """Must not block; what it raises ends its watch."""

    def take(self, arrivals: Sequence[Arrival], refusals: Sequence[Refused]) -> None: ...


class Arrivals:
    """One reader for all who watch in a web process; without watchers it reads nothing. `monotonic` is in seconds."""

    def __init__(self, client: AsyncClient, *, partitions: int, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._partitions = partitions
        self._monotonic = monotonic
        self._watchers: dict[Watcher, None] = {}
        self._sampled = False
        self._wanted = asyncio.Event()
        self._stopping = False
        self._lags: deque[tuple[float, int]] = deque(maxlen=SAMPLES)
        self.looked_at = self.passed_over = 0  # records in the present second, and times when others were not

    def watch(self, watcher: Watcher) -> None:
        self._watchers[watcher] = None
        self._wanted.set()

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.pop(watcher, None)
        self._rest()

    def sample(self, wanted: bool) -> None:
        """Whether freshness is to be measured, though nobody may watch the events."""
        self._sampled = wanted
        if wanted:
            self._wanted.set()
        self._rest()

    def measure_freshness(self) -> int | None:
        """Milliseconds from a door to the committed profile, the median of the last minute's samples."""
        since = self._monotonic() - FRESH_S
        while self._lags and self._lags[0][0] < since:
            self._lags.popleft()
        return round(median(lag for _, lag in self._lags)) if self._lags else None

    async def list_refusals(self, most: int, now: int) -> list[Refused]:
        """The newest ones of the last hour, oldest first. Raises redis.RedisError."""
        found = await self._client.xrevrange(keys.REFUSED, count=most, min=str(now - KEPT_REFUSALS_MS))
        return [read_refusal(id, fields) for id, fields in reversed(found)]

    async def run(self) -> None:
        """Hands out what comes until `stop` is called, which it notices within a second."""
        while not self._stopping:
            await self._wanted.wait()
            try:
                await self._follow()
            except (redis.RedisError, OSError) as error:
                logger.info("the feed of events is waiting for Redis: %s", type(error).__name__)
                await asyncio.sleep(PAUSE_S)
        await self._client.aclose()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()

    def _rest(self) -> None:
        if not self._watchers and not self._sampled and not self._stopping:
            self._wanted.clear()

    async def _follow(self) -> None:
        """From now on until nobody wants it any more."""
        offsets = await self._find_ends()
        second = self._monotonic()
        self.looked_at = self.passed_over = 0
        while self._wanted.is_set() and not self._stopping:
            now = self._monotonic()
            if now - second >= 1:
                second, self.looked_at, self.passed_over = now, 0, 0
            budget = WATCHED if self._watchers else SAMPLED
            if self.looked_at >= budget:
                self.passed_over = 1
                await asyncio.sleep(max(0.0, second + 1 - now))
                offsets = await self._find_ends()
                continue
            count = max(1, min(AT_ONCE, (budget - self.looked_at) // len(offsets) + 1))
            found = await self._client.xread(offsets, count=count, block=WAIT_MS)
            self.looked_at += 1  # a read costs something, whatever it brings
            self._hand_out(found, offsets)

    async def _find_ends(self) -> dict[str, Offset]:
        streams = [keys.REFUSED, *map(keys.accepted, range(self._partitions))]
        pipeline = self._client.pipeline(transaction=False)
        for stream in streams:
            pipeline.xinfo_stream(stream)
        ends: dict[str, Offset] = {}
        for stream, answer in zip(streams, await pipeline.execute(raise_on_error=False), strict=True):
            if isinstance(answer, Exception):
                if NO_STREAM not in str(answer):
                    raise answer
                ends[stream] = START
            else:
                ends[stream] = answer["last-generated-id"].decode()
        return ends

    def _hand_out(self, found: Sequence[tuple[bytes, Any]], offsets: dict[str, Offset]) -> None:
        arrivals: list[Arrival] = []
        refusals: list[Refused] = []
        for name, entries in found:
            stream = name.decode()
            offsets[stream] = entries[-1][0].decode()
            self.looked_at += len(entries)
            if stream == keys.REFUSED:
                refusals += [read_refusal(id, fields) for id, fields in entries]
            else:
                arrivals += _read_arrivals(entries)
        now = self._monotonic()
        for arrival in arrivals[-SAMPLED:]:
            self._lags.append((now, max(0, arrival.committed - arrival.applied.event.received)))
        for watcher in tuple(self._watchers) if arrivals or refusals else ():
            try:
                watcher.take(arrivals, refusals)
            except Exception:
                logger.exception("a watcher of events failed")
                self.unwatch(watcher)


def _read_arrivals(entries: Sequence[tuple[bytes, Mapping[bytes, bytes]]]) -> list[Arrival]:
    found = []
    for id, fields in entries:
        try:
            record = unpack(fields[FIELD])
        except (msgspec.MsgspecError, ValueError, KeyError):
            continue  # the archiver sets it aside
        if isinstance(record, Applied):
            found.append(Arrival(int(id.partition(b"-")[0]), record))
    return found


def read_refusal(id: bytes, fields: Mapping[bytes, bytes]) -> Refused:
    """As the doors append them (ingestion.append)."""

    def text(name: bytes) -> str:
        return fields.get(name, b"").decode(errors="replace")

    return Refused(
        id=id.decode(),
        at=int(fields.get(b"at", b"0")),
        source=text(b"source"),
        reason=text(b"reason"),
        message=text(b"message"),
        message_id=text(b"messageId"),
        sample=text(b"sample"),
    )
