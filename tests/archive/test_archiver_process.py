"""Archivers as real processes before servers that come and go: nothing is lost, nothing is doubled."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

import psycopg
import pytest
import redis

from ingestion.accepted import Applied, pack
from ingestion.log_redis import FIELD
from personalization.servers import Servers, embedded_settings
from profiles import keys
from profiles.event import Event, derive_profile_id
from tests.prepared import ROOT, lay_out, make_tables

PARTITIONS = 2
PATIENCE_S = 60


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


class Stage:
    """A PostgreSQL and a Redis of these tests alone, to be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folders = {"database": folder / "database", "redis": folder / "redis"}
        self._servers: dict[str, Servers] = {}
        self.sent = 0

    def __enter__(self) -> Self:
        has_tables = lay_out(self._folders["database"])
        for name in self._folders:
            self.start(name)
        found = {name: embedded_settings(folder) for name, folder in self._folders.items()}
        self.database_url = found["database"]["DATABASE_URL"]
        self.redis = redis.Redis.from_url(found["redis"]["REDIS_URL"])
        self.environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": found["redis"]["REDIS_URL"],
            "SECRET_KEY": "for these tests",
            "PZ_PARTITIONS": str(PARTITIONS),
        }
        if not has_tables:
            make_tables(self.environment)
        return self

    def __exit__(self, *reason: object) -> None:
        for name in list(self._servers):
            self.stop(name)

    def start(self, name: str) -> None:
        servers = Servers(self._folders[name], **{other: other == name for other in self._folders})
        servers.start()
        self._servers[name] = servers

    def stop(self, name: str) -> None:
        self._servers.pop(name).stop()

    def send(self, count: int) -> None:
        pipeline = self.redis.pipeline(transaction=False)
        for number in range(self.sent, self.sent + count):
            event = Event(id=f"m{number}", source="shop", type="track", name="Tested", at=number, received=number)
            record = pack(Applied(profile=derive_profile_id("a:anna"), event=event))
            pipeline.xadd(keys.accepted(number % PARTITIONS), {FIELD: record})
        pipeline.execute()
        self.sent += count

    def ask(self, question: str) -> int:
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute(question.encode()).fetchone()
        return int(found[0]) if found else 0

    def rows(self) -> int:
        return self.ask("SELECT count(*) FROM profiles_archivedevent")

    def has_more_than(self, rows: int) -> bool:
        return self.rows() > rows

    def is_led(self) -> int:
        return self.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")

    def expect_all_once(self) -> None:
        wait_until(lambda: self.rows() >= self.sent)
        wait_until(lambda: all(self.redis.xlen(keys.accepted(partition)) == 0 for partition in range(PARTITIONS)))
        assert self.rows() == self.sent
        assert self.ask("SELECT count(DISTINCT message_id) FROM profiles_archivedevent") == self.sent
        assert self.ask("SELECT volume FROM ingestion_eventtype") == self.sent


@pytest.fixture(scope="module")
def servers() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="personalization-archive-") as folder:
        Path(folder).chmod(0o711)
        with Stage(Path(folder)) as stage:
            yield stage


@pytest.fixture
def stage(servers: Stage) -> Stage:
    return servers


@pytest.fixture
def start(stage: Stage) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    with ExitStack() as stack:

        def start_archiver() -> "subprocess.Popen[bytes]":
            process = subprocess.Popen(
                [sys.executable, "manage.py", "run_archiver"],
                cwd=ROOT,
                env=stage.environment,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, PATIENCE_S)
            stack.callback(process.kill)
            return process

        yield start_archiver


Start = Callable[[], "subprocess.Popen[bytes]"]


def test_archivers_that_are_killed_lose_and_double_nothing(stage: Stage, start: Start) -> None:
    for _ in range(3):
        before = stage.rows()
        stage.send(4_000)
        process = start()
        wait_until(partial(stage.has_more_than, before))
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_S)
    start()
    stage.expect_all_once()


def test_one_works_and_another_takes_over(stage: Stage, start: Start) -> None:
    first = start()
    wait_until(stage.is_led)
    second = start()
    stage.send(100)
    stage.expect_all_once()
    assert stage.is_led() == 1
    first.kill()
    stage.send(100)
    stage.expect_all_once()
    assert second.poll() is None


def test_it_ends_when_it_is_told_to(stage: Stage, start: Start) -> None:
    process = start()
    wait_until(stage.is_led)
    stage.send(10)
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    wait_until(lambda: stage.is_led() == 0)
    start()
    stage.expect_all_once()


def test_it_rides_out_a_database_that_is_away(stage: Stage, start: Start) -> None:
    process = start()
    wait_until(stage.is_led)
    stage.stop("database")
    stage.send(500)
    stage.start("database")
    stage.expect_all_once()
    stage.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'")
    stage.send(500)
    stage.expect_all_once()
    assert process.poll() is None


def test_it_rides_out_a_redis_that_is_away(stage: Stage, start: Start) -> None:
    process = start()
    wait_until(stage.is_led)
    stage.send(500)
    stage.stop("redis")
    wait_until(lambda: not stage.is_led())
    stage.start("redis")
    stage.send(500)
    stage.expect_all_once()
    assert process.poll() is None
