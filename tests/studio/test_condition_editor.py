"""The editor in a real Chromium: what it reads it writes, by keyboard alone, undone exactly, with figures."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.segments.strategies import Seeded, draw_case
from tests.studio.editor_page import open_editor, read_tree
from tests.studio.seen import find_violations

pytestmark = pytest.mark.story

TREES = 200
MODULES = Path(__file__).parents[2] / "static" / "studio" / "conditions"
BUDGET = 32 * 1024
SUMMER = {
    "v": 1,
    "root": {
        "id": "all",
        "kind": "and",
        "children": [
            {"id": "gold", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"},
            {
                "id": "either",
                "kind": "or",
                "children": [
                    {"id": "viewed", "kind": "event", "event": "Product Viewed", "op": "at_least", "value": 3},
                    {"id": "keen", "kind": "segment", "segment": "keen-browser"},
                ],
            },
            {"id": "none", "kind": "not", "children": [{"id": "customer", "kind": "segment", "segment": "customer"}]},
        ],
    },
}

# Each tree is put in as JSON, drawn, every field of it touched, changed and changed back; what is then in the text area
# comes back.
ROUND_TRIP = """async trees => {
  const box = document.querySelector('[data-condition-editor]');
  const part = name => box.querySelector(`[data-condition-${name}]`);
  const area = box.querySelector('textarea');
  const written = [];
  document.querySelector('main').style.display = 'none'; // laying out every tree would take most of the time
  for (const tree of trees) {
    if (part('json').hidden) part('toggle').click();
    area.value = JSON.stringify(tree);
    area.dispatchEvent(new Event('input', { bubbles: true }));
    part('toggle').click();
    for (const field of part('rows').querySelectorAll('input, select')) {
      field.dispatchEvent(new Event('input', { bubbles: true }));
      field.dispatchEvent(new Event('change', { bubbles: true }));
      field.dispatchEvent(new Event('blur'));
    }
    const touched = area.value;
    part('rows').querySelector('[data-handle]').closest('[data-node]').querySelector('[id$=-remove]').click();
    const changed = area.value;
    part('undo').click();
    written.push([part('problem').textContent, touched, changed, area.value]);
  }
  return written;
}"""


def test_any_condition_is_written_back_as_it_was_read(page: Page) -> None:
    page.route(re.compile(r"//[^/]+/studio/conditions/"), lambda route: route.fulfill(json={}))
    open_editor(page, about="rule")
    trees = [draw_case(Seeded(7, number)).tree for number in range(TREES)]
    written = page.evaluate(ROUND_TRIP, trees)
    assert len(written) == TREES
    for tree, (problem, touched, changed, undone) in zip(trees, written, strict=True):
        assert problem == ""
        assert json.loads(touched) == tree
        assert changed != undone
        assert json.loads(undone) == tree


def test_a_condition_is_built_by_keyboard_alone(page: Page) -> None:
    open_editor(page)
    keys = page.keyboard

    def add(what: str) -> None:
        page.get_by_role("button", name="Condition", exact=True).last.focus()
        keys.press("Enter")
        keys.type(what)
        expect(page.locator("[role=option]").first).to_be_visible()
        keys.press("ArrowDown")
        keys.press("Enter")

    def come_to(label: str, last: int = 25) -> None:
        for _ in range(last):
            keys.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('aria-label')") == label:
                return
        raise AssertionError(f"{label} cannot be reached")

    add("did something")
    expect(page.get_by_role("combobox", name="event")).to_be_focused()
    keys.type("product vie")
    expect(page.get_by_role("option", name="Product Viewed")).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    come_to("value")
    keys.type("2")
    come_to("how long ago at most")
    keys.type("7")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")  # where…
    expect(page.get_by_role("combobox", name="property")).to_be_focused()
    keys.type("category")
    expect(page.get_by_role("option", name="category", exact=True)).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.get_by_role("combobox", name="value")).to_be_focused()
    keys.type("Summer wear")
    add("is not in an audience")
    expect(page.get_by_role("combobox", name="audience")).to_be_focused()
    keys.type("customer")
    expect(page.get_by_role("option", name="Customer")).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")

    tree = read_tree(page)["root"]
    viewed, none = tree["children"]
    assert tree["kind"] == "and"
    assert {key: viewed[key] for key in viewed if key != "id"} == {
        "kind": "event",
        "event": "Product Viewed",
        "op": "at_least",
        "value": 2,
        "where": [{"property": "category", "op": "is", "value": "Summer wear"}],
        "window": {"last": 7, "unit": "days"},
    }
    assert (none["kind"], none["children"][0]["segment"]) == ("not", "customer")
    expect(page.locator("[data-aside-total]")).to_have_text("0")
    expect(page.locator("[data-aside-share]")).to_contain_text("people")
    expect(page.locator(f"[data-count='{viewed['id']}']")).to_have_text("0")
    expect(page.locator("[data-condition-words]")).to_contain_text(
        "viewed a product at least 2 times in the last 7 days where category is “Summer wear” and not (is in customer)"
    )


def test_what_is_typed_before_the_catalogue_has_come_is_offered_when_it_comes(page: Page) -> None:
    waiting: list[Route] = []
    page.route("**/conditions/facts/**", lambda route: waiting.append(route))
    open_editor(page, SUMMER)
    event = page.get_by_role("combobox", name="event")
    event.click()
    event.press_sequentially("product removed fr")
    expect(page.locator("[role=option]")).to_have_count(0)
    waiting.pop().continue_()
    page.get_by_role("option", name="Product Removed from Wishlist").click()
    assert read_tree(page)["root"]["children"][1]["children"][0]["event"] == "Product Removed from Wishlist"
    expect(event).to_have_value("Product Removed from Wishlist")


def test_rows_move_by_keys_and_by_dragging_and_come_back(page: Page) -> None:
    open_editor(page, SUMMER)
    handle = page.locator("[data-handle=gold]")
    handle.focus()
    page.keyboard.press("Alt+ArrowDown")  # into the group below
    assert [child["id"] for child in read_tree(page)["root"]["children"]] == ["either", "none"]
    assert [child["id"] for child in read_tree(page)["root"]["children"][0]["children"]] == ["gold", "viewed", "keen"]
    expect(handle).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    assert read_tree(page) == SUMMER
    grip, target = page.locator("[data-handle=keen]").bounding_box(), page.locator("[data-node=gold]").bounding_box()
    assert grip and target
    page.mouse.move(grip["x"] + 5, grip["y"] + 5)
    page.mouse.down()
    page.mouse.move(target["x"] + 60, target["y"] + 4, steps=4)
    page.mouse.up()
    assert [child["id"] for child in read_tree(page)["root"]["children"]] == ["keen", "gold", "either", "none"]
    page.locator("[data-handle=keen]").focus()
    for _ in range(3):
        page.keyboard.press("Control+z")
    assert read_tree(page) == SUMMER
    page.keyboard.press("Control+Shift+z")
    assert read_tree(page) != SUMMER
    page.get_by_role("button", name="Undo").click()
    assert read_tree(page) == SUMMER


def test_what_is_typed_is_one_step_to_undo_and_keeps_its_caret(page: Page) -> None:
    open_editor(page, SUMMER)
    value = page.locator("[data-node=gold] input[aria-label=value]")
    value.focus()
    page.keyboard.type("silver")
    assert read_tree(page)["root"]["children"][0]["value"] == "silver"
    expect(value).to_have_value("silver")
    expect(value).to_be_focused()
    page.keyboard.press("Control+z")
    assert read_tree(page) == SUMMER
    expect(value).to_have_value("gold")


def test_json_is_edited_both_ways_and_what_is_wrong_with_it_is_said(page: Page) -> None:
    open_editor(page, SUMMER)
    toggle, area = page.get_by_role("button", name="Show as JSON"), page.locator("#id_condition")
    toggle.click()
    area.fill('{"v": 1, "root": {"id": "a", "kind": "trait"')
    toggle.click()
    expect(page.get_by_role("alert").filter(has_text="This is not JSON")).to_be_visible()
    expect(area).to_be_visible()
    area.fill('{"v": 1, "root": {"id": "a", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}}')
    toggle.click()
    expect(page.get_by_role("combobox", name="trait")).to_have_value("plan")
    expect(area).to_be_hidden()


def test_limits_are_told_before_one_meets_them(page: Page) -> None:
    inner: dict[str, Any] = {"id": "leaf", "kind": "trait", "trait": "plan", "op": "exists"}
    for depth in range(3):
        inner = {"id": f"g{depth}", "kind": "or", "children": [inner, {**inner, "id": f"l{depth}", "kind": "trait"}]}
        inner["children"][1] = {"id": f"l{depth}", "kind": "trait", "trait": "plan", "op": "exists"}
    rows = [{"id": f"r{number}", "kind": "trait", "trait": "plan", "op": "exists"} for number in range(36)]
    open_editor(page, {"v": 1, "root": {"id": "root", "kind": "and", "children": [inner, *rows]}})
    expect(page.get_by_text("44 of 50 parts used")).to_be_visible()
    open_editor(page, {"v": 1, "root": {"id": "top", "kind": "not", "children": [inner, *rows]}})
    deepest = page.locator(".condition-group .condition-group .condition-group .condition-group").first
    expect(deepest.get_by_text("Groups go 5 deep")).to_be_visible()


def test_who_may_not_change_it_reads_it(page: Page) -> None:
    open_editor(page, SUMMER, read_only=True)
    expect(page.get_by_role("combobox", name="trait")).to_be_disabled()
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    expect(page.locator("[data-handle=gold]")).to_be_hidden()
    expect(page.locator("[data-aside-total]")).to_have_text("0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_keeps_anybody_out(page: Page, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    open_editor(page, SUMMER, about="rule")
    expect(page.locator("[data-aside-total]")).to_have_text("0")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Condition", exact=True).last.click()
    expect(page.locator("[role=option]").first).to_be_visible()
    assert find_violations(page, "main") == []


def test_modules_stay_within_their_budget() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in sorted(MODULES.glob("*.js"))}
    assert len(sizes) > 10
    assert sum(sizes.values()) <= BUDGET, sizes
