"""Where the time of an event goes: each stage of its way by its quantiles, from what the processes measured lately."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from math import inf
from pathlib import Path

import msgspec

from personalization.metric_catalogue import DECIDE, STAGE, Metric
from personalization.metric_files import read

HISTORY = "stages.json"
KEPT = 90  # looks
EVERY_S = 10.0
# What an event passes through, one after the other; `fresh` is the whole from its door to its profile, `decide` stands
# beside.
WAY = ("stored", "committed", "archived", "pushed")
LABELS = {
    "stored": "door -> log",
    "committed": "log -> profile",
    "archived": "profile -> PostgreSQL",
    "pushed": "profile -> open page",
    "fresh": "door -> profile, whole",
    "decide": "decide call",
}

Buckets = dict[str, list[tuple[float, float]]]  # of each stage: upper bounds, with how many were not above


class Look(msgspec.Struct):
    """What had been measured by a moment (Unix seconds), since the files began; `sums` in seconds."""

    at: float
    buckets: Buckets
    sums: dict[str, float]


class Stage(msgspec.Struct):
    """Durations in milliseconds. `share` of the time from the door to PostgreSQL, for stages on that way."""

    name: str
    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    share: float | None = None


class Report(msgspec.Struct):
    seconds: float
    stages: list[Stage]


def take_look(folder: Path, at: float) -> Look:
    look = Look(at, {}, {})
    for family in read(folder):
        for metric, label in ((STAGE, "stage"), (DECIDE, "")):
            if family.name == metric.name:
                _add(look, metric, label, family.samples)
    return look


def _add(look: Look, metric: Metric, label: str, samples: Sequence[object]) -> None:
    found: dict[str, dict[float, float]] = {}
    for sample in samples:
        name, labels, value = sample[0], sample[1], sample[2]  # type: ignore[index]  # a named tuple
        stage = labels[label] if label else "decide"
        if name == f"{metric.name}_sum":
            look.sums[stage] = look.sums.get(stage, 0.0) + value
        elif name == f"{metric.name}_bucket":
            bounds = found.setdefault(stage, {})
            bound = float(labels["le"])
            bounds[bound] = bounds.get(bound, 0.0) + value
    for stage, bounds in found.items():
        look.buckets[stage] = sorted(bounds.items())


def compare(before: Look | None, after: Look) -> Report:
    """What was measured between two looks; since the beginning without an earlier one, or when the files were begun
    anew meanwhile."""
    stages = []
    for name in LABELS:
        bounds = _subtract(after.buckets.get(name, []), before.buckets.get(name, []) if before else [])
        count = bounds[-1][1] if bounds else 0.0
        if count > 0:
            total = after.sums.get(name, 0.0) - (before.sums.get(name, 0.0) if before else 0.0)
            p50, p95, p99 = (1_000 * find_quantile(bounds, each) for each in (0.5, 0.95, 0.99))
            stages.append(Stage(name, round(count), round(1_000 * total / count, 2), p50, p95, p99))
    on_way = {stage.name: stage.mean for stage in stages if stage.name in WAY[:3]}
    whole = sum(on_way.values())
    for stage in stages:
        if stage.name in on_way and whole > 0:
            stage.share = round(stage.mean / whole, 3)
    return Report(round(after.at - before.at, 1) if before else 0.0, stages)


def find_quantile(bounds: Sequence[tuple[float, float]], share: float) -> float:
    """Within a bucket as if its values lay evenly; the last bound that there is for what lies above it."""
    wanted = share * bounds[-1][1]
    for (low, below), (high, upto) in pairwise([(0.0, 0.0), *bounds]):
        if upto >= wanted and upto > below:
            if high == inf:
                return low
            return round(low + (high - low) * (wanted - below) / (upto - below), 6)
    return 0.0


def _subtract(after: list[tuple[float, float]], before: list[tuple[float, float]]) -> list[tuple[float, float]]:
    earlier = dict(before)
    left = [(bound, count - earlier.get(bound, 0.0)) for bound, count in after]
    return after if any(count < 0 for _, count in left) else left


class History:
    """Looks of the last minutes, kept beside the files by one process: the archiver's rounds."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._looks = read_history(folder)

    def note(self) -> None:
        """A disk that is full, or files that are made this moment, are no reason to stop."""
        with suppress(OSError):
            self._looks = [*self._looks, take_look(self._folder, self._clock())][-KEPT:]
            draft = self._folder / f"{HISTORY}.new"
            draft.write_bytes(msgspec.json.encode([_shorten(look) for look in self._looks]))
            os.replace(draft, self._folder / HISTORY)


def read_history(folder: Path) -> list[Look]:
    try:
        kept = json.loads((folder / HISTORY).read_bytes())
        return [_lengthen(each) for each in kept]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _shorten(look: Look) -> Mapping[str, object]:
    """JSON knows no infinity."""
    bounds = {
        name: [[None if bound == inf else bound, count] for bound, count in found]
        for name, found in look.buckets.items()
    }
    return {"at": look.at, "buckets": bounds, "sums": look.sums}


def _lengthen(kept: Mapping[str, object]) -> Look:
    buckets: dict[str, list[list[float | None]]] = kept["buckets"]  # type: ignore[assignment]
    found = {
        name: [(inf if bound is None else bound, float(count or 0)) for bound, count in bounds]
        for name, bounds in buckets.items()
    }
    return Look(float(kept["at"]), found, dict(kept["sums"]))  # type: ignore[arg-type, call-overload]


def say_report(report: Report) -> Iterator[str]:
    """As a table, and one sentence on top."""
    if not report.stages:
        yield "Nothing was measured in that time: no event came, or the processes keep their metrics in another folder."
        return
    shares = [stage for stage in report.stages if stage.share]
    if shares:
        most = max(shares, key=lambda stage: stage.share or 0.0)
        yield f"Of an event's time {most.share:.0%} goes from {LABELS[most.name].replace(' -> ', ' to ')}."
    yield f"{'STAGE':<12}{'WHAT':<26}{'COUNT':>9}{'MEAN':>10}{'P50':>10}{'P95':>10}{'P99':>10}{'SHARE':>7}"
    for stage in report.stages:
        share = "" if stage.share is None else f"{stage.share:.0%}"
        times = "".join(f"{each:>10,.1f}" for each in (stage.mean, stage.p50, stage.p95, stage.p99))
        yield f"{stage.name:<12}{LABELS[stage.name]:<26}{stage.count:>9,}{times}{share:>7}"
    yield "Milliseconds, estimated within the buckets of the histograms."
