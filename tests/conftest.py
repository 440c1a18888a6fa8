"""Fixtures for every test: the run's own Redis, emptied; a browser; the whole product, running."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
import redis
from django.db import connection
from pytest_django import DjangoDbBlocker

from personalization import wiring
from profiles import keys
from profiles.clients import Client
from tests.product import Product, open_folder

# How long an example takes says how busy the machine is, not whether the promise holds.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")


@pytest.fixture
def redis_client() -> Iterator[Client]:
    """A blocking client of a database that is empty, and whole; `os.environ["REDIS_URL"]` and the settings name it."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    client.flushdb()
    client.set(keys.WHOLE, 1)
    wiring.gate.cache_clear()  # it holds on to the directory of the test before while this Redis has none to give
    yield client
    client.flushdb()
    client.close()


@pytest.fixture(autouse=True)
def empty_partitioned_tables(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """After a test whose rows were committed: Django empties the tables that it made, and these were made by hand."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (marker is not None and marker.kwargs.get("transaction")):
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE profiles_archivedevent, rules_decision")
        connection.close()


@pytest.fixture(scope="session")
def running_product() -> Iterator[Product]:
    """The whole product with the demo shop, as `make run` starts it, for all stories of the run: its own servers, data
    and port. Its `url`, `login`, `settings` and `output` say what a test needs; `manage(...)` runs a command beside it
    and `find(word)` its processes. Its data is shared: a test uses visitors of its own, and leaves definitions as they
    are."""
    with open_folder() as folder, Product(folder / "data", PZ_VISITOR_CALLS="0") as product:
        yield product
