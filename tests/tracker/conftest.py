"""A real Chromium, a recording peer and the pages of the snippet's tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import launch_chromium
from tests.tracker.peer import WRITE_KEY, Peer

FAILSAFE = '<link rel="stylesheet" href="/static/tracker/pz-slot.css">'
# Most tests are not about time: their slots wait for the answer on a busy machine too.
PATIENT = FAILSAFE + '<link rel="stylesheet" href="/patient.css">'
PATIENT_CSS = "pz-slot, [data-pz-slot] { animation: none !important }"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launch_chromium() as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1000, "height": 700}, locale="en-GB", timezone_id="Europe/Vienna")
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    peer.start()
    peer.add_page("/patient.css", PATIENT_CSS, {"content-type": "text/css"})
    yield peer
    peer.stop()


def tag(**options: str) -> str:
    """The script tag; `consent="pending"` becomes data-consent="pending"."""
    attributes = "".join(f' data-{name.replace("_", "-")}="{value}"' for name, value in options.items())
    return f'<script async src="/static/tracker/pz.js" data-write-key="{WRITE_KEY}"{attributes}></script>'


def document(body: str = "<h1>Shop</h1>", head: str | None = None, styles: str = PATIENT) -> str:
    scripts = tag() if head is None else head
    return f"<!doctype html><html><head><title>Shop</title>{styles}{scripts}</head><body>{body}</body></html>"


def until(page: Page, condition: Callable[[], Any], what: str = "") -> None:
    """Waits for something that the peer sees, while the browser goes on; fails after 30 s."""
    for _ in range(1200):
        if condition():
            return
        page.wait_for_timeout(25)
    pytest.fail(f"never happened: {what or condition}")


def queued(page: Page) -> int:
    """How many events wait in the browser's storage."""
    count: int = page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('pz:q:')).length")
    return count


def until_ready(page: Page) -> None:
    page.wait_for_function("window.pz && typeof pz.identify === 'function' && pz.initialized")


def until_connected(peer: Peer, page: Page) -> None:
    """Waits until the page has handled everything the peer has sent so far on the socket, the welcome included."""
    until_ready(page)
    until(page, lambda: peer.hellos)
    page.evaluate("window.marked = 0; pz.on('changed', frame => window.marked = frame.marker), 0")
    peer.push({"type": "changed", "entered": [], "left": [], "marker": "seen"})
    page.wait_for_function("window.marked === 'seen'")
