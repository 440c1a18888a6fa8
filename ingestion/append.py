"""The way of events into the log: calls that come at the same time share one round trip, and none is told of success
before Redis has answered. What Redis may lose of it when it dies is stored again when it is back."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import islice
from secrets import token_hex

import redis
from redis.exceptions import NoScriptError

from ingestion.log import LogUnavailable
from ingestion.log_redis import FIELD
from ingestion.meter import NO_METER, Away, Meter, Way
from ingestion.refusals import Refusal
from ingestion.unsynced import Logs, Unsynced
from profiles import keys
from profiles.clients import AsyncClient, Client
from profiles.event import Event, pack, partition_of
from profiles.identity import identifiers, route
from profiles.store import day_of, outcome_field
from profiles.store_redis import read_links

FLUSH_EVENTS = 1_000  # of one round trip, unless one call alone has more
FLUSH_BYTES = 4_000_000  # of one round trip, likewise
MAX_WAITING = 20_000  # events that wait for their round trip in this process
MAX_WAITING_BYTES = 32_000_000  # of them together
MAX_NOTED = 200  # refusals kept in full per round trip; all of them are counted
KEPT_REFUSALS = 10_000
NO_BOUND = 1_000_000_000  # of the log, for what was acknowledged
RETRY_S = 2

# Either everything is stored, or nothing and the numbers of the partitions that are full are answered.
# KEYS: outcomes, refused, logs…. ARGV: longest log, longest list of refusals, field of a record,
# number of counts, (field, count)…, number of refusals, (source, reason, at, message, message id, sample)…,
# then per log: number of records, record….
APPEND = """
local at, full = 4, {}
local counts = tonumber(ARGV[at])
local notes_at = at + 1 + counts * 2
local notes = tonumber(ARGV[notes_at])
local logs_at = notes_at + 1 + notes * 6
at = logs_at
for k = 3, #KEYS do
  local records = tonumber(ARGV[at])
  if redis.call('XLEN', KEYS[k]) + records > tonumber(ARGV[1]) then full[#full + 1] = k - 3 end
  at = at + 1 + records
end
if #full > 0 then return full end
at = logs_at
for k = 3, #KEYS do
  local records = tonumber(ARGV[at])
  for i = at + 1, at + records do redis.call('XADD', KEYS[k], '*', ARGV[3], ARGV[i]) end
  at = at + 1 + records
end
for i = 5, 4 + counts * 2, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = notes_at + 1, notes_at + notes * 6, 6 do
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'source', ARGV[i], 'reason', ARGV[i + 1],
    'at', ARGV[i + 2], 'message', ARGV[i + 3], 'messageId', ARGV[i + 4], 'sample', ARGV[i + 5])
end
return full
"""


class Overloaded(Exception):
    """The log or the queue before it is full; nothing was stored. `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__("more events come in than are processed")


Noted = tuple[str, Refusal]  # slug of the source ("-" when it is not known) and what was refused


@dataclass
class _Call:
    """One append that waits; `done` is None when nobody waits for its outcome."""

    events: Sequence[Event]
    packed: list[bytes]
    refusals: Sequence[Noted]
    done: "asyncio.Future[None] | None"
    partitions: list[int] = field(default_factory=list)
    size: int = 0  # bytes

    def __post_init__(self) -> None:
        self.size = sum(map(len, self.packed))

    def settle(self, error: Exception | None = None) -> None:
        if self.done is None or self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Appender:
    """For one event loop. `client` must answer bytes; `timeout` bounds one round trip, in seconds."""

    def __init__(
        self, client: AsyncClient, *, partitions: int, max_length: int, timeout: float, meter: Meter = NO_METER
    ) -> None:
        self._client = client
        # A server that was started anew knows no scripts, and nobody else teaches it this one: so none of its lives is
        # taken for another, however briefly it was away.
        self._script = f"-- {token_hex(8)}\n{APPEND}"
        self._sha = sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        self._unsynced = Unsynced(time.time)
        self._meter = meter
        self._partitions = partitions
        self._max_length = max_length
        self._timeout = timeout
        self._waiting: list[_Call] = []
        self._waiting_events = self._waiting_bytes = 0
        self._task: asyncio.Task[None] | None = None

    async def append(self, events: Sequence[Event], refusals: Sequence[Noted] = (), *, way: Way = Way.HTTP) -> None:
        """Returns when all events are stored and the refusals counted. Raises Overloaded with nothing stored, or
        LogUnavailable within two time-outs: then nothing is promised, and sending again is safe."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            full = self._waiting_events + len(events) > MAX_WAITING or self._waiting_bytes > MAX_WAITING_BYTES
            if full and self._waiting_events:
                raise Overloaded(RETRY_S)
            done = loop.create_future()
            self._queue(_Call(events, [pack(event) for event in events], refusals, done))
            try:
                await done
            finally:
                del done  # else a refusal and all it was about would refer to themselves, and stay until a collection
        except (Overloaded, LogUnavailable) as error:
            self._meter.turned_away(way, len(events), _why(error))
            raise
        self._meter.took(way, len(events), loop.time() - began)
        if refusals:
            self._meter.refused(way, [refusal.reason for _, refusal in refusals])

    def note(self, refusals: Sequence[Noted], *, way: Way = Way.HTTP) -> None:
        """Counts refusals without waiting for it; they are lost when Redis is away, as nothing depends on them."""
        self._meter.refused(way, [refusal.reason for _, refusal in refusals])
        if len(self._waiting) < MAX_NOTED:
            self._queue(_Call((), [], refusals, None))

    def look(self) -> None:
        """Stores again what Redis has lost, also when nobody sends anything; called now and then."""
        self._unsynced.forget_old()
        if self._unsynced:
            self._queue(_Call((), [], (), None))

    def _queue(self, call: _Call) -> None:
        self._waiting.append(call)
        self._waiting_events += len(call.events)
        self._waiting_bytes += call.size
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        while self._waiting:
            calls = self._take()
            try:
                async with asyncio.timeout(self._timeout):
                    await self._flush(calls)
            except (redis.RedisError, OSError, TimeoutError) as error:
                # Whoever waited meanwhile would only wait for the same failure.
                calls += self._waiting
                self._waiting, self._waiting_events, self._waiting_bytes = [], 0, 0
                for call in calls:
                    call.settle(LogUnavailable(f"Redis: {type(error).__name__}"))
            except Exception as error:  # whoever waits is told, whatever went wrong
                for call in calls:
                    call.settle(error)

    def _take(self) -> list[_Call]:
        """The calls of the next round trip."""
        count = events = size = 0
        for call in self._waiting:
            if count and (events + len(call.events) > FLUSH_EVENTS or size + call.size > FLUSH_BYTES):
                break
            count += 1
            events += len(call.events)
            size += call.size
        calls, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_events -= events
        self._waiting_bytes -= size
        return calls

    async def _flush(self, calls: list[_Call]) -> None:
        await self._route(calls)
        while calls:
            full = await self._store(calls)
            if not full:
                break
            kept = []
            for call in calls:
                if full.isdisjoint(call.partitions):
                    kept.append(call)
                else:
                    call.settle(Overloaded(RETRY_S))
            calls = kept
        for call in calls:
            call.settle()

    async def _route(self, calls: Sequence[_Call]) -> None:
        """Finds the partition of every event; one that was linked elsewhere since is forwarded by the processor."""
        names = list_names(event for call in calls for event in call.events)
        links: dict[str, str] = {}
        if names:
            found = await self._client.mget([keys.identifier(name) for name in names])
            links = read_links(names, found)
        placed = iter(place_events((event for call in calls for event in call.events), links, self._partitions))
        for call in calls:
            call.partitions = list(islice(placed, len(call.events)))

    async def _store(self, calls: Sequence[_Call]) -> set[int]:
        """The partitions that are full, in which case nothing was stored."""
        logs: dict[int, list[bytes]] = {}
        for call in calls:
            for partition, record in zip(call.partitions, call.packed, strict=True):
                logs.setdefault(partition, []).append(record)
        noted = [refused for call in calls for refused in call.refusals]
        while True:
            try:
                while (owed := self._unsynced.owed) is not None:
                    await self._run(*write_append(owed, (), NO_BOUND))
                    self._unsynced.pay()
                full = await self._run(*write_append(logs, noted, self._max_length))
                break
            except NoScriptError:  # another life of the server; what it may have lost comes before anything new
                self._unsynced.lose()
                names, arguments = write_append({}, (), NO_BOUND)
                await self._client.eval(self._script, len(names), *names, *arguments)
        if logs and not full:
            self._unsynced.keep(logs)
        touched = list(logs)
        return {touched[number] for number in full}

    async def _run(self, names: Sequence[str], arguments: Sequence[str | bytes | int]) -> list[int]:
        full: list[int] = await self._client.evalsha(self._sha, len(names), *names, *arguments)
        return full


class BlockingAppender:
    """For a thread that waits for each call alone; the promises of Appender, with a blocking client."""

    def __init__(
        self, client: Client, *, partitions: int, max_length: int, way: Way = Way.REST, meter: Meter = NO_METER
    ) -> None:
        self._client = client
        self._way = way
        self._meter = meter
        self._script = client.register_script(APPEND)
        self._partitions = partitions
        self._max_length = max_length

    def append(self, events: Sequence[Event], refusals: Sequence[Noted] = ()) -> None:
        """Returns when all events are stored and the refusals counted. Raises Overloaded with nothing stored, or
        LogUnavailable: then nothing is promised, and sending again is safe."""
        began = time.monotonic()
        try:
            self._append(events, refusals)
        except (Overloaded, LogUnavailable) as error:
            self._meter.turned_away(self._way, len(events), _why(error))
            raise
        self._meter.took(self._way, len(events), time.monotonic() - began)
        self._meter.refused(self._way, [refusal.reason for _, refusal in refusals])

    def _append(self, events: Sequence[Event], refusals: Sequence[Noted]) -> None:
        try:
            names = list_names(events)
            found = self._client.mget([keys.identifier(name) for name in names]) if names else []
            logs: dict[int, list[bytes]] = {}
            placed = place_events(events, read_links(names, found), self._partitions)
            for partition, event in zip(placed, events, strict=True):
                logs.setdefault(partition, []).append(pack(event))
            to, arguments = write_append(logs, refusals, self._max_length)
            full = self._script(keys=to, args=arguments)
        except redis.RedisError as error:
            raise LogUnavailable(f"Redis: {type(error).__name__}") from error
        if full:
            raise Overloaded(RETRY_S)


def _why(error: Exception) -> Away:
    return Away.FULL if isinstance(error, Overloaded) else Away.UNAVAILABLE


def list_names(events: Iterable[Event]) -> list[str]:
    """The identifiers that decide where `events` belong."""
    return list({key: None for event in events for key in identifiers(event)})


def place_events(events: Iterable[Event], links: Mapping[str, str], partitions: int) -> Iterator[int]:
    """The partition of every event, by what the identity map says of its identifiers."""
    known: dict[tuple[str | None, ...], int] = {}
    for event in events:
        # Events of the same ids share their way, but for the two sides of an alias call.
        person = (event.anonymous_id, event.user_id, event.previous_id)
        partition = known.get(person)
        if partition is None:
            partition = known[person] = partition_of(route(event, links.get), partitions)
        yield partition


def write_append(logs: Logs, noted: Sequence[Noted], max_length: int) -> tuple[list[str], list[str | bytes | int]]:
    """Keys and arguments of the script, for packed records by partition."""
    counts = Counter(outcome_field(day_of(refusal.at), source, refusal.reason) for source, refusal in noted)
    arguments: list[str | bytes | int] = [max_length, KEPT_REFUSALS, FIELD, len(counts)]
    for name, count in counts.items():
        arguments += (name, count)
    arguments.append(len(noted[:MAX_NOTED]))
    for source, refusal in noted[:MAX_NOTED]:
        arguments += (source, refusal.reason, refusal.at, refusal.message, refusal.message_id or "", refusal.sample)
    for records in logs.values():
        arguments.append(len(records))
        arguments += records
    return [keys.OUTCOMES, keys.REFUSED, *map(keys.log, logs)], arguments
