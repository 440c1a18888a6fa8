"""The command as a process that is killed at any point, again and again: the same command goes on, and in the end each
event is there once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connection

from ingestion.models import ImportRun
from profiles.clients import Client
from profiles.models import ArchivedEvent
from profiles.profile import PARTS
from tests.importers.conftest import Engine, Write
from tests.product import ROOT, wait_until

CUSTOMERS, ORDERS = 60, 250
EVENTS = CUSTOMERS * (ORDERS + 1)  # each is identified before the first order
ROWS = "".join(
    f"{10_000 + number},A,X,2,2011-0{1 + number % 9}-01 10:00:00,1.5,{number % CUSTOMERS},Spain\n"
    for number in range(CUSTOMERS * ORDERS)
)
LOG_LENGTH = 1_000  # of each partition; the file does not fit: an import ends only while the processor works

Start = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def running(transactional_db: None, redis_client: Client) -> Engine:
    return Engine(redis_client)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command on the test run's own servers."""
    url, name = os.environ["DATABASE_URL"], connection.settings_dict["NAME"]
    environment = {
        **os.environ,
        "DATABASE_URL": f"{url.rpartition('/')[0]}/{name}",
        "PZ_LOG_MAX_LENGTH": str(LOG_LENGTH),
    }
    with ExitStack() as stack:

        def start_import(path: Path) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [sys.executable, "manage.py", "import_events", str(path), "--preset", "online-retail"],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start_import


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL


def start_sending(running: Engine, start: Start, path: Path, records: int) -> "subprocess.Popen[str]":
    """An import that has sent at least so many records."""
    before = running.waiting()
    process = start(path)
    wait_until(lambda: running.waiting() >= before + records, 60)
    return process


def process_until(running: Engine, holds: Callable[[], bool]) -> None:
    """Round by round, so that the import is at most one log ahead."""

    def look() -> bool:
        return holds() or running.processor.step() < 0

    wait_until(look, 60)


def settled() -> int:
    return sum(ImportRun.objects.values_list("events", flat=True))


def test_an_import_that_is_killed_loses_and_doubles_nothing(running: Engine, write: Write, start: Start) -> None:
    path = write(ROWS)
    for records, work in ((1, running.run), (700, running.process), (2_600, running.process)):
        process = start_sending(running, start, path, records)
        kill(process)  # within a batch or between two, as it comes
        work()

    process = start_sending(running, start, path, 1)
    late = start(path)
    said = late.communicate(timeout=60)[1]
    assert (late.returncode, said) == (1, f"CommandError: {path.name} is already being imported by another process\n")
    process_until(running, lambda: settled() > 4_000)
    kill(process)
    assert settled() < EVENTS

    process = start(path)
    process_until(running, lambda: process.poll() is not None)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert f"{EVENTS - ORDERS * CUSTOMERS} Identified" in out
    running.run()
    assert ArchivedEvent.objects.count() == EVENTS
    assert ArchivedEvent.objects.values("message_id").distinct().count() == EVENTS
    for customer in range(CUSTOMERS):
        history = running.profile(f"u:{customer}").events["Order Completed"]
        assert (history.count, history.total / PARTS) == (ORDERS, 3.0 * ORDERS)
