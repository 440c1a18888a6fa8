"""What only a browser shows of rules: the sentence that follows what one types, rows of caps, the order by keyboard and
by dragging."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.studio.seen import find_violations

pytestmark = pytest.mark.story

CONTENT = "/studio/content/"


@pytest.fixture
def slot(page: Page) -> Any:
    """A slot of one's own, which is removed with its rules."""
    page.goto(f"{CONTENT}slots/new/")
    page.fill("[name=name]", "Tried slot")
    page.fill("[name=slug]", "tried-slot")
    page.locator("main form button").click()
    page.wait_for_url(f"**{CONTENT}slots/tried-slot/")
    yield "tried-slot"
    page.goto(f"{CONTENT}slots/tried-slot/")
    page.locator("summary[aria-label=More]").click()
    page.get_by_role("button", name="Remove").click()
    page.locator("#confirm").get_by_role("button", name="Remove").click()
    page.wait_for_url(f"**{CONTENT}slots/")


def make_rule(page: Page, slot: str, name: str) -> None:
    page.goto(f"{CONTENT}rules/new/?slot={slot}")
    page.fill("#id_name", name)
    with page.expect_response("**/drafted/"):
        page.select_option("#id_block", index=1)
    page.keyboard.press("Control+s")
    page.wait_for_url("**/rules/tried-**")


def test_a_rule_is_said_while_it_is_typed_and_rules_are_ordered(page: Page, slot: str) -> None:
    page.goto(f"{CONTENT}rules/new/?slot={slot}")
    sentence = page.locator("#rule-sentence")
    page.fill("#id_name", "Tried one")
    page.select_option("#id_block", index=1)
    expect(sentence).to_contain_text("In Tried slot, everybody see ")
    page.get_by_role("button", name="Limit").click()
    page.keyboard.type("3")
    expect(sentence).to_contain_text("at most 3 times a week per person")
    page.fill("#id_ends_0, [name=ends_day]", "2031-08-31")
    expect(sentence).to_contain_text("until 31 August 2031, end of the day")
    page.get_by_role("button", name="Take this limit away").click()
    expect(sentence).not_to_contain_text("at most")
    page.get_by_label("People in an audience").check()
    expect(page.locator("#id_audience")).to_be_visible()
    with page.expect_response("**/drafted/"):
        page.get_by_label("Everybody", exact=True).check()
    expect(page.locator("#id_audience")).to_be_hidden()
    page.keyboard.press("Control+s")
    page.wait_for_url(f"**{CONTENT}rules/tried-one/")
    expect(page.locator("#warnings")).to_contain_text("Nothing hides it")
    assert find_violations(page) == []
    make_rule(page, slot, "Tried two")
    expect(page.locator("#warnings")).to_contain_text("is always hidden")

    page.goto(f"{CONTENT}slots/{slot}/")
    names = page.locator("[data-rule] a")
    expect(names).to_have_text(["Tried two", "Tried one"])
    down = page.get_by_role("button", name="Tried two: Down")
    down.focus()
    page.keyboard.press("Enter")
    expect(names).to_have_text(["Tried one", "Tried two"])
    expect(page.locator("[data-order-said]")).to_have_text("Tried two: step 2 of 2")
    page.get_by_role("button", name="Save the order").click()
    expect(page.locator("#toasts")).to_contain_text("The order is saved.")
    expect(names).to_have_text(["Tried one", "Tried two"])
    grip, top = page.locator("[data-rule=tried-two] [data-grip]"), page.locator("[data-step]").first.bounding_box()
    grip.hover()
    page.mouse.down()
    assert top is not None
    page.mouse.move(top["x"] + 20, top["y"] + 2, steps=5)
    page.mouse.up()
    expect(names).to_have_text(["Tried two", "Tried one"])
    page.get_by_role("button", name="As it was").click()
    expect(names).to_have_text(["Tried one", "Tried two"])
    assert find_violations(page) == []
