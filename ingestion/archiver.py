"""The archiver: copies what was applied from Redis to PostgreSQL, rows and its own offsets in one transaction."""

import logging
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Event as Signal
from typing import Any, NamedTuple

import redis
from django.db import DatabaseError, DataError, InterfaceError, connection, transaction
from msgspec import ValidationError

from ingestion.accepted import Accepted, unpack
from ingestion.archiving import Batch, Keeper, collect, describe, moment
from ingestion.catalogue import Catalogue, observe
from ingestion.forgetting import Forgetter
from ingestion.log import START, Offset
from ingestion.log_redis import FIELD
from ingestion.meter import NO_METER, Meter
from ingestion.models import ArchiveOffset, DeadLetter
from ingestion.outcomes import REASON_LENGTH, store_dead_letters, store_outcomes, store_refusals, trim_refusals
from ingestion.streams import Entries, Streams, read_entries
from profiles import keys
from profiles.actions import (
    copy_events,
    forget_identifiers,
    record_merge,
    remove_profiles,
    store_identifiers,
    store_profiles,
    undo_merge,
)
from profiles.clients import Client
from profiles.erasures import forget_marks, keep_marks
from profiles.locks import ARCHIVE
from profiles.months import Months, month_of, next_month
from profiles.queries import Message, find_archived
from profiles.rows import MergeRow
from profiles.store import StoreUnavailable
from profiles.telling import say_error
from profiles.whole import NOT_WHOLE, read_mark
from segments.actions import record_changes

logger = logging.getLogger(__name__)

BATCH = 500  # entries of one stream in one transaction
READ_AT_ONCE = 500  # keys of one MGET
LOOKS = 5  # at what comes in while a batch is read
IDLE_S = 0.2  # between looks while little comes in: larger transactions are cheaper
STANDBY_S = 1.0  # between tries to take over from the archiver that works
PAUSE_S = 1.0  # after a server was away
COUNT_S = 2.0  # between copies of the counters
TIDY_S = 600.0

Found = Mapping[str, Entries]


class Overtaken(Exception):
    """Another archiver has moved the offsets: what was read here is void."""


class Look(NamedTuple):
    """One moment of Redis: the states and links that a batch has touched, and what has come in after it."""

    states: Sequence[bytes | None]
    links: Sequence[bytes | None]
    later: Found


class Archiver:
    """Several may run; one works, the others stand by. `clock` gives Unix milliseconds."""

    def __init__(
        self,
        client: Client,
        *,
        partitions: int,
        clock: Callable[[], int],
        keeper: Keeper,
        meter: Meter = NO_METER,
    ) -> None:
        self._client = client
        self._meter = meter
        self._keeper = keeper
        self._forgetter = Forgetter(client, partitions=partitions, clock=clock, forget=keeper.forget)
        self._streams = Streams(client)
        self._clock = clock
        self._partition_of = {keys.accepted(number): number for number in range(partitions)}
        self._months = Months()
        self._catalogue = Catalogue()
        self._offsets: dict[str, Offset] | None = None
        self._leads = False
        self._mark = 0
        self._counted = self._tidied = -TIDY_S

    def run(self, stop: Signal) -> None:
        """Works until `stop` is set, riding out times when either server is away, or Redis is not whole."""
        try:
            while not stop.is_set():
                try:
                    if not self._lead() or not read_mark(self._client):
                        stop.wait(STANDBY_S)
                    elif self._round() < BATCH:
                        stop.wait(IDLE_S)
                except Overtaken as error:
                    logger.info("%s", error)
                    self._forget()
                except (redis.RedisError, StoreUnavailable, DatabaseError, InterfaceError) as error:
                    logger.warning("waiting: %s", say_error(error))
                    self._forget()
                    stop.wait(PAUSE_S)
        finally:
            self._forget()

    def drain(self) -> int:
        """Archives all there is now, counters included, and returns how many records: for tools that run alone."""
        taken = 0
        while more := self.step():
            taken += more
        self._count()
        return taken

    def step(self) -> int:
        """Archives up to BATCH records of each stream; returns how many."""
        self._mark = read_mark(self._client)
        if self._offsets is None:
            self._offsets = self._read_offsets()
            self._trim(self._offsets)  # what a former archiver had no time for
        found = self._streams.read(self._offsets, BATCH)
        if found:
            self._archive(found)
        if self._mark:
            self._forgetter.finish(self._offsets, self._mark)
        return sum(map(len, found.values()))

    def _round(self) -> int:
        now = time.monotonic()
        if now - self._tidied >= TIDY_S:
            self._tidy()
            self._tidied = now
        taken = self.step()
        if now - self._counted >= COUNT_S:
            assert self._offsets is not None
            self._trim(self._offsets)  # a Redis that lost its last second may hold again what it had forgotten
            self._count()
            self._counted = now
        return taken

    def _lead(self) -> bool:
        """Whether this one works. The lock ends with the connection, so a dead archiver holds nobody up."""
        if not self._leads:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [ARCHIVE])
                (self._leads,) = cursor.fetchone()
        return self._leads

    def _forget(self) -> None:
        """Starts anew: with another connection, and with what the database says."""
        if self._leads:
            # A pool keeps connections open, and their locks with them.
            with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [ARCHIVE])
        connection.close()
        self._leads = False
        self._offsets = None
        self._catalogue = Catalogue()
        self._months = Months()
        self._forgetter.look_anew()
        self._counted = self._tidied = -TIDY_S

    def _read_offsets(self) -> dict[str, Offset]:
        streams = [*self._partition_of, keys.REFUSED]
        stored = dict(ArchiveOffset.objects.filter(stream__in=streams).values_list("stream", "offset"))
        return {stream: stored.get(stream, START) for stream in streams}

    def _archive(self, found: Found) -> None:
        """Archives what was found. A record that PostgreSQL cannot take is looked for, and set aside."""
        try:
            self._write(found, looks=LOOKS)
        except Exception as error:
            if not _is_the_records_fault(error):
                raise
            self._catalogue = Catalogue()
            logger.warning("a batch cannot be archived, trying its parts: %s", type(error).__name__)
            for stream, entries in found.items():
                self._archive_parts(stream, entries)

    def _archive_parts(self, stream: str, entries: Entries) -> None:
        try:
            self._write({stream: entries})
        except Exception as error:
            if not _is_the_records_fault(error):
                raise
            self._catalogue = Catalogue()
            if len(entries) == 1:
                logger.exception("%s %s cannot be archived", stream, entries[0][0])
                self._write({stream: entries}, fault=f"cannot be archived: {type(error).__name__}")
            else:
                middle = len(entries) // 2
                self._archive_parts(stream, entries[:middle])
                self._archive_parts(stream, entries[middle:])

    def _write(self, found: Found, fault: str | None = None, *, looks: int = 1) -> None:
        """One transaction: rows, offsets, and nothing if either fails. With `fault`, records become dead letters.

        What came in meanwhile and changes the same people is taken along, up to `looks` times: then no copy knows of
        anything that the archive does not. Who is far behind goes on without."""
        while True:
            records, letters = self._decode(found, fault)
            batch = collect(records)
            states, links, later = self._look(batch, {stream: entries[-1][0] for stream, entries in found.items()})
            is_behind = max(map(len, (*found.values(), *later.values())), default=0) >= BATCH
            looks -= 1
            if not looks or is_behind or not _share_people(batch, collect(self._decode(later, fault)[0])):
                break
            found = {stream: [*found.get(stream, ()), *later.get(stream, ())] for stream in {**found, **later}}
        self._months.make(month_of(row.at) for row in batch.events)
        self._keeper.prepare(batch)
        streams = self._forgetter.find_ends() if batch.erased else {}
        ends = {stream: entries[-1][0] for stream, entries in found.items()}
        with transaction.atomic():
            self._move_offsets(ends)
            self._store(batch, states, links, streams)
            store_dead_letters([*letters, *_set_aside(batch)])
            if keys.REFUSED in found and fault is None:
                store_refusals(fields for _, fields in found[keys.REFUSED])
        assert self._offsets is not None
        self._offsets.update(ends)
        applied = [offset for stream, entries in found.items() if stream in self._partition_of for offset, _ in entries]
        self._meter.archived(self._clock(), applied)
        self._trim(ends)

    def _decode(self, found: Found, fault: str | None) -> tuple[list[Accepted], list[DeadLetter]]:
        records: list[Accepted] = []
        letters: list[DeadLetter] = []
        for stream, entries in found.items():
            if stream not in self._partition_of:
                continue
            for offset, fields in entries:
                raw = fields.get(FIELD, b"")
                record = None if fault else _decode(raw)
                if record is not None:
                    records.append(record)
                    continue
                letters.append(
                    DeadLetter(
                        log=DeadLetter.Log.ACCEPTED,
                        partition=self._partition_of[stream],
                        offset=offset,
                        raw=raw,
                        reason=(fault or "cannot be decoded")[:REASON_LENGTH],
                        tries=1,
                        at=moment(self._clock()),
                    )
                )
        return records, letters

    def _move_offsets(self, ends: Mapping[str, Offset]) -> None:
        """Moves the offsets from where this archiver read; raises Overtaken when they are elsewhere."""
        assert self._offsets is not None
        ArchiveOffset.objects.bulk_create(
            [ArchiveOffset(stream=stream, offset=START) for stream in ends], ignore_conflicts=True
        )
        stored = ArchiveOffset.objects.select_for_update().filter(stream__in=ends).order_by("stream")
        for row in stored:
            if row.offset != self._offsets[row.stream]:
                raise Overtaken(f"{row.stream} is at {row.offset}, not {self._offsets[row.stream]}")
            row.offset = ends[row.stream]
        ArchiveOffset.objects.bulk_update(stored, ["offset"])

    def _store(
        self,
        batch: Batch,
        states: Sequence[bytes | None],
        links: Sequence[bytes | None],
        streams: Mapping[str, Offset],
    ) -> None:
        # A Redis that lost its last second applies events anew that were archived before: known ones stay as they are.
        messages = [Message(row.source, row.message_id, row.at) for row in batch.events]
        known = find_archived(messages)
        first = {(message.source, message.message_id): number for number, message in reversed([*enumerate(messages)])}
        kept = (number for number in first.values() if number not in batch.gone)
        fresh = sorted(number for number in kept if messages[number] not in known)
        _store_turns(batch, fresh)
        keep_marks((row.source, row.message_id, row.received) for row in map(batch.events.__getitem__, batch.gone))
        for erased in batch.erased:
            self._forgetter.begin(erased, streams)
        self._catalogue.record(observe(batch.observed[number] for number in fresh))
        # The map's present answer, as links of several partitions come in no common order.
        answers = zip(batch.links.items(), links, strict=True)
        linked = {key: (now.decode(), at) for (key, at), now in answers if now is not None}
        store_identifiers(linked)
        forget_identifiers(batch.links.keys() - linked.keys())
        rows = [
            describe(profile_id, packed)
            for profile_id, packed in zip(batch.touched, states, strict=True)
            if packed is not None  # taken over meanwhile
        ]
        # The copy of who was taken over is kept until the winner's has what it had.
        gone = {id for id, packed in zip(batch.touched, states, strict=True) if packed is None}
        remove_profiles(gone.intersection(batch.losers))
        store_profiles(rows, at=moment(self._clock()))
        record_changes(batch.changes)
        self._keeper.store(batch, fresh)

    def _look(self, batch: Batch, ends: Mapping[str, Offset]) -> Look:
        """Raises StoreUnavailable when it is another Redis than a moment ago: who is not there is not gone."""
        names = [*map(keys.profile, batch.touched), *map(keys.identifier, batch.links)]
        assert self._offsets is not None
        look = self._client.pipeline(transaction=True)
        look.get(keys.WHOLE)
        for stream in self._partition_of:
            look.xrange(stream, min=f"({ends.get(stream, self._offsets[stream])}", count=BATCH)
        for start in range(0, len(names), READ_AT_ONCE):
            look.mget(names[start : start + READ_AT_ONCE])
        found: Iterator[Any] = iter(look.execute())
        if int(next(found) or 0) != self._mark:
            raise StoreUnavailable(NOT_WHOLE)
        later = {stream: read_entries(next(found)) for stream in self._partition_of}
        values: list[bytes | None] = [value for answer in found for value in answer]
        return Look(
            values[: len(batch.touched)],
            values[len(batch.touched) :],
            {stream: entries for stream, entries in later.items() if entries},
        )

    def _trim(self, ends: Mapping[str, Offset]) -> None:
        """Forgets what is archived. Refusals stay: their stream is bounded, and people look into it."""
        self._streams.trim({stream: end for stream, end in ends.items() if stream in self._partition_of})

    def _count(self) -> None:
        """Copies the counters. Those of past weeks have come to rest, and leave Redis."""
        counts = {name.decode(): int(count) for name, count in self._client.hgetall(keys.OUTCOMES).items()}
        now = moment(self._clock())
        with transaction.atomic():
            old = store_outcomes(counts, today=now.date(), at=now)
        if old:
            self._client.hdel(keys.OUTCOMES, *old)

    def _tidy(self) -> None:
        this = month_of(moment(self._clock()))
        self._months.make([this, next_month(this)])  # ahead of time, so that new events never wait for it
        trim_refusals(now=moment(self._clock()))
        forget_marks(now=moment(self._clock()))


def _share_people(batch: Batch, later: Batch) -> bool:
    return not (batch.touched.keys().isdisjoint(later.touched) and batch.links.keys().isdisjoint(later.links))


def _decode(raw: bytes) -> Accepted | None:
    try:
        return unpack(raw)
    except (ValidationError, ValueError):
        return None


def _store_turns(batch: Batch, fresh: Sequence[int]) -> None:
    """Events by their numbers in the batch, and between them the merges and undone merges: whose events are whose
    depends on what came first."""
    start = 0
    for turn in batch.turns:
        end = bisect_left(fresh, turn.events)
        copy_events([batch.events[number] for number in fresh[start:end]])
        start = end
        if isinstance(turn.row, MergeRow):
            record_merge(turn.row)
        else:
            undo_merge(turn.row)
    copy_events([batch.events[number] for number in fresh[start:]])


def _set_aside(batch: Batch) -> list[DeadLetter]:
    return [
        DeadLetter(
            partition=dead.partition,
            offset=dead.offset,
            raw=dead.raw,
            reason=dead.reason[:REASON_LENGTH],
            tries=dead.tries,
            at=moment(dead.at),
        )
        for dead in batch.dead
    ]


def _is_the_records_fault(error: BaseException) -> bool:
    """Whether trying again can never help: the data does not fit, as opposed to a server that is away or full."""
    if isinstance(error, (Overtaken, StoreUnavailable, redis.RedisError)):
        return False
    if isinstance(error, (DatabaseError, InterfaceError)):
        state = getattr(error.__cause__, "sqlstate", None) or ""
        # Classes of SQLSTATE: data exception, constraint violation, program limit. Without one it was raised by the
        # client: a lost connection is an OperationalError or InterfaceError, a value without a form a DataError.
        return state[:2] in ("22", "23", "54") or (not state and isinstance(error, DataError))
    return True
