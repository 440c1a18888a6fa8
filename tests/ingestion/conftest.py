"""A web process with the doors of ingestion alone, on a real server, before a real Redis that tests may stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingestion.doors import Doors, LogServer


@pytest.fixture(scope="session")
def shared_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogServer]:
    with LogServer(tmp_path_factory.mktemp("log")) as server:
        yield server


@pytest.fixture(scope="session")
def shared_doors(shared_log: LogServer) -> Iterator[Doors]:
    with Doors(shared_log) as doors:
        yield doors


@pytest.fixture
def doors(shared_doors: Doors) -> Doors:
    """Doors before an empty log; they are not to be broken."""
    shared_doors.log.client.flushall()
    return shared_doors


@pytest.fixture
def own_log(tmp_path: Path) -> Iterator[LogServer]:
    """A Redis of this test alone, which it may stop."""
    with LogServer(tmp_path) as server:
        yield server
