"""In a real browser: an event that is sent through the door shows on the live page and moves the overview's numbers,
and a lost connection is said and taken up again."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.product import Product
from tests.studio.seen import find_violations

pytestmark = pytest.mark.story

EVENT = "Live Page Tried"


@pytest.fixture
def write_key(running_product: Product) -> str:
    code = "from ingestion.models import Source; print('key:' + Source.objects.get(slug='demo-shop').write_key)"
    said = running_product.manage("shell", "-v", "0", "-c", code).stdout
    return str(re.findall(r"key:(\S+)", said)[-1])


def send(product: Product, key: str, **event: Any) -> None:
    answer = httpx.post(f"{product.url}/v1/track", json=event, auth=(key, ""), timeout=10)
    assert answer.status_code == 200


def track(product: Product, key: str, person: str, **properties: Any) -> None:
    send(product, key, event=EVENT, anonymousId=person, properties=properties)


def read_today(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("[data-beat=eventsToday]").inner_text()) or -1)


@pytest.fixture
def sockets(page: Page) -> Iterator[list[Any]]:
    """The page's sockets, by the hand of the test: the last is the one that is open."""
    routes: list[Any] = []

    def connect(route: Any) -> None:
        routes.append(route)
        route.connect_to_server()

    page.route_web_socket(re.compile(r"/studio/live/$"), connect)
    yield routes


def test_an_event_shows_on_the_live_page_and_opens(page: Page, running_product: Product, write_key: str) -> None:
    person = f"live-{uuid4().hex[:8]}"
    page.goto(f"/studio/live/?person={person}")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    expect(page.locator("[data-live-none]")).to_be_visible()
    track(running_product, write_key, person, colour="<b>red</b>")
    row = page.locator("[data-live-rows] li", has_text=EVENT)
    expect(row).to_have_count(1)
    expect(row).to_contain_text(person)
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.locator("pre").first).to_contain_text('"colour": "<b>red</b>"')
    expect(row.get_by_role("link", name="Open the profile")).to_be_visible()
    # While somebody reads, nothing moves.
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    track(running_product, write_key, person, colour="blue")
    page.locator("#pause").click()
    expect(page.locator("[data-live-rows] li", has_text=EVENT)).to_have_count(2)
    page.fill("#live-name", "something else")
    expect(page.locator("[data-live-none]")).to_be_visible()


def test_a_refusal_shows_with_its_reason(page: Page, running_product: Product, write_key: str) -> None:
    person = f"live-{uuid4().hex[:8]}"
    page.goto(f"/studio/live/?person={person}")
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    send(running_product, write_key, anonymousId=person)
    row = page.locator("[data-live-rows] li", has_text="missing_event")
    expect(row).to_have_count(1)
    row.locator("summary").click()
    expect(row.locator("pre")).to_contain_text(person)


def test_the_overview_moves_and_takes_up_a_lost_connection(
    page: Page, running_product: Product, write_key: str, sockets: list[Any]
) -> None:
    page.goto("/studio/")
    expect(page.locator("[data-connection]")).to_have_text("Live")
    expect(page.locator("[data-beat=eventsToday]")).to_have_text(re.compile(r"\d"))
    expect(page.locator("[data-pulse]")).to_contain_text("events/s")
    before = read_today(page)
    page.evaluate("window.isSamePage = true")
    track(running_product, write_key, "live-overview")
    page.wait_for_function(
        "before => Number(document.querySelector('[data-beat=eventsToday]').textContent.replace(/\\D/g, '')) > before",
        arg=before,
    )
    sockets[-1].close(code=1012)
    expect(page.locator("[data-connection]")).to_have_text("Connection lost; trying again")
    expect(page.locator("[data-connection]")).to_have_text("Live")
    assert page.evaluate("window.isSamePage")
    assert len(sockets) >= 2


def test_who_was_signed_out_is_told_and_not_asked_again(page: Page, sockets: list[Any]) -> None:
    page.goto("/studio/")
    expect(page.locator("[data-connection]")).to_have_text("Live")
    sockets[-1].close(code=4401)
    expect(page.locator("[data-connection]")).to_have_text("You are signed out")
    expect(page.locator("[data-pulse]")).to_contain_text("You are signed out")
    assert len(sockets) == 1


@pytest.mark.parametrize("path", ["/studio/", "/studio/live/"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_anybody_can_use_it(page: Page, running_product: Product, write_key: str, path: str, theme: Any) -> None:
    track(running_product, write_key, "live-axe", colour="red")
    page.emulate_media(color_scheme=theme)
    page.goto(path)
    if path == "/studio/":
        expect(page.locator("[data-beat=people]")).to_have_text(re.compile(r"\d"))
        expect(page.locator("#movers-title")).to_be_visible()
    else:
        page.locator("[data-live-rows] summary").first.click()
        expect(page.locator("[data-live-rows] dl").first).to_be_visible()
    assert find_violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
