"""Fixtures for every test: the run's own Redis, emptied; a browser; the whole product, running."""

import os
from collections.abc import Iterator

import pytest
import redis

from profiles.clients import Client

# Every process of pytest-xdist has a database of its own on the shared server.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
REDIS_URL = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{_WORKER + 1}"
os.environ["REDIS_URL"] = REDIS_URL


@pytest.fixture
def redis_client() -> Iterator[Client]:
    """A blocking client of an empty database; `os.environ["REDIS_URL"]` and the settings name the same one."""
    client = redis.Redis.from_url(REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()
