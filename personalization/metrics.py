"""What one process measures. Counting is cheap enough for every event; what comes often is gathered and counted a few
times a second."""

import logging
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ingestion.log import Offset
from ingestion.meter import Away, Way
from ingestion.refusals import Refused
from personalization import metric_catalogue as names
from personalization.logs import name_process
from personalization.metric_catalogue import Metric
from personalization.metric_files import keep_in
from profiles.event import Event, Record

GATHERED = 1_000  # measurements at most before they are counted
LEVELS = {logging.WARNING: "warning", logging.ERROR: "error", logging.CRITICAL: "critical"}


class Durations(Histogram):
    """A histogram that takes many at once."""

    def observe_many(self, seconds: Mapping[float, int]) -> None:
        """Each duration with how often it came."""
        found: Tally[int] = Tally()
        total = 0.0
        for each, times in seconds.items():
            found[bisect_left(self._upper_bounds, each)] += times
            total += each * times
        for place, times in found.items():
            self._buckets[place].inc(times)
        if found:
            self._sum.inc(total)


class Metrics:
    """Implements ingestion.meter.Meter. One for a process; for any of its threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._taken = self._count(names.EVENTS_TAKEN)
        self._refused = self._count(names.EVENTS_REFUSED)
        self._turned_away = self._count(names.EVENTS_TURNED_AWAY)
        self._processed = self._count(names.EVENTS_PROCESSED)
        self._slots = self._count(names.DECIDE_SLOTS)
        self._closed = self._count(names.SOCKETS_CLOSED)
        self._task_runs = self._count(names.TASK_RUNS)
        self._rounds = self._count(names.ROUNDS)
        self._logged = self._count(names.LOGGED)
        self._stage = self._time(names.STAGE)
        self._decide = self._time(names.DECIDE)
        self._task = self._time(names.TASK)
        self._sockets = Gauge(*_describe(names.SOCKETS_OPEN), registry=self.registry, multiprocess_mode="livesum")
        self._lock = Lock()
        self._waits: dict[tuple[Durations, str], Tally[float]] = {}
        self._counts: Tally[tuple[Counter, tuple[str, ...]]] = Tally()
        self._gathered = 0

    # --- ingestion.meter.Meter -------------------------------------------------------------------------------------

    def took(self, way: Way, events: int, seconds: float) -> None:
        self._add(self._taken, events, way)
        self._gather(self._stage, "stored", seconds, events)

    def refused(self, way: Way, reasons: Sequence[Refused]) -> None:
        for reason in reasons:
            self._add(self._refused, 1, way, reason)

    def turned_away(self, way: Way, events: int, why: Away) -> None:
        self._add(self._turned_away, 1, way, why)

    def committed(
        self, at: int, offsets: Sequence[Offset], records: Sequence[Record | None], outcomes: Mapping[str, int]
    ) -> None:
        waited: Tally[float] = Tally()
        fresh: Tally[float] = Tally()
        for offset, record in zip(offsets, records, strict=True):
            if isinstance(record, Event):
                waited[at - _moment(offset)] += 1
                fresh[at - record.received] += 1
        self._observe("committed", waited)
        self._observe("fresh", fresh)
        for field, count in outcomes.items():
            self._processed.labels(field.rpartition("|")[2]).inc(count)

    def archived(self, at: int, offsets: Sequence[Offset]) -> None:
        self._observe("archived", Tally(at - _moment(offset) for offset in offsets))

    def pushed(self, at: int, since: int) -> None:
        self._gather(self._stage, "pushed", max(0, at - since) / 1_000)

    def closed(self, reason: str) -> None:
        self._add(self._closed, 1, reason)

    # --- The others ------------------------------------------------------------------------------------------------

    def decided(self, door: str, seconds: float, reasons: Iterable[str]) -> None:
        """A decide call was answered; `reasons` are those of its slots."""
        self._gather(self._decide, door, seconds)
        for reason in reasons:
            self._add(self._slots, 1, reason)

    def opened(self, *, visitors: int, studio: int) -> None:
        """So many sockets are open in this process."""
        self._sockets.labels("visitor").set(visitors)
        self._sockets.labels("studio").set(studio)

    def ran(self, task: str, seconds: float, *, failed: bool) -> None:
        self._task.labels(task).observe(seconds)
        self._task_runs.labels(task, "failed" if failed else "done").inc()

    def went_round(self, look: str, *, failed: bool) -> None:
        self._rounds.labels(look, "failed" if failed else "done").inc()

    def logged(self, level: int) -> None:
        if level in LEVELS:
            self._logged.labels(LEVELS[level]).inc()

    def settle(self) -> None:
        """Counts what has been gathered."""
        with self._lock:
            waits, self._waits = self._waits, {}
            counts, self._counts = self._counts, Tally()
            self._gathered = 0
        for (durations, label), seconds in waits.items():
            durations.labels(label).observe_many(seconds)
        for (counter, labels), count in counts.items():
            counter.labels(*labels).inc(count)

    def _observe(self, stage: str, milliseconds: Mapping[float, int]) -> None:
        """Clocks of two machines may differ by a little: nothing takes less than no time."""
        if milliseconds:
            seconds: Tally[float] = Tally()
            for each, times in milliseconds.items():
                seconds[max(0.0, each / 1_000)] += times
            self._stage.labels(stage).observe_many(seconds)

    def _gather(self, durations: "Durations", label: str, seconds: float, times: int = 1) -> None:
        with self._lock:
            waits = self._waits.get((durations, label))
            if waits is None:
                waits = self._waits[durations, label] = Tally()
            waits[seconds] += times
            self._gathered += 1
        if self._gathered >= GATHERED:
            self.settle()

    def _add(self, counter: Counter, count: int, *labels: str) -> None:
        if count:
            with self._lock:
                self._counts[counter, labels] += count

    def _count(self, metric: Metric) -> Counter:
        return Counter(*_describe(metric), registry=self.registry)

    def _time(self, metric: Metric) -> Durations:
        return Durations(*_describe(metric), registry=self.registry, buckets=metric.buckets)


def _describe(metric: Metric) -> tuple[str, str, tuple[str, ...]]:
    return metric.name, metric.says, tuple(metric.labels)


def _moment(offset: Offset) -> int:
    """When the entry was appended, Unix milliseconds."""
    return int(offset.partition("-")[0])


@cache
def metrics() -> Metrics:
    """Those of this process: in memory, unless `start_process` was called first."""
    return Metrics()


def start_process(folder: Path, kind: str) -> Metrics:
    """This process is of that kind: what it writes down says so, and what it measures is kept under `folder`, where web
    processes read it."""
    name_process(kind)
    keep_in(folder, kind)
    metrics.cache_clear()
    return metrics()
