"""Blocks, slots and rules in the admin: sources are tried before they are kept, and a preview runs nothing."""

import json
from typing import Any

import pytest
from django.utils.html import escape

from rules.models import Block, Rule
from tests.admin.operators import make_definitions, sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

BLOCKS = "/admin/rules/block/"
RULES = "/admin/rules/rule/"


def save_block(source: str, kind: str = "html") -> str:
    form = {"name": "Hello", "slug": "hello", "kind": kind, "source": source}
    return sign_in_owner().post(f"{BLOCKS}add/", form, follow=True).content.decode()


@pytest.mark.parametrize(
    ("kind", "source", "said"),
    [
        ("html", "<p>\n{% if %}</p>", "Liquid: line 2, column 4: missing expression"),
        ("html", "{{ 'a' | nothing }}", "there is no filter named nothing"),
        ("html", "{% include 'x' %}", "Liquid: line 1, column 4: unexpected tag"),
        ("html", "<p>\n{{ profile.traits.name }}", "line 2, column 4: profile.traits.name is not known of everybody"),
        ("html", "<p title={{ now }}>", "line 1, column 10: the value of title needs quotes"),
        ("html", "x" * 64_001, "64000 is the most"),
        ("email", "<p>Hello</p>", "an e-mail needs a subject"),
        ("recommendation", '{"limit": 4}', "a recommendation needs a block to fall back to"),
        ("json", '{"headline": }', "Not JSON: line 1, column 14: expecting value."),
        ("json", "[" * 60_000, "nested too deep"),
    ],
)
def test_a_source_that_cannot_be_rendered_is_explained_and_stays_in_the_form(kind: str, source: str, said: str) -> None:
    page = save_block(source, kind)
    assert escape(said) in page
    assert escape(source) in page
    assert not Block.objects.exists()


@pytest.mark.parametrize(
    ("kind", "source"), [("html", "<p>{{ profile.traits.name | default: 'you' }}</p>"), ("json", '{"a": [1]}')]
)
def test_a_good_source_is_saved(kind: str, source: str) -> None:
    assert "was added successfully" in save_block(source, kind)
    assert Block.objects.get().source == source


def test_saving_without_a_change_changes_nothing() -> None:
    source = "<p>\n  Hello\n</p>"
    assert "was added successfully" in save_block(source.replace("\n", "\r\n"))
    assert Block.objects.get().source == source


def test_the_preview_is_clean_and_in_a_frame_that_runs_nothing() -> None:
    block = Block.objects.create(
        slug="b",
        name="B",
        source="<h1>Hi {{ profile.traits.name | default: 'you' }}\"</h1><script>alert(1)</script>"
        "<img src=x onerror=alert(1)></iframe><p>end</p>",
    )
    page = sign_in("rules.view_block").get(f"{BLOCKS}{block.pk}/change/").content.decode()
    [frame] = [part.split(">")[0] for part in page.split("<iframe ")[1:]]
    assert frame.startswith("sandbox srcdoc=")
    assert "allow" not in frame
    assert escape("<h1>Hi you") in frame
    assert "script" not in frame
    assert "onerror" not in frame


def test_each_part_of_a_block_is_refused_where_it_was_typed() -> None:
    form = {"name": "Hello", "slug": "hello", "kind": "email", "source": "<p>Hello</p>"}
    answer = sign_in_owner().post(f"{BLOCKS}add/", {**form, "subject": "{{ profile.traits.name }}"})
    assert list(answer.context["adminform"].form.errors) == ["subject"]
    wrong = {**form, "kind": "json", "source": '{"a": 1}', "shape": '{"type": "strnig"}'}
    assert list(sign_in_owner().post(f"{BLOCKS}add/", wrong).context["adminform"].form.errors) == ["shape"]
    misfit = {**wrong, "shape": '{"properties": {"a": {"type": "string"}}}'}
    assert list(sign_in_owner().post(f"{BLOCKS}add/", misfit).context["adminform"].form.errors) == ["source"]


def test_an_email_and_a_recommendation_are_saved_and_shown() -> None:
    client = sign_in_owner()
    form = {"name": "Mail", "slug": "mail", "kind": "email", "source": "<p>Hello</p>", "subject": "News for you"}
    assert client.post(f"{BLOCKS}add/", form).status_code == 302
    mail = Block.objects.get(slug="mail")
    assert "Subject: News for you" in client.get(f"{BLOCKS}{mail.pk}/change/").content.decode()
    usual = Block.objects.create(slug="usual", name="Usual", source="<p>What everybody likes</p>")
    form = {"name": "For you", "slug": "for-you", "kind": "recommendation", "source": "{}", "fallback": str(usual.pk)}
    assert client.post(f"{BLOCKS}add/", form).status_code == 302
    placeholder = Block.objects.get(slug="for-you")
    page = client.get(f"{BLOCKS}{placeholder.pk}/change/").content.decode()
    assert escape("<p>What everybody likes</p>") in page


def test_the_preview_of_json_and_of_a_broken_source_are_text() -> None:
    client = sign_in_owner()
    data = Block.objects.create(slug="d", name="D", kind="json", source='{"a": "<b>"}')
    assert escape('"a": "<b>"') in client.get(f"{BLOCKS}{data.pk}/change/").content.decode()
    broken = Block.objects.create(slug="e", name="E", source="{% if %}")
    assert "cannot be shown" in client.get(f"{BLOCKS}{broken.pk}/change/").content.decode()
    endless = Block.objects.create(slug="f", name="F", source="{% for a in (1..100000) %}x{% endfor %}")
    assert "cannot be shown" in client.get(f"{BLOCKS}{endless.pk}/change/").content.decode()


def test_rules_stand_in_the_order_in_which_they_are_tried() -> None:
    _, block, slot, _ = make_definitions()
    Rule.objects.create(slug="all", name="Everybody", slot=slot, block=block, priority=-1)
    Rule.objects.create(slug="first", name="First of all", slot=slot, block=block, priority=9)
    client = sign_in("rules.view_rule", "rules.view_slot")
    for address in (RULES, f"/admin/rules/slot/{slot.pk}/change/"):
        page = client.get(address).content.decode()
        assert page.index("First of all") < page.index("Thank gold") < page.index("Everybody")
        assert "is in gold" in page
        assert "for everybody" in page


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", None),
        ("null", None),
        *((json.dumps(tree), tree) for tree in [{"v": 1, "root": {"id": "s", "kind": "segment", "segment": "gold"}}]),
        *(
            (json.dumps(tree), tree)
            for tree in [{"v": 1, "root": {"id": "c", "kind": "context", "field": "page.path", "op": "exists"}}]
        ),
    ],
)
def test_a_rule_is_for_everybody_or_for_whom_its_condition_holds(typed: str, kept: object) -> None:
    _, block, slot, rule = make_definitions()
    form = {"name": "New", "slot": slot.pk, "block": block.pk, "priority": 3, "live": "on", "condition": typed}
    assert sign_in_owner().post(f"{RULES}{rule.pk}/change/", form).status_code == 302
    rule.refresh_from_db()
    assert (rule.name, rule.priority, rule.condition) == ("New", 3, kept)


def test_a_rule_with_a_bad_condition_is_refused_with_what_was_typed() -> None:
    _, block, slot, rule = make_definitions()
    typed = '{"v": 1, "root": {"id": "x", "kind": "evnt"}}'
    form = {"name": "New", "slot": slot.pk, "block": block.pk, "priority": 3, "condition": typed}
    page = sign_in_owner().post(f"{RULES}{rule.pk}/change/", form).content.decode()
    assert escape("x: unknown kind 'evnt'") in page
    assert escape(typed) in page
    assert 'value="New"' in page


def test_a_block_in_use_is_not_deleted() -> None:
    _, block, _, _ = make_definitions()
    page = sign_in_owner().post(f"{BLOCKS}{block.pk}/delete/", {"post": "yes"}).content.decode()
    assert "would require deleting the following protected" in page
    assert Block.objects.exists()


def test_who_may_only_look_cannot_change() -> None:
    _, block, slot, rule = make_definitions()
    client = sign_in("rules.view_block", "rules.view_slot", "rules.view_rule")
    for name, pk in (("block", block.pk), ("slot", slot.pk), ("rule", rule.pk)):
        assert client.get(f"/admin/rules/{name}/{pk}/change/").status_code == 200
        assert client.post(f"/admin/rules/{name}/{pk}/change/", {"name": "x"}).status_code == 403
        assert client.post(f"/admin/rules/{name}/{pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("page", ["rule", "slot", "block"])
def test_a_long_list_costs_no_more_queries(page: str, django_assert_max_num_queries: Any) -> None:
    _, block, slot, _ = make_definitions()
    for number in range(60):
        Rule.objects.create(slug=f"r{number}", name=f"R{number}", slot=slot, block=block)
    client = sign_in_owner()
    with django_assert_max_num_queries(16):
        client.get(f"/admin/rules/{page}/")
    with django_assert_max_num_queries(16):
        client.get(f"/admin/rules/slot/{slot.pk}/change/")
