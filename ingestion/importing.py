"""History from files into the event log: in batches, at the pace of the processor, each message once."""

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from io import TextIOWrapper
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, cast

import redis

from ingestion.archiving import moment
from ingestion.log import EventLog, LogUnavailable
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, pack, partition_of
from profiles.identity import identifiers, route
from profiles.queries import Message, find_archived
from profiles.store_redis import read_links

BATCH = 500
MAX_EVENT_BYTES = 8_000_000  # far above what a door takes: an order of a wholesaler is one event, however long
SHARE = 0.5  # of the log's length at most, so that live events find room
LEAST = 1_000  # but in a short log all of it: what is processed is trimmed by the hundred
PAUSE_S = 0.5
PATIENCE_S = 60.0  # without anything getting better, before an import gives up
GO_ON = "the same command goes on from here"
LISTED = 20  # bad rows shown; all are counted
GZIP_MAGIC = b"\x1f\x8b"


class CannotImport(Exception):
    """The file is not what it was said to be, or the import cannot go on; the message says why and how to mend it."""


@dataclass
class Report:
    """What became of a file's rows. `bad` lists the first of those that could not be read, `skipped` counts rows
    that are no events, by why; `categories` counts those that could be read, None for those without one."""

    rows: int = 0
    events: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str]] = field(default_factory=list)
    bad_rows: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    categories: Counter[str | None] = field(default_factory=Counter)

    def refuse(self, line: int, reason: str) -> None:
        self.bad_rows += 1
        if len(self.bad) < LISTED:
            self.bad.append((line, reason))


@dataclass
class Sent:
    """How many events went into the log, and how many the archive had already."""

    new: int = 0
    known: int = 0


class Importer:
    """Puts events into the log. `wait` sleeps for that many seconds, `clock` counts them; `say` is told why it has to
    wait."""

    def __init__(
        self,
        client: Client,
        log: EventLog,
        *,
        partitions: int,
        max_length: int,
        wait: Callable[[float], object],
        clock: Callable[[], float],
        say: Callable[[str], object] = lambda reason: None,
    ) -> None:
        self._client = client
        self._log = log
        self._partitions = partitions
        self._room = max(int(max_length * SHARE), min(max_length, LEAST))
        self._wait = wait
        self._clock = clock
        self._say = say

    def send(self, events: Iterable[Event], keep: Callable[[int, Sent], object]) -> Sent:
        """Sends what the archive does not have; after each batch `keep` is told how many events of it are settled.

        A batch that may or may not be stored is sent again: the processor drops what it has seen. Raises CannotImport
        when nothing has moved for PATIENCE_S.
        """
        total = Sent()
        waiting = iter(events)
        while batch := list(islice(waiting, BATCH)):
            known = find_archived([_message(event) for event in batch])
            fresh = [event for event in batch if _message(event) not in known]
            for part in _split(fresh, min(BATCH, self._room)):
                self._append(part)
            total.new += len(fresh)
            total.known += len(batch) - len(fresh)
            keep(len(batch), total)
        return total

    def _append(self, events: Sequence[Event]) -> None:
        """Waits for Redis and for room in the log as long as something moves."""
        since = self._clock()
        before: object = None
        while True:
            now: object
            try:
                records = self._place(events)
                if self._has_room(records):
                    self._log.append(records)
                    return
                now = self._client.mget([keys.offset(each) for each in range(self._partitions)])
                reason, at_last = "the processor has to catch up", "the processor has not taken anything for"
            except (redis.RedisError, LogUnavailable) as error:
                now = reason = f"Redis is away: {type(error).__name__}"
                at_last = "Redis has been away for"
            if now != before:
                since, before = self._clock(), now
            elif self._clock() - since >= PATIENCE_S:
                raise CannotImport(f"{at_last} {PATIENCE_S:.0f} s (is it running?); {GO_ON}")
            self._say(reason)
            self._wait(PAUSE_S)

    def _has_room(self, records: Mapping[int, Sequence[bytes]]) -> bool:
        return all(self._log.length(each) + len(packed) <= self._room for each, packed in records.items())

    def _place(self, events: Sequence[Event]) -> dict[int, list[bytes]]:
        """The packed events by the partition of their profile."""
        names = list(dict.fromkeys(key for event in events for key in identifiers(event)))
        found = self._client.mget([keys.identifier(name) for name in names]) if names else []
        links = read_links(names, found)
        records: dict[int, list[bytes]] = {}
        for event in events:
            packed = pack(event)
            if len(packed) > MAX_EVENT_BYTES:
                raise CannotImport(f"event {event.id} has {len(packed)} bytes; {MAX_EVENT_BYTES} is the most")
            records.setdefault(partition_of(route(event, links.get), self._partitions), []).append(packed)
        return records


def _message(event: Event) -> Message:
    return Message(event.source, event.id, moment(event.at))


def _split(events: Sequence[Event], size: int) -> Iterator[Sequence[Event]]:
    for start in range(0, len(events), size):
        yield events[start : start + size]


def fingerprint(*paths: Path) -> str:
    """SHA-256 of the files of an import, by which an interrupted one knows them again."""
    digest = sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def open_table(path: Path, columns: Sequence[str]) -> Iterator[Iterator[tuple[int, Sequence[str]]]]:
    """The rows of a CSV file, or of a CSV file packed with gzip, each with its line number and with the values of
    `columns` in that order; a row of another length than the header comes as an empty one."""
    with path.open("rb") as raw:
        is_packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        file = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if is_packed else raw
        with TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="") as text:
            yield _read_rows(text, columns, path)


def _read_rows(text: IO[str], columns: Sequence[str], path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    reader = csv.reader(text)
    try:
        header = next(reader, [])
        missing = [name for name in columns if name not in header]
        if missing:
            raise CannotImport(f"{path} has no column {', '.join(missing)}; its first line must name the columns")
        pick = itemgetter(*map(header.index, columns))  # of two or more
        width = len(header)
        while True:
            try:
                for row in reader:
                    if row:
                        yield reader.line_num, pick(row) if len(row) == width else ()
                return
            except csv.Error:  # a field without end, such as an unpaired quote
                yield reader.line_num, ()
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise CannotImport(f"{path} cannot be read after line {reader.line_num}: {error}") from error
