"""Loaded before everything else by pytest: one PostgreSQL and one Redis of the run's own, named in the environment."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from personalization.servers import Servers, embedded_settings

STARTED_HERE = "PZ_TEST_SERVERS" not in os.environ  # the processes of pytest-xdist share the servers of the first one

if STARTED_HERE:
    _folder = Path(tempfile.mkdtemp(prefix="personalization-test-"))
    _folder.chmod(0o711)
    _servers = Servers(_folder, durable=False)
    _servers.start()
    os.environ["PZ_TEST_SERVERS"] = str(_folder)
    os.environ.update(embedded_settings(_folder))

# Every process of pytest-xdist has a Redis database of its own on the shared server.
_number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{_number}"


def pytest_unconfigure(config: pytest.Config) -> None:
    if STARTED_HERE:
        _servers.stop()
        shutil.rmtree(_folder, ignore_errors=True)
