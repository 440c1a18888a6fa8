"""Fixtures for every test: the run's own Redis, emptied; a browser; the whole product, running."""

import os
from collections.abc import Iterator

import pytest
import redis

from profiles.clients import Client


@pytest.fixture
def redis_client() -> Iterator[Client]:
    """A blocking client of an empty database; `os.environ["REDIS_URL"]` and the settings name the same one."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    client.flushdb()
    yield client
    client.flushdb()
    client.close()
