"""Only a browser shows it: a source is made, its snippet is pasted, and the check turns green by itself."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.product import Product
from tests.studio.seen import find_violations

pytestmark = pytest.mark.story
PATIENCE_MS = 30_000


@pytest.fixture
def made(page: Page) -> Iterator[str]:
    """The path of a new source of a site; it is removed in the end."""
    page.goto("/studio/set-up/")
    page.get_by_role("link", name="New source").click()
    page.get_by_label("What is it called?").fill("Browser test")
    page.get_by_role("button", name="Make the source").click()
    page.wait_for_url(re.compile("/sources/browser-test"))
    path = page.url
    yield path
    page.goto(path)
    page.get_by_role("button", name="Remove the source").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Browser test is removed")).to_be_visible()


def test_the_snippet_turns_the_check_green(
    page: Page, context: BrowserContext, made: str, running_product: Product
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=running_product.url)
    expect(page.get_by_text("Waiting for the first event")).to_be_visible()
    page.locator(".tab-content:visible").get_by_role("button", name="Copy").last.click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    snippet = page.evaluate("navigator.clipboard.readText()")

    def serve(route: Route) -> None:
        body = f"<!doctype html><title>A site</title>{snippet}<h1>A site</h1>"
        route.fulfill(body=body, content_type="text/html")

    shop = context.new_page()
    shop.route("**/a-site", serve)
    shop.goto("/a-site")
    expect(page.get_by_text("Events are arriving")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#arriving").get_by_text("Page Viewed")).to_be_visible(timeout=PATIENCE_MS)
    shop.close()


def test_a_refusal_is_shown_with_what_to_do(page: Page, made: str, running_product: Product) -> None:
    answer = page.request.post(
        f"{running_product.url}/v1/track",
        data='{"event": "Seen", "anonymousId": "a"}',
        headers={"Authorization": "Basic bm9uZTo="},
    )
    assert answer.status == 401
    expect(page.locator("#arriving").get_by_text("unknown_key")).to_be_visible(timeout=PATIENCE_MS)


def test_switching_is_said_and_keeps_the_focus(page: Page) -> None:
    page.goto("/studio/live/catalogue/?q=Product+Removed")
    page.get_by_role("link", name="Product Removed").click()
    switch = page.get_by_label("Keep private: category")
    expect(page.locator("#event-sample")).not_to_contain_text("Looking")  # the page's scripts are at work
    for says in ("never go to devices", "shown to everybody"):
        switch.focus()
        page.keyboard.press("Space")
        expect(page.locator("#follows")).to_contain_text(says)
        expect(switch).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_a_phone(page: Page, made: str, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    pages = ("", "sources/", "sources/new/", made, f"{made}keys/new/", "keys/", "clients/", "clients/new/", "health/")
    for each in (
        *pages,
        "organisation/",
        "/studio/live/catalogue/",
        "/studio/live/catalogue/1/",
        "/studio/live/dead-letters/",
    ):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(each if each.startswith(("/", "http")) else f"/studio/set-up/{each}")
        expect(page.locator("h1")).to_be_visible()
        assert find_violations(page) == [], each
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, each
