"""One moment of Redis beyond the archive: the logs from where the archive ends, and the people they have changed.

The logs may be long, and people go on: most of them is read in pages. Then one transaction of Redis reads what has come
in meanwhile, how far the processors are, and the states of whom the logs have changed. Of those whom only the last
milliseconds have changed the states are not known by then. They are read in the next look, which holds for the moment
before when nothing of theirs has changed in between, and else moves the moment on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.conf import settings

from ingestion.accepted import Accepted, unpack
from ingestion.archiving import collect
from ingestion.log import START, Offset
from ingestion.log_redis import FIELD
from ingestion.streams import Entries, Streams, read_entries
from personalization.backup.frames import Counters, Entry, Sink, Text
from personalization.backup.manifest import Refused
from profiles import keys
from profiles.clients import Client
from profiles.whole import read_mark

PAGE = 1_000
LOOKS = 50
READ_AT_ONCE = 500  # keys of one MGET
NOT_WHOLE = "Redis is not whole; back up once it is filled (the page of the product's health says how far it is)."


class Look(NamedTuple):
    """What one transaction of Redis has read: new entries, how far the processors are, the counters of outcomes, and
    values by their keys."""

    found: Mapping[str, Entries]
    offsets: Sequence[bytes | None]
    outcomes: Mapping[bytes, bytes]
    values: Mapping[str, bytes | None]


class Cut:
    """Takes the moment and writes its frames; `records` counts those of the logs. `archived` says how far each stream
    is archived: nothing beyond may be trimmed until `take` has returned."""

    def __init__(self, client: Client, sink: Sink, archived: Mapping[str, Offset]) -> None:
        self._client = client
        self._sink = sink
        self._streams = Streams(client)
        self._mark = 0
        self._partitions = range(settings.PZ_PARTITIONS)
        self._accepted = frozenset(map(keys.accepted, self._partitions))
        self._ends = {stream: archived.get(stream, START) for stream in (*self._accepted, keys.REFUSED)}
        self._values: dict[str, bytes | None] = {}
        self.records = 0

    def take(self) -> None:
        """Raises Refused while Redis is not whole, or when it is never still."""
        self._mark = read_mark(self._client)
        offsets = self._client.mget([keys.offset(number) for number in self._partitions])
        for number, offset in zip(self._partitions, offsets, strict=True):
            self._ends[keys.log(number)] = offset.decode() if offset else START
        unknown = self._read_pages()
        look = self._look(frozenset())
        watched = unknown | self._note(look.found)
        for turn in range(LOOKS):
            if not watched:
                break
            later = self._look(watched)
            self._values.update(later.values)
            changed = _find_touched(later.found, self._accepted)
            if changed.isdisjoint(watched):
                break  # the states are those of the moment before
            look = later
            self._note(later.found)
            if changed <= watched:
                break
            # What was known of the others before is out of date; the first ones are many, and were read by now.
            watched = changed | (watched if turn else frozenset())
        else:
            raise Refused("People changed at every look at Redis; try again when there is less to do.")
        self._write(look)

    def _read_pages(self) -> frozenset[str]:
        touched: frozenset[str] = frozenset()
        while True:
            found = self._streams.read(self._ends, PAGE)
            touched |= self._note(found)
            if max(map(len, found.values()), default=0) < PAGE:
                return touched

    def _look(self, names: frozenset[str]) -> Look:
        ordered = sorted(names)
        look = self._client.pipeline(transaction=True)
        look.get(keys.WHOLE)
        look.mget([keys.offset(number) for number in self._partitions])
        look.hgetall(keys.OUTCOMES)
        for stream, end in self._ends.items():
            look.xrange(stream, min=f"({end}")
        for start in range(0, len(ordered), READ_AT_ONCE):
            look.mget(ordered[start : start + READ_AT_ONCE])
        answers: Iterator[Any] = iter(look.execute())
        if not self._mark or int(next(answers) or 0) != self._mark:
            raise Refused(NOT_WHOLE)
        offsets, outcomes = next(answers), next(answers)
        found = {stream: read_entries(next(answers)) for stream in self._ends}
        values = [value for answer in answers for value in answer]
        return Look(
            {stream: entries for stream, entries in found.items() if entries},
            offsets,
            outcomes,
            dict(zip(ordered, values, strict=True)),
        )

    def _note(self, found: Mapping[str, Entries]) -> frozenset[str]:
        """Writes entries, and says whom they have changed."""
        for stream, entries in found.items():
            for id, fields in entries:
                self._sink(Entry(stream, id, dict(fields)))
            self._ends[stream] = entries[-1][0]
            self.records += len(entries)
        return _find_touched(found, self._accepted)

    def _write(self, look: Look) -> None:
        for number, offset in zip(self._partitions, look.offsets, strict=True):
            if offset is not None:
                self._sink(Text(keys.offset(number), offset))
        for name, value in self._values.items():
            if value is not None:
                self._sink(Text(name, value))
        self._sink(Counters(keys.OUTCOMES, dict(look.outcomes)))
        for stone in self._list_tombstones():
            self._sink(stone)

    def _list_tombstones(self) -> Iterator[Text]:
        """Those of the moments afterwards do no harm: the logs hold the requests that they are of."""
        if not self._client.exists(keys.ERASED):
            return
        for name in self._client.scan_iter(match=f"{keys.ERASED}*", count=PAGE):
            value, expires = self._client.get(name), self._client.pttl(name)
            if value is not None and expires > 0:
                yield Text(name.decode(), value, expires)


def _find_touched(found: Mapping[str, Entries], accepted: frozenset[str]) -> frozenset[str]:
    """The keys of the profiles and identifiers that accepted records have changed, or taken away."""
    records = [
        record
        for stream, entries in found.items()
        if stream in accepted
        for _, fields in entries
        if (record := _decode(fields.get(FIELD, b""))) is not None
    ]
    batch = collect(records)
    retired = (key[2:] for key in batch.links if key.startswith("p:"))
    changed = (*batch.touched, *retired, *(erased.profile for erased in batch.erased))
    return frozenset((*map(keys.profile, changed), *map(keys.identifier, batch.links)))


def _decode(raw: bytes) -> Accepted | None:
    try:
        return unpack(raw)
    except ValueError:  # the archiver sets it aside
        return None
