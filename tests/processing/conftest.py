"""Fixtures of the contract suites: every implementation of a protocol meets the same tests."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import redis.asyncio

from ingestion.log import EventLog, MemoryLog
from ingestion.log_redis import RedisLog
from profiles.store import ProfileStore
from profiles.store_memory import MemoryStore
from profiles.store_redis import RedisStore

DEDUP_MS = 24 * 3_600_000
LOGS: dict[str, Callable[[Any], EventLog]] = {"memory": lambda client: MemoryLog(), "redis": RedisLog}


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest) -> EventLog:
    client = request.getfixturevalue("redis_client") if request.param == "redis" else None
    return LOGS[request.param](client)


@pytest.fixture(params=["memory", "redis"])
def store_and_log(request: pytest.FixtureRequest) -> Iterator[tuple[ProfileStore, EventLog]]:
    if request.param == "redis":
        client = request.getfixturevalue("redis_client")
        yield RedisStore(client, DEDUP_MS), RedisLog(client)
    else:
        log = MemoryLog()
        yield MemoryStore(lambda partition, record: log.append({partition: [record]}), DEDUP_MS), log


@pytest.fixture
async def async_client(redis_client: Any) -> AsyncIterator[Any]:
    """An event loop's client of the same server and database as `redis_client`."""
    said = redis_client.connection_pool.connection_kwargs
    known = {name: said[name] for name in ("host", "port", "db", "username", "password") if said.get(name) is not None}
    client = redis.asyncio.Redis(**known)
    yield client
    await client.aclose()
