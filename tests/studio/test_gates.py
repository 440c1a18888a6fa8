"""What holds for every page of the Studio, in a real browser: nothing for axe to find in either theme, nothing for the
content security policy to stop, no sideways scroll on a phone, and few bytes of our own."""

import gzip
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.product import Product
from tests.studio.seen import find_violations
from tests.studio.tour import find_pages

pytestmark = [pytest.mark.story, pytest.mark.timeout(900)]

OWN_BYTES = 150_000  # of style sheets and scripts of one page, after gzip
VENDORED = "/static/studio/vendor/"
LEAST_PAGES = 40

WATCH_POLICY = """
window.stopped = [];
addEventListener('securitypolicyviolation', event => {
  window.stopped.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""


@pytest.fixture(scope="module")
def pages(running_product: Product, signed_in: Any) -> dict[str, str]:
    """Every page, of a shop with some visitors."""
    done = running_product.manage("simulate", "--seconds", "3", "--rate", "150", "--url", running_product.url)
    assert done.returncode == 0, done.stderr
    cookies = {each["name"]: each["value"] for each in signed_in["cookies"]}
    with httpx.Client(base_url=running_product.url, cookies=cookies, timeout=60) as client:

        def get(path: str) -> tuple[int, str, str]:
            answer = client.get(path)
            return answer.status_code, answer.headers["content-type"], answer.text

        return find_pages(get)


@pytest.fixture
def open_page(chromium: Browser, running_product: Product, signed_in: Any) -> Iterator[Any]:
    contexts = []

    def make(theme: str = "light", width: int = 1440, height: int = 900) -> Page:
        context = chromium.new_context(
            base_url=running_product.url,
            storage_state=signed_in,
            viewport={"width": width, "height": height},
            color_scheme=theme,  # type: ignore[arg-type]  # a literal, by what the tests say
            locale="en-GB",
        )
        context.set_default_timeout(30_000)
        context.add_init_script(WATCH_POLICY)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def settle(page: Page, path: str) -> None:
    """Opens a page and waits for the parts of it that come later; sockets and polls go on."""
    page.goto(path, wait_until="load")
    page.wait_for_function("!document.querySelector('.htmx-request')")


def test_links_lead_to_every_part(pages: dict[str, str]) -> None:
    assert len(pages) >= LEAST_PAGES, sorted(pages)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_the_policy_stops_nothing(theme: str, pages: dict[str, str], open_page: Any) -> None:
    page, wrong = open_page(theme), []
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    for name, path in sorted(pages.items()):
        settle(page, path)
        wrong += [f"{name} {path}: {each}" for each in find_violations(page)]
        wrong += [f"{name} {path}: stopped {each}" for each in page.evaluate("window.stopped")]
    assert wrong == [], "\n".join(wrong)


def test_nothing_scrolls_sideways_on_a_phone(pages: dict[str, str], open_page: Any) -> None:
    page, wide = open_page(width=390, height=844), []
    for name, path in sorted(pages.items()):
        settle(page, path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide.append(f"{name} {path}: {width} px")
    assert wide == [], "\n".join(wide)


def test_pages_are_light(pages: dict[str, str], open_page: Any, running_product: Product) -> None:
    page, heavy = open_page(), []
    for name, path in sorted(pages.items()):
        sizes: dict[str, int] = {}

        def note(answer: Any, sizes: dict[str, int] = sizes) -> None:
            kind, where = answer.request.resource_type, urlsplit(answer.url).path
            if kind in ("stylesheet", "script") and not where.startswith(VENDORED) and answer.ok:
                sizes[where] = len(gzip.compress(answer.body()))

        page.on("response", note)
        settle(page, path)
        page.remove_listener("response", note)
        if sum(sizes.values()) > OWN_BYTES:
            heavy.append(f"{name} {path}: {sum(sizes.values()):,} bytes: {sizes}")
    assert heavy == [], "\n".join(heavy)
