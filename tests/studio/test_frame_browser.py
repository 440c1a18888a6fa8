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
