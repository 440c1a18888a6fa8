"""The year of a real shop, lived through once for all tests about it."""

import os
from collections.abc import Iterator

import pytest
import redis
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.retail.year import Year, live_through
from tests.segments import browser


@pytest.fixture(scope="package", autouse=True)
def end_browser() -> Iterator[None]:
    yield
    browser.close()


@pytest.fixture(scope="package")
def year(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Year]:
    """Stays in the database while its tests run, and is rolled back after them."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    client.flushdb()
    with django_db_blocker.unblock(), transaction.atomic():
        yield live_through(client)
        transaction.set_rollback(True)
    client.flushdb()
    client.close()
