"""A real Chromium, signed in to the running product's Studio, that fails a test on what it complains of."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import launch_chromium
from tests.product import Product


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, running_product: Product) -> Iterator[Any]:
    """The cookies of a session of the owner."""
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{running_product.url}/studio/sign-in/")
    name, password = running_product.login
    page.fill("[name=username]", name)
    page.fill("[name=password]", password)
    page.click("main button")
    page.wait_for_url(f"{running_product.url}/studio/")
    yield context.storage_state()
    context.close()


@pytest.fixture
def context(chromium: Browser, running_product: Product, signed_in: Any) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        base_url=running_product.url,
        storage_state=signed_in,
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        timezone_id="Europe/Vienna",
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: exceptions of scripts, and what the content security policy stopped."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """A page of the Studio: `page.goto("/studio/audiences/")`."""
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    assert complaints == []
