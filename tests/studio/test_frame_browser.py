"""What only a browser shows of the frame: keys, and what they do after a dialog was closed."""

import re

from playwright.sync_api import Page, expect


def test_keys_are_listed_and_lead_to_pages_also_after_the_palette(page: Page) -> None:
    page.goto("/studio/")
    page.keyboard.press("?")
    keys = page.locator("#shortcuts")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("Control+k")
    palette = page.locator("#palette")
    expect(palette).to_be_visible()
    page.keyboard.type("nothing of this name")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(r"/studio/audit/$"))


def test_what_a_page_asks_for_by_itself_says_so(page: Page) -> None:
    with page.expect_request("**/studio/overview/standing/") as standing:
        page.goto("/studio/")
    assert standing.value.headers["x-by-itself"] == "1"
    page.keyboard.press("Control+k")
    with page.expect_request("**/studio/palette/?q=an*") as palette:
        page.keyboard.type("an")
    assert "x-by-itself" not in palette.value.headers
