"""In a real browser, against the real engine: the banner follows what one looks at, and the panel says why."""

import pytest
from playwright.sync_api import Page, expect

from tests.demo.conftest import Shop

pytestmark = pytest.mark.story
expect.set_options(timeout=30_000)


def open_product(page: Page, number: int) -> None:
    """Opens the numbered visible product in the quick view, as a visitor does."""
    page.locator(".card:not([hidden]) a[data-product]").nth(number).focus()
    page.keyboard.press("Enter")


def choose(page: Page, category: str) -> None:
    page.get_by_role("button", name=category, exact=True).click()


def test_third_product_of_a_category_changes_the_banner_while_one_watches(shop: Shop, browser_page: Page) -> None:
    page = browser_page
    page.goto(f"{shop.url}/demo/")
    hero = page.locator('pz-slot[name="home-hero"]')
    why = page.locator("[data-why]")
    expect(why).to_contain_text("The page’s own banner")
    expect(hero).to_contain_text("Good things for long days")
    page.evaluate("window.sameDocument = true")

    choose(page, "Outdoor")
    open_product(page, 0)
    open_product(page, 1)
    expect(page.locator("[data-facts]")).to_contain_text("Product Viewed2 ×")
    expect(hero).to_contain_text("Good things for long days")

    open_product(page, 2)
    expect(hero).to_contain_text("Your next trip starts at the tree line")
    assert page.evaluate("window.sameDocument") is True

    expect(page.locator("[data-segments]")).to_contain_text("Likes Outdoor")
    expect(page.locator("[data-facts]")).to_contain_text("Product Viewed3 ×")
    expect(page.locator("[data-log]")).to_contain_text("Entered Likes Outdoor")
    expect(page.locator('[data-log] [data-acked]:has-text("Product Viewed")')).to_have_count(3)
    expect(why).to_contain_text("Outdoor fans")
    expect(why).to_contain_text("at least 3 times in the last 30 minutes")


def test_basket_signing_in_and_starting_again(shop: Shop, browser_page: Page) -> None:
    page = browser_page
    page.goto(f"{shop.url}/demo/p/moka-pot/")
    promo = page.locator('pz-slot[name="promo-bar"]')
    expect(page.locator("[data-facts]")).to_contain_text("Product Viewed1 ×")

    page.locator(".detail [data-add]").click()
    expect(promo).to_contain_text("Your basket is waiting")
    page.locator("[data-basket-open]").click()
    page.locator("[data-checkout]").click()
    expect(promo).to_contain_text("Thank you for your order")

    page.locator("[data-sign-in]").click()
    page.locator("[data-sign-in-form] button").click()
    expect(page.locator("[data-facts]")).to_contain_text("user idanna@example.com")
    expect(page.locator("[data-segments]")).to_contain_text("Lives in the Netherlands")

    page.locator("[data-reset]").click()
    expect(promo).to_contain_text("Free delivery from €50")
    expect(page.locator("[data-segments]")).to_contain_text("None yet")


def test_on_a_phone_the_panel_is_a_sheet_and_nothing_overflows(shop: Shop, browser_page: Page) -> None:
    page = browser_page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{shop.url}/demo/")
    expect(page.locator("[data-connection]")).to_have_attribute("data-state", "live")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    body = page.locator("#panel-body")
    expect(body).to_be_hidden()
    toggle = page.locator("[data-panel-toggle]")
    toggle.focus()
    page.keyboard.press("Enter")
    expect(body).to_be_visible()
    expect(toggle).to_have_attribute("aria-expanded", "true")


def test_a_page_without_the_engine_shows_its_own_content(shop: Shop, browser_page: Page) -> None:
    page = browser_page
    page.route("**/tracker/pz.js", lambda route: route.fulfill(status=200, body="", content_type="text/javascript"))
    page.goto(f"{shop.url}/demo/")
    expect(page.get_by_role("heading", name="Good things for long days")).to_be_visible()
