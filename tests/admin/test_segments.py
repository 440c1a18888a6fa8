"""Segments in the admin: in words, and refused with what is wrong, where, and how to mend it."""

import json
from typing import Any

import pytest
from django.utils.html import escape

from segments.models import Segment
from tests.admin.operators import condition, only, sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

SEGMENTS = "/admin/segments/segment/"


def save(tree: object, **fields: str) -> str:
    """Sends the form of a new segment; what the answer says, with redirects followed."""
    typed = tree if isinstance(tree, str) else json.dumps(tree)
    form = {"name": "Gold", "slug": "gold", "description": "Who pays.", "live": "on", "condition": typed, **fields}
    return sign_in_owner().post(f"{SEGMENTS}add/", form, follow=True).content.decode()


def test_the_list_is_in_words() -> None:
    Segment.objects.create(slug="gold", name="Gold", condition=condition())
    Segment.objects.create(slug="odd", name="Odd", condition={"v": 3})
    page = sign_in("segments.view_segment").get(SEGMENTS).content.decode()
    assert "plan is “gold”" in page
    assert "cannot be read: condition:" in page


def test_a_good_condition_is_saved() -> None:
    assert "was added successfully" in save(condition())
    segment = Segment.objects.get()
    assert segment.condition == condition()
    assert segment.live


def test_what_was_saved_is_shown_for_reading_and_as_it_can_be_edited() -> None:
    segment = Segment.objects.create(slug="gold", name="Gold", condition=condition(value="größer"))
    page = sign_in_owner().get(f"{SEGMENTS}{segment.pk}/change/").content.decode()
    assert "plan is “größer”" in page
    assert escape(json.dumps(condition(value="größer"), indent=2, ensure_ascii=False)) in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('{"v": 1,\n "root": }', "Not JSON: line 2, column 10: expecting value."),
        ('{"v": NaN}', "Not JSON: NaN is no number in JSON"),
        ("[" * 60_000, "nested too deep"),
        (f'{{"v": 1{"0" * 5_000}}}', "a number is too long"),
        ('{"v": 1, "more": 1e400}', "A number is too large"),
        (json.dumps(condition(value="a\0b")), "\\u0000 cannot be stored"),
        (json.dumps(condition(value="\ud800")), "surrogate"),
        ("null", "must be an object"),
        ("[]", "must be an object"),
        ("{}", '"v" must be 1'),
        (json.dumps(condition(op="resembles")), "root: unknown operator 'resembles'; use one of is,"),
        (json.dumps(only(kind="context", field="page.path", op="exists")), "ask for it in a rule"),
        (json.dumps(only(kind="segment", segment="gold")), "The segment refers to itself"),
    ],
)
def test_a_bad_condition_is_explained_and_nothing_typed_is_lost(typed: str, said: str) -> None:
    page = save(typed)
    assert escape(said) in page
    assert escape(typed) in page
    assert "Who pays." in page
    assert not Segment.objects.exists()


def test_every_problem_of_a_tree_is_listed() -> None:
    children = [{"id": "b", "kind": "evnt"}, {"id": "c", "kind": "trait", "trait": "plan", "op": "iss"}]
    page = save({"v": 1, "root": {"id": "a", "kind": "and", "children": children}})
    assert escape("b: unknown kind 'evnt'") in page
    assert escape("c: unknown operator 'iss'") in page


def test_an_empty_condition_is_required() -> None:
    assert "This field is required." in save("  ")


def test_hostile_text_is_shown_as_text() -> None:
    page = save('{"v": "<script>alert(1)</script>', name="<script>alert(2)</script>")
    assert "<script>alert" not in page


def test_the_slug_stays_what_others_know_it_by() -> None:
    segment = Segment.objects.create(slug="gold", name="Gold", condition=condition())
    form = {"name": "New name", "slug": "other", "description": "", "condition": json.dumps(condition())}
    sign_in_owner().post(f"{SEGMENTS}{segment.pk}/change/", form)
    segment.refresh_from_db()
    assert (segment.slug, segment.name, segment.live) == ("gold", "New name", False)


def test_who_may_only_look_cannot_change() -> None:
    segment = Segment.objects.create(slug="gold", name="Gold", condition=condition())
    client = sign_in("segments.view_segment")
    assert "plan is “gold”" in client.get(f"{SEGMENTS}{segment.pk}/change/").content.decode()
    assert client.post(f"{SEGMENTS}{segment.pk}/change/", {"name": "x"}).status_code == 403
    assert client.get(f"{SEGMENTS}add/").status_code == 403
    assert client.get("/admin/rules/rule/").status_code == 403
    assert client.get("/admin/profiles/storedprofile/").status_code == 403


def test_a_long_list_costs_no_more_queries(django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        Segment.objects.create(slug=f"s{number}", name=f"S{number}", condition=condition())
    client = sign_in_owner()
    with django_assert_max_num_queries(14):
        client.get(SEGMENTS)
