"""What the how-to promises of lists, in a browser: made, uploaded, published, frozen, compared, exported, replaced."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.product import Product, wait_until
from tests.stories.test_edit_and_publish import browser, open_page, sign_in

__all__ = ["browser"]  # the fixture
pytestmark = pytest.mark.story


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).first.click()


def publish(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/admin/rules/book/publish/")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("is published")).to_be_visible()


def await_text(page: Page, address: str, text: str) -> None:
    """Looks again and again, as a build is worked on in the background."""

    def is_there() -> bool:
        page.goto(address)
        return page.get_by_text(text).count() > 0

    wait_until(is_there, 90)


def export(page: Page, address: str) -> set[str]:
    page.goto(address)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    with Path(download.value.path()).open(newline="") as file:
        return {row["user_id"] for row in csv.DictReader(file)}


def test_a_list_from_the_file_to_the_people_and_back(
    running_product: Product, browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "fair.csv"
    file.write_text("name;user_id\n" + "".join(f"Name {n};fair-{n}\n" for n in range(20)) + "Nobody;null\n")
    page = open_page(browser)
    sign_in(page, running_product)
    page.goto(f"{running_product.url}/admin/segments/segment/add/")
    page.get_by_label("Name").press_sequentially("At the fair")
    expect(page.get_by_label("Slug")).to_have_value("at-the-fair")
    expect(page.get_by_label("Condition:", exact=True)).to_be_visible()
    expect(page.get_by_label("As of")).to_be_hidden()
    page.get_by_label("Snapshot of a moment").check()
    expect(page.get_by_label("As of")).to_be_visible()
    page.get_by_label("Uploaded list").check()
    expect(page.get_by_label("Condition:", exact=True)).to_be_hidden()
    expect(page.get_by_role("button", name="Preview before saving")).to_be_hidden()
    save(page)

    page.get_by_label("File").set_input_files(file)
    expect(page.locator("[data-progress]")).to_be_hidden()
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("From fair.csv: 20 rows with an id, 20 people are new")).to_be_visible()
    page.get_by_text("Rows left out of fair.csv").click()
    expect(page.get_by_role("row", name="null this says that there is no id")).to_be_visible()
    address = page.url.partition("#")[0]
    publish(page, running_product)
    await_text(page, address, "Version 1: 20 people; in force.")
    wait_until(lambda: export(page, address) == {f"fair-{n}" for n in range(20)})

    page.get_by_role("link", name="Freeze").click()
    page.get_by_label("Name").fill("At the fair, then")
    page.get_by_role("button", name="Freeze").click()
    snapshot = page.url
    publish(page, running_product)
    await_text(page, snapshot, "20 people; in force.")

    file.write_text("user_id\nfair-1\nfair-2\nfair-99\n")
    page.goto(address)
    page.get_by_role("link", name="Upload ids").click()
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("take the place").check()
    page.get_by_role("button", name="Upload").click()
    await_text(page, address, "Version 2: 3 people; in force.")
    wait_until(lambda: export(page, address) == {"fair-1", "fair-2", "fair-99"})
    page.goto(snapshot)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("20 people then")).to_contain_text(
        "Of these, 2 (10.0 %) are in At the fair today, and 18 are not. 1 came newly since."
    )

    for segment in (snapshot, address):  # definitions are left as they were
        page.goto(segment)
        page.get_by_role("link", name="Delete").first.click()
        page.get_by_role("button", name="Yes, I’m sure").click()
    publish(page, running_product)
