"""A shop whose Redis is empty."""

import pytest

from profiles.clients import Client
from tests.pools.shop import Shop


@pytest.fixture
def shop(redis_client: Client) -> Shop:
    return Shop(redis_client)
