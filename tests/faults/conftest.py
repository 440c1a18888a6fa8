"""Products of their own for what other tests could not bear."""

from collections.abc import Iterator

import pytest

from tests.product import Product, open_folder


@pytest.fixture(scope="module")
def own_product() -> Iterator[Product]:
    """A product for the faults of one module: its own servers and data folder, gone afterwards."""
    with open_folder() as folder, Product(folder / "data", PZ_DEMO="1") as product:
        yield product
