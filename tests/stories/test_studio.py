"""The main story of the Studio by keys alone: an audience, an offer, a block and a rule, looked at as a real person,
published, seen on the demo shop with a code of one's own, and rolled back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from docs import studio_story as story
from tests.browser import launch_chromium
from tests.product import Product, open_folder

pytestmark = [pytest.mark.story, pytest.mark.timeout(600)]

HAND = story.Keyboard()


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product of its own, since the story publishes, with a hundred visitors of its shop."""
    with open_folder() as folder, Product(folder / "data", PZ_VISITOR_CALLS="0") as product:
        product.manage("simulate", "--seconds", "5", "--rate", "200", "--url", product.url)
        yield product


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch_chromium() as browser:
        yield browser


def open_window(browser: Browser, complaints: list[str]) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    return page


def test_a_banner_for_summer_fans_from_nothing_to_the_shop_and_back(product: Product, browser: Browser) -> None:
    complaints: list[str] = []
    studio, shop = open_window(browser, complaints), open_window(browser, complaints)

    def look(page: Page, name: str) -> None:
        """No pictures are taken here."""

    story.publish_campaign(studio, HAND, product.url, product.login, look)
    story.see_it(shop, story.Mouse(), product.url, look)
    code = shop.locator("pz-slot[name=home-hero] strong").inner_text()
    assert len(code) >= 8
    shop.reload()
    expect(shop.locator("pz-slot[name=home-hero] strong")).to_have_text(code)
    story.roll_back(studio, HAND, shop, look)
    assert complaints == []
