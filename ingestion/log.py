"""The event log: an ordered, durable sequence of records per partition, and its in-memory form."""

from collections.abc import Mapping, Sequence
from typing import Protocol

Offset = str  # opaque outside its log; grows with every record of a partition
START: Offset = "0-0"


class LogUnavailable(Exception):
    """The log's server did not take or give records in time; nothing was acknowledged."""


class EventLog(Protocol):
    """What the product asks of a log. A record is opaque bytes.

    `append` returns only when every record is stored, or raises LogUnavailable with none of them acknowledged.
    `read` gives up to `limit` (offset, record) pairs after `after`, oldest first, at once, [] when there are none.
    `poll` reads several partitions, each after its own offset, and waits up to `wait_ms` while all of them are empty;
    partitions without records are left out.
    `trim` may forget records up to and with `upto`. `length` counts the records kept.
    """

    def append(self, records: Mapping[int, Sequence[bytes]]) -> None: ...
    def read(self, partition: int, after: Offset, limit: int) -> list[tuple[Offset, bytes]]: ...
    def poll(
        self, after: Mapping[int, Offset], limit: int, wait_ms: int
    ) -> Mapping[int, Sequence[tuple[Offset, bytes]]]: ...
    def trim(self, partition: int, upto: Offset) -> None: ...
    def length(self, partition: int) -> int: ...


class MemoryLog:
    """The event log of tests: lists in this process."""

    def __init__(self) -> None:
        self._records: dict[int, list[tuple[int, bytes]]] = {}
        self._last: dict[int, int] = {}

    def append(self, records: Mapping[int, Sequence[bytes]]) -> None:
        for partition, batch in records.items():
            kept = self._records.setdefault(partition, [])
            for record in batch:
                number = self._last.get(partition, 0) + 1
                self._last[partition] = number
                kept.append((number, record))

    def read(self, partition: int, after: Offset, limit: int) -> list[tuple[Offset, bytes]]:
        start = _number(after)
        kept = self._records.get(partition, [])
        return [(f"{number}-0", record) for number, record in kept if number > start][:limit]

    def poll(
        self, after: Mapping[int, Offset], limit: int, wait_ms: int
    ) -> Mapping[int, Sequence[tuple[Offset, bytes]]]:
        """Never waits: nothing can be appended while the only thread of a test is in here."""
        found = {partition: self.read(partition, offset, limit) for partition, offset in after.items()}
        return {partition: records for partition, records in found.items() if records}

    def trim(self, partition: int, upto: Offset) -> None:
        end = _number(upto)
        self._records[partition] = [pair for pair in self._records.get(partition, []) if pair[0] > end]

    def length(self, partition: int) -> int:
        return len(self._records.get(partition, []))


def _number(offset: Offset) -> int:
    return int(offset.partition("-")[0])
