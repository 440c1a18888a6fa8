"""Figures that are looked up when somebody asks for the metrics: the same measurements as the health page makes."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from ingestion.lag import ask, look_at_archive, look_at_flow, read_archived
from ingestion.models import DeadLetter
from personalization import metric_catalogue as names
from personalization.celery import application
from personalization.checkup_batch import count_waiting, list_workers
from personalization.checkup_stores import measure_disk, measure_postgresql, measure_redis
from personalization.metric_catalogue import Metric
from personalization.reconcile.runs import read_drift
from personalization.signs import BEAT, name_task, read_signs
from profiles.clients import Client
from profiles.locks import ARCHIVE, list_held


class Figure(NamedTuple):
    metric: Metric
    value: float
    labels: Mapping[str, str] = {}


Measure = Callable[[Client], Iterator[Figure]]


def look_up(client: Client) -> list[Figure]:
    """All figures that can be had: what a server would say that is away is left out, and `pz_up` says that it is."""
    found: list[Figure] = []
    try:
        for measure in FIGURES:
            try:
                found += measure(client)
            except (redis.RedisError, DatabaseError, InterfaceError):
                continue
    finally:
        connection.close()  # of this thread, which is never used again
    return found


def measure_servers(client: Client) -> Iterator[Figure]:
    for name, measure in (("redis", _measure_redis), ("postgresql", _measure_postgresql)):
        figures: list[Figure] = []
        try:
            figures = list(measure(client))
        except (redis.RedisError, DatabaseError, InterfaceError):
            connection.close()
        yield Figure(names.UP, bool(figures), {"server": name})
        yield from figures
    disk = measure_disk(settings.PZ_DATA)
    if disk is not None:
        yield Figure(names.DISK_FREE, disk.free)
        yield Figure(names.DISK_SIZE, disk.size)


def _measure_redis(client: Client) -> Iterator[Figure]:
    found = measure_redis(client)
    yield Figure(names.REDIS_MEMORY, found.memory)
    yield Figure(names.REDIS_LIMIT, found.most_memory)
    yield Figure(names.REDIS_KEEPS, found.writes)


def _measure_postgresql(client: Client) -> Iterator[Figure]:
    found = measure_postgresql()
    yield Figure(names.POSTGRESQL_SIZE, found.size)
    yield Figure(names.POSTGRESQL_CONNECTIONS, found.connections)
    yield Figure(names.POSTGRESQL_LIMIT, found.most_connections)


def measure_flow(client: Client) -> Iterator[Figure]:
    flow = ask(client, look_at_flow(settings.PZ_PARTITIONS, _now()))
    for each in flow.partitions:
        labels = {"partition": str(each.number)}
        yield Figure(names.PARTITION_LAG, each.lag_ms / 1_000, labels)
        yield Figure(names.PARTITION_RECORDS, each.length, labels)
        yield Figure(names.PARTITION_OWNED, bool(each.owner), labels)
    yield Figure(names.LOG_LIMIT, settings.PZ_LOG_MAX_LENGTH)
    yield Figure(names.TIMERS_LAG, flow.timers_ms / 1_000)
    yield Figure(names.PROCESSORS, len(flow.processors))
    yield Figure(names.REDIS_WHOLE, flow.is_whole)


def measure_archive(client: Client) -> Iterator[Figure]:
    yield Figure(names.ARCHIVERS, ARCHIVE in list_held())
    yield Figure(names.DEAD_LETTERS, DeadLetter.objects.filter(replayed=None).count())
    lag_ms = ask(client, look_at_archive(settings.PZ_PARTITIONS, _now(), read_archived()))
    yield Figure(names.ARCHIVE_LAG, lag_ms / 1_000)


def measure_tasks(client: Client) -> Iterator[Figure]:
    signs = read_signs(client)
    yield Figure(names.WORKERS, len(list_workers(signs, at=datetime.now(UTC))))
    yield Figure(names.TASKS_WAITING, count_waiting(client))
    if BEAT in signs:
        yield Figure(names.BEAT_SIGN, signs[BEAT].timestamp())
    for entry in application.conf.beat_schedule.values():
        task = entry["task"]
        for metric, failed in ((names.TASK_DONE, False), (names.TASK_FAILED, True)):
            at = signs.get(name_task(task, failed=failed))
            if at is not None:
                yield Figure(metric, at.timestamp(), {"task": say_task(task)})


def measure_drift(client: Client) -> Iterator[Figure]:
    """Of the last reconciliation that came to its end; nothing before."""
    drift = read_drift()
    if drift.finished is not None:
        counts = {"compared": drift.people, "drifted": drift.differing, "mended": drift.mended}
        for kind, count in {**counts, "unjudged": drift.unjudged}.items():
            yield Figure(names.DRIFT, count, {"kind": kind})
        yield Figure(names.DRIFT_COMMON, drift.common)
        yield Figure(names.DRIFT_AT, drift.finished.timestamp())


# What is added here is published, with its row in personalization/metric_catalogue.py.
FIGURES: tuple[Measure, ...] = (measure_servers, measure_flow, measure_archive, measure_tasks, measure_drift)


def say_task(task: str) -> str:
    """A task's name without the module it is in."""
    return task.rpartition(".")[2]


def _now() -> int:
    return time.time_ns() // 1_000_000
