"""The browser of these tests, ended with them."""

from collections.abc import Iterator

import pytest

from tests.segments import browser


@pytest.fixture(scope="session", autouse=True)
def end_browser() -> Iterator[None]:
    yield
    browser.close()
