"""Products of their own for what other tests could not bear; a town of people in stores of the test."""

from collections.abc import Iterator
from typing import Any

import pytest

from profiles.clients import Client
from tests.faults.town import Town
from tests.product import Product, open_folder


@pytest.fixture(scope="module")
def own_product() -> Iterator[Product]:
    """A product for the faults of one module: its own servers and data folder, gone afterwards."""
    with open_folder() as folder, Product(folder / "data", PZ_DEMO="1") as product:
        yield product


@pytest.fixture
def town(redis_client: Client, db: None, settings: Any) -> Iterator[Town]:
    settings.PZ_PARTITIONS = 4
    town = Town(redis_client)
    yield town
    town.runner.close()
