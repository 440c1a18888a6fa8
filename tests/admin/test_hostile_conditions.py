"""The doors where a condition is typed: whatever is typed is answered with a page that says what to do, as text."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django.fixtures import Settings

from rules.models import Rule
from segments.models import Segment
from tests.admin.operators import make_definitions, only, sign_in_owner
from tests.admin.test_preview import store
from tests.segments.strategies import Seeded, draw_case
from tests.segments.test_hostile import HOSTILE, JUNK, mutate, nest

pytestmark = pytest.mark.django_db

Door = Callable[[str], str]


def say(client: Client, address: str, form: dict[str, Any]) -> str:
    """What the page says that comes back; nothing but a page, and never an error of ours."""
    page = client.post(address, form, follow=True)
    assert page.status_code == 200
    return page.content.decode()


@pytest.fixture
def segment_form() -> Door:
    client = sign_in_owner()
    form = {"name": "New", "slug": "new", "description": "", "live": "on"}
    return lambda typed: say(client, "/admin/segments/segment/add/", {**form, "condition": typed})


@pytest.fixture
def rule_form() -> Door:
    _, block, slot, rule = make_definitions()
    client = sign_in_owner()
    form = {"name": "New", "slot": slot.pk, "block": block.pk, "priority": 3, "live": "on"}
    return lambda typed: say(client, f"/admin/rules/rule/{rule.pk}/change/", {**form, "condition": typed})


@pytest.fixture
def preview_page() -> Door:
    client = sign_in_owner()
    return lambda typed: say(client, "/admin/segments/segment/preview/", {"condition": typed})


@pytest.fixture(params=["segment_form", "rule_form", "preview_page"])
def door(request: pytest.FixtureRequest) -> Door:
    found: Door = request.getfixturevalue(request.param)
    return found


def test_what_is_meant_to_break_it_is_explained(door: Door) -> None:
    """All that can be typed and sent; what is too large for a form is refused before it is read."""
    asked = 0
    for tree, said in HOSTILE.values():
        try:
            typed = json.dumps(tree)
        except RecursionError:
            continue
        if len(typed) < 100_000:
            asked += 1
            page = door(typed)
            assert "errorlist" in page
            assert escape(said) in page or any(word in page for word in BEFORE)
    assert asked > 30
    assert not Segment.objects.filter(slug="new").exists()


# What is refused before it is a tree.
BEFORE = ("is no number in JSON", "A number is too large", "surrogate pair", "cannot be stored")


def test_conditions_with_one_thing_wrong_are_answered(door: Door) -> None:
    refused = 0
    for number in range(30):
        chance = Seeded(11, number)
        tree = mutate(draw_case(chance).tree, chance, chance.pick(JUNK))
        page = door(json.dumps(tree))
        refused += "errorlist" in page
        Segment.objects.filter(slug="new").delete()
    assert 15 < refused <= 30


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(json.dumps({"v": 1, "root": {"id": "g", "kind": "or", "children": [0] * 800_000}}), id="numbers"),
        pytest.param(json.dumps(only(kind="trait", trait="a", op="in", value=["b"] * 400_000)), id="values"),
        pytest.param(json.dumps({"v": 1, "root": "x" * 2_000_000}), id="one text"),
        pytest.param(json.dumps(nest(200)), id="deep"),
        pytest.param('{"a":' * 100_000, id="very deep"),
        pytest.param("9" * 2_000_000, id="digits"),
        pytest.param("{" + ",".join(f'"k{n}":1' for n in range(100_000)) + "}", id="keys"),
        pytest.param('"' + "\\\\" * 1_000_000 + '"', id="backslashes"),
    ],
)
def test_two_megabytes_are_refused_in_few_words(segment_form: Door, typed: str) -> None:
    page = segment_form(typed)
    assert "errorlist" in page
    assert len(page) - len(escape(typed)) < 60_000


def test_what_is_too_large_for_a_form_is_no_error_of_ours() -> None:
    form = {"name": "New", "slug": "new", "condition": " " * 3_000_000}
    assert sign_in_owner().post("/admin/segments/segment/add/", form).status_code in (400, 413)


def test_a_page_of_problems_is_enough(door: Door) -> None:
    nodes = [{"id": f"n{number}", "kind": "event", "event": "E", "where": [{}] * 50} for number in range(49)]
    page = door(json.dumps({"v": 1, "root": {"id": "g", "kind": "or", "children": nodes}}))
    assert page.count("must be a name of") == 20
    assert "and 2430 more, which are listed once these are mended" in page


MARK_UP = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "tree",
    [
        pytest.param({"v": 1, "root": {"id": MARK_UP, "kind": "xor"}}, id="an id"),
        pytest.param({"v": 1, "root": {"id": MARK_UP, "kind": "or", "children": [0]}}, id="the place of a child"),
        pytest.param(only(kind=MARK_UP), id="a kind"),
        pytest.param(only(kind="segment", segment="gold", **{MARK_UP: 1}), id="a key"),
        pytest.param(only(kind="trait", trait="plan", op=MARK_UP), id="an operator"),
        pytest.param(only(kind="trait", trait="plan", op="at_least", value=MARK_UP), id="a value"),
    ],
)
def test_mark_up_is_shown_as_text(door: Door, tree: Any) -> None:
    page = door(json.dumps(tree))
    assert MARK_UP not in page
    assert page.count(escape(MARK_UP)) >= 2  # in what was typed, and in what is said of it


def test_mark_up_in_a_good_condition_is_shown_as_text(preview_page: Door) -> None:
    page = preview_page(json.dumps(only(kind="trait", trait=MARK_UP, op="is", value=MARK_UP)))
    assert MARK_UP not in page
    assert page.count(escape(MARK_UP)) >= 4


def test_a_stored_condition_that_is_none_is_told_as_text_wherever_it_is_listed() -> None:
    _, block, slot, _ = make_definitions()
    bad = {"v": 1, "root": {"id": MARK_UP, "kind": MARK_UP}}
    Segment.objects.create(slug="bad", name="Bad", condition=bad)
    Rule.objects.create(slug="bad", name="Bad", slot=slot, block=block, condition=bad)
    client = sign_in_owner()
    for address in ("segments/segment/", "rules/rule/", "rules/book/publish/", f"rules/slot/{slot.pk}/change/"):
        page = client.get(f"/admin/{address}").content.decode()
        assert escape(MARK_UP) in page, address
        assert MARK_UP not in page


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("0001-01-01T00:00:00", "Nothing is known of that time"),
        ("1969-12-31T00:00:00", "Nothing is known of that time"),
        ("1970-01-02T00:00:00", "Counted exactly"),
        ("9999-12-31T23:59:59", "still to come"),
        ("2026-02-30", "Enter a valid date/time"),
        ("\0", "Enter a valid date/time"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
def test_any_moment_is_answered(at: str, said: str, zone: str, settings: Settings) -> None:
    settings.PZ_TIME_ZONE = settings.TIME_ZONE = zone
    store("anna", 1)
    condition = json.dumps(only(kind="event", event="Product Viewed", window={"this": "month"}))
    form = {"condition": condition, "at": at, "person": "anna"}
    assert said in say(sign_in_owner(), "/admin/segments/segment/preview/", form)
