"""Takes the documentation's pictures from a fresh, running demo: python -m docs.take_pictures --url http://127.0.0.1:8000

Telling the Studio's story publishes and rolls back; `--login` names the file with the demo's login."""

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from docs import studio_story as story

PICTURES = Path(__file__).parent / "pictures"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def take(page: Page, name: str) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(2_000)  # lets the animations come to rest
    page.screenshot(path=PICTURES / f"{name}.png")


def open_products(page: Page, category: str, count: int) -> None:
    page.get_by_role("button", name=category, exact=True).click()
    cards = page.locator(".card:visible a[data-product]")
    for number in range(count):
        cards.nth(number).dispatch_event("click")


def take_pictures(url: str, chromium: str, login: str = "") -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/demo/")
        expect(page.locator("[data-connection]")).to_have_attribute("data-state", "live")
        take(page, "arrived")
        open_products(page, "Outdoor", 3)
        expect(page.locator(".hero-outdoor")).to_be_visible()
        take(page, "demo")
        page.locator("[data-sign-in]").click()
        page.locator("[data-sign-in-form] button").click()
        page.locator("#quick [data-close]").click()
        expect(page.locator("[data-facts]")).to_contain_text("anna@example.com")
        expect(page.locator(".hero h1")).to_contain_text("Anna")
        take(page, "signed-in")
        phone = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=2)
        phone.goto(f"{url}/demo/")
        open_products(phone, "Summer wear", 3)
        expect(phone.locator(".hero-summer-wear")).to_be_visible()
        take(phone, "phone")
        if login:
            tell_story(browser, url, login)
        browser.close()


def tell_story(browser: Browser, url: str, login: str) -> None:
    """The pictures of the Studio, taken while its main story is told."""
    name, _, password = login.partition(" / ")
    hand = story.Mouse()
    studio = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    shop = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    story.publish_campaign(studio, hand, url, (name, password), take)
    story.see_it(shop, hand, url, take)
    story.roll_back(studio, hand, shop, take)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--login", type=Path, help="such as .data/demo-login; without it, none of the Studio")
    chosen = parser.parse_args()
    login = chosen.login.read_text().strip() if chosen.login else ""
    take_pictures(chosen.url.rstrip("/"), chosen.chromium, login)
