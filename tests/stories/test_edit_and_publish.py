"""What the tutorial promises of the admin: edit a banner, publish, and the open shop says it; then take it back."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import CHROMIUM, FLAGS
from tests.product import Product, wait_until

pytestmark = pytest.mark.story
expect.set_options(timeout=30_000)

FORMER = "Your next trip starts at the tree line"
EDITED = "Your next evening starts at the tree line"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def open_page(browser: Browser) -> Page:
    """A page of a person of its own, with cookies of its own."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    return page


def open_three_products(shop: Page) -> None:
    for number in range(3):
        shop.locator(".card:not([hidden]) a[data-product]").nth(number).dispatch_event("click")


def book_in_force(product: Product, write_key: str) -> int:
    """The number of the Book that decides for a visitor now."""
    body = json.dumps({"writeKey": write_key, "anonymousId": "somebody else", "slots": ["home-hero"]}).encode()
    request = urllib.request.Request(f"{product.url}/api/v1/decide", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(json.load(answer)["book"])


def sign_in(page: Page, product: Product) -> None:
    name, password = product.login
    page.goto(f"{product.url}/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def save_banner(page: Page, product: Product, source: str) -> None:
    page.goto(f"{product.url}/admin/rules/block/")
    page.get_by_role("link", name="Outdoor banner").click()
    page.get_by_label("Source").fill(source)
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def test_a_banner_is_edited_published_and_taken_back(running_product: Product, browser: Browser) -> None:
    shop = open_page(browser)
    shop.goto(f"{running_product.url}/demo/")
    shop.get_by_role("button", name="Outdoor", exact=True).click()
    open_three_products(shop)
    hero = shop.locator('pz-slot[name="home-hero"]')
    expect(hero).to_contain_text(FORMER)
    shop.evaluate("window.sameDocument = true")
    write_key = shop.locator("script[data-write-key]").get_attribute("data-write-key")
    assert write_key
    before = book_in_force(running_product, write_key)

    admin = open_page(browser)
    sign_in(admin, running_product)
    admin.get_by_role("link", name="Blocks").first.click()
    admin.get_by_role("link", name="Outdoor banner").click()
    source = admin.get_by_label("Source").input_value()
    assert FORMER in source
    expect(admin.frame_locator("iframe[sandbox]").get_by_role("heading")).to_have_text(FORMER)
    save_banner(admin, running_product, source.replace(FORMER, EDITED))
    expect(admin.locator("[data-drafts]")).to_contain_text(f"1 difference from Book {before}")
    assert book_in_force(running_product, write_key) == before

    admin.get_by_role("link", name="Publish…").click()
    expect(admin.get_by_role("row", name="Outdoor banner")).to_contain_text("changed: source")
    admin.get_by_label("Note").fill("Evenings sell better")
    admin.get_by_role("button", name="Publish").click()
    expect(admin.get_by_text(f"Book {before + 1} is published")).to_be_visible()
    expect(admin.get_by_role("row", name="Evenings sell better")).to_contain_text("in force")
    wait_until(lambda: book_in_force(running_product, write_key) == before + 1)

    shop.locator("#quick [data-close]").first.click()
    shop.locator(".card:not([hidden]) [data-add]").first.click()  # enters a segment, so the page asks again
    expect(hero).to_contain_text(EDITED)
    shop.locator("[data-reset]").click()
    expect(hero).to_contain_text("Good things for long days")
    open_three_products(shop)
    expect(hero).to_contain_text(EDITED)
    expect(shop.locator("[data-why]")).to_contain_text(f"Book {before + 1}")
    assert shop.evaluate("window.sameDocument") is True

    admin.get_by_role("link", name=f"Book {before}", exact=True).click()
    admin.get_by_role("link", name="Roll back to this Book").click()
    admin.get_by_role("button", name="Roll back").click()
    expect(admin.get_by_text(f"Book {before + 2} is published: it says what Book {before} said")).to_be_visible()
    wait_until(lambda: book_in_force(running_product, write_key) == before + 2)
    shop.reload()
    expect(hero).to_contain_text(FORMER)
    save_banner(admin, running_product, source)
    expect(admin.locator("[data-drafts]")).to_have_count(0)
