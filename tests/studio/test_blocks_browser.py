"""What only a browser shows of blocks: colours, marks, the live preview, merge tags, images, keys, and no complaint."""

import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.product import Product
from tests.studio.seen import find_violations

pytestmark = pytest.mark.story

EDITOR = "[data-editor=source] .cm-content"


@pytest.fixture
def slug(page: Page) -> Iterator[str]:
    """A block's name of its own, which is removed in the end."""
    name = f"block-{uuid4().hex[:8]}"
    yield name
    page.goto(f"/studio/content/blocks/{name}/")
    if page.locator("#block-form").count():
        page.locator("header details summary").click()
        page.get_by_role("button", name="Remove").click()
        page.locator("#confirm [data-confirm-yes]").click()
        expect(page.get_by_text("is removed")).to_be_visible()


def settle(page: Page) -> None:
    expect(page.locator("[data-preview]")).to_have_attribute("data-state", "shown")


def type_source(page: Page, text: str) -> None:
    page.locator(EDITOR).click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    settle(page)


def test_a_block_is_written_previewed_and_saved(page: Page, slug: str) -> None:
    page.goto("/studio/content/blocks/new/?kind=html")
    page.get_by_label("Name", exact=True).fill(slug.replace("-", " "))
    expect(page.get_by_label("Short name")).to_have_value(slug)
    settle(page)
    frame = page.frame_locator("[data-preview-frame] iframe")
    expect(frame.get_by_text("Hello there")).to_be_visible()

    type_source(page, "<p>Fine</p>\n<p>Dear {{ profile.traits.firstName }}</p>")
    problem = page.locator("[data-problems=source] button")
    expect(problem).to_contain_text("Line 2: profile.traits.firstName is not known of everybody")
    expect(page.locator("[data-editor=source] .cm-wrong")).to_have_text("profile.traits.firstName")
    expect(page.locator("[data-editor=source] .cm-wrong-line")).to_have_text("2")
    assert find_violations(page) == []

    type_source(page, "<p>Good day </p>")
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Merge tag").click()
    page.get_by_label("Search for a merge tag").fill("firstname")
    page.locator("[data-tag='profile.traits.firstName']").click()
    page.get_by_label("When it is not known").fill('dear "friend"')
    page.get_by_role("button", name="Insert", exact=True).click()
    expect(frame.get_by_text('Good day dear "friend"')).to_be_visible()

    page.keyboard.press("Control+s")
    expect(page.get_by_text("is saved as a draft")).to_be_visible()
    expect(page.locator("#id_source")).to_have_value(
        "<p>Good day {{ profile.traits.firstName | default: 'dear \"friend\"' }}</p>"
    )
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert find_violations(page) == []


def test_tab_indents_and_escape_leads_out(page: Page) -> None:
    page.goto("/studio/content/blocks/new/?kind=html")
    type_source(page, "x")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(page.locator("#id_source")).to_have_value("  x")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.editor") is None


def test_a_merge_tag_fits_where_it_stands(page: Page) -> None:
    page.goto("/studio/content/blocks/new/?kind=html")
    settle(page)
    written = page.evaluate(
        """async () => {
          const { openQuote, quote } = await import('/static/studio/merge_tags.js');
          return [openQuote('<a href="/x?', false), openQuote('<a href="/x">y', false), openQuote('{"a": "b', true),
                  openQuote('<a title=\\'{{ x | default: "y" }}', false), quote('a"b', ''), quote("it's", '"')];
        }"""
    )
    assert written == ['"', "", '"', "'", "'a\"b'", "'it’s'"]


def test_an_image_is_uploaded_described_and_put_in(page: Page, running_product: Product) -> None:
    out = io.BytesIO()
    Image.effect_noise((64, 32), 90).save(out, "PNG")
    page.goto("/studio/content/blocks/new/?kind=html")
    type_source(page, "<p>A</p>")
    page.get_by_role("button", name="Image", exact=True).click()
    name = f"noise-{uuid4().hex[:6]}"
    page.locator("#image-file").set_input_files(
        {"name": f"{name}.png", "mimeType": "image/png", "buffer": out.getvalue()}
    )
    expect(page.locator("[data-image-fresh]")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("What it shows").fill('Grey "noise"')
    page.locator("#images").get_by_role("button", name="Insert").click()
    settle(page)
    source = page.locator("#id_source").input_value()
    assert source.startswith(f'<p>A</p><img src="{running_product.url}/media/')
    assert source.endswith('alt="Grey &quot;noise&quot;" width="64" height="32">')
    picture = page.frame_locator("[data-preview-frame] iframe").get_by_alt_text('Grey "noise"')
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64

    page.goto(f"/studio/content/images/?q={name}")
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Remove").click()
    page.locator("#confirm [data-confirm-yes]").click()
    expect(page.get_by_text("is removed")).to_be_visible()


def test_codes_are_uploaded_with_what_was_left_out(page: Page) -> None:
    slug = f"offer-{uuid4().hex[:8]}"
    page.goto("/studio/content/offers/new/")
    page.get_by_label("Name", exact=True).fill(slug)
    expect(page.get_by_label("How many points")).to_be_hidden()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Upload codes").click()
    file: Any = {"name": "codes.csv", "mimeType": "text/csv", "buffer": b"code\nA-1\nA-2\nA-1\n"}
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("2 codes came in.")).to_be_visible()
    expect(page.get_by_text("stands in a line before this one")).to_be_visible()
    assert find_violations(page) == []
    more: Any = {**file, "buffer": b"A-3\n"}
    page.get_by_label("File").set_input_files(more)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("1 code came in.")).to_be_visible()
    page.wait_for_url(f"**/offers/{slug}/")
    assert find_violations(page) == []
    page.locator("header summary").click()
    page.get_by_role("button", name="Remove").click()
    page.locator("#confirm [data-confirm-yes]").click()
    expect(page.get_by_text("without its codes")).to_be_visible()


@pytest.mark.parametrize(
    "path", ["blocks/", "blocks/new/", "blocks/weekly-letter/", "images/", "offers/", "offers/new/", "points/"]
)
def test_a_page_fits_a_phone_and_everybody_can_use_it(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/studio/content/{path}")
    if page.locator("[data-preview]").count():
        settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert find_violations(page) == []
