"""Audiences in a real browser: made from a template, saved by key, guarded while unsaved; a list and its undoing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.product import Product

expect.set_options(timeout=20_000)  # a file is stored by a product that is busy with other tests


@pytest.fixture
def swept(running_product: Product) -> Iterator[None]:
    """Nothing of a test stays."""
    yield
    running_product.manage(
        "shell",
        "-c",
        "from segments.models import Segment; from rules.models import Revision; "
        "Segment.objects.filter(slug__startswith='probe-').delete(); "
        "Revision.objects.filter(slug__startswith='probe-').delete()",
    )


def test_an_audience_is_made_from_a_template_saved_by_key_and_removed(page: Page, swept: None) -> None:
    page.goto("/studio/audiences/")
    page.get_by_role("link", name="New audience").click()
    page.get_by_role("link", name="Abandoned basket").click()
    page.get_by_label("Name", exact=True).fill("Probe basket")
    expect(page.get_by_label("Short name")).to_have_value("probe-basket")
    page.get_by_label("Description").press("Control+s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Probe basket")
    expect(page.get_by_text("is saved as a draft")).to_be_visible()
    page.get_by_label("Description").fill("Changed")
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("Version 1")).to_be_visible()
    assert asked == ["beforeunload"]
    page.goto("/studio/audiences/probe-basket/remove/")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Restore Probe basket").click()
    expect(page.get_by_text("says again what it said")).to_be_visible()


def test_a_list_is_uploaded_with_its_refused_rows_and_the_upload_is_undone(
    page: Page, complaints: list[str], swept: None, tmp_path: Path
) -> None:
    page.goto("/studio/audiences/new/?from=list")
    page.get_by_label("Name", exact=True).fill("Probe list")
    page.get_by_role("button", name="Save and upload").click()
    bad = tmp_path / "bad.csv"
    bad.write_text("user_id\nnull\n")
    page.get_by_label("File").set_input_files(bad)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("this says that there is no id")).to_be_visible()
    assert len(complaints) == 1 and "422" in complaints.pop()  # of an answer that says what is wrong
    good = tmp_path / "good.csv"
    good.write_text("user_id\n" + "".join(f"probe-{number}\n" for number in range(500)) + "null\n")
    page.get_by_label("File").set_input_files(good)
    page.get_by_role("button", name="Upload").click()
    uploads = page.locator("#uploads")
    expect(uploads.get_by_text("500 rows with an id, 500 new people, 0 named twice, 1 left out")).to_be_visible()
    expect(page.get_by_text("From good.csv")).to_be_visible()
    uploads.get_by_role("button", name="Undo").click()
    page.locator("#confirm").get_by_role("button", name="Undo").click()
    expect(uploads.get_by_text("0 people in the list")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_do_not_scroll_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for path in ("", "new/", "removed/", "customer/", "customer/history/", "customer/compare/", "customer/preview/"):
        page.goto(f"/studio/audiences/{path}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
