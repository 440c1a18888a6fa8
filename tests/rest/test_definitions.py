"""Drafts over REST: made, changed by whoever saw the newest, refused with the place of a mistake, gone back to."""

from typing import Any

import pytest

from rules.models import Block, Offer, Revision, Rule, Slot
from segments.models import Segment
from tests.admin.operators import condition, make_definitions
from tests.rest.conftest import BackEnd, Connect

NEW: dict[str, dict[str, Any]] = {
    "segments": {"name": "Gold", "condition": condition()},
    "blocks": {
        "name": "Thanks",
        "kind": "html",
        "source": "<p>Thank you, {{ profile.traits.name | default: 'you' }}</p>",
    },
    "slots": {"name": "Banner", "channel": "web", "kinds": ["html"]},
    "offers": {"name": "Ten percent", "kind": "points", "points": 10, "every": "day"},
}


@pytest.mark.parametrize("plural", NEW)
def test_a_definition_from_its_beginning_to_its_end(back_end: BackEnd, plural: str) -> None:
    made = back_end.post(plural, {"slug": "one", **NEW[plural]})
    assert (made.status, made.etag) == (201, '"1"')
    assert made.headers["Location"].endswith(f"/api/v1/{plural}/one")
    assert NEW[plural].items() <= made.body.items()
    read = back_end.get(made.headers["Location"])
    assert read.body == made.body
    changed = back_end.put(f"{plural}/one", {**NEW[plural], "name": "Other"}, if_match=read.etag)
    assert (changed.status, changed.etag, changed.body["name"]) == (200, '"2"', "Other")
    patched = back_end.patch(f"{plural}/one", {"name": "Third"}, if_match=changed.etag)
    assert {**patched.body, **NEW[plural]} == {**patched.body, **NEW[plural]}
    assert {**NEW[plural], "name": "Third"}.items() <= patched.body.items()
    assert [each["slug"] for each in back_end.get(plural).items] == ["one"]
    assert back_end.delete(f"{plural}/one", if_match=patched.etag).status == 204
    assert back_end.get(f"{plural}/one").code == "not_found"
    assert [each["version"] for each in back_end.get(f"{plural}/one/revisions").items] == [4, 3, 2, 1]
    restored = back_end.post(f"{plural}/one/revisions/2/restore")
    assert (restored.status, restored.body["name"], restored.etag) == (200, "Other", '"5"')


def test_a_rule_says_all_that_a_rule_can(back_end: BackEnd) -> None:
    make_definitions()
    Offer.objects.create(slug="points", name="Points", kind="points", points=5)
    said = {
        "name": "Gold in autumn",
        "slot": "hero",
        "block": "thanks",
        "priority": 7,
        "condition": {"v": 1, "root": {"id": "in", "kind": "segment", "segment": "gold"}},
        "starts": "2026-11-27T08:00:00+01:00",
        "ends": "2026-11-30T00:00:00+01:00",
        "zone": "Europe/Berlin",
        "weight": 2,
        "caps": [{"most": 3, "per": "day", "of": "person"}],
        "purpose": "marketing",
        "offer": "points",
        "live": False,
    }
    made = back_end.post("rules", {"slug": "autumn", **said})
    assert made.status == 201
    assert said.items() <= made.body.items()
    assert "gold" in made.body["words"]
    assert back_end.get("rules", slot="hero").items[0]["slug"] == "autumn"
    assert back_end.get("rules", slot="nowhere").items == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_nobody_writes_over_what_they_have_not_seen(back_end: BackEnd, method: str) -> None:
    tag = back_end.post("slots", {"slug": "hero", "name": "Hero"}).etag
    back_end.put("slots/hero", {"name": "Changed"}, if_match=tag)
    body = None if method == "DELETE" else {"name": "Mine"}
    assert back_end.call(method, "slots/hero", body).code == "if_match_missing"
    for said in (tag, 'W/"2"', "2", '"3"'):
        late = back_end.call(method, "slots/hero", body, {"if_match": said})
        assert (late.status, late.code) == (412, "version_mismatch")
    assert Slot.objects.get().name == "Changed"
    assert back_end.call(method, "slots/hero", body, {"if_match": '"1", "2"'}).status in (200, 204)


def test_who_wants_to_can_write_over_anything(back_end: BackEnd) -> None:
    back_end.post("slots", {"slug": "hero", "name": "Hero"})
    assert back_end.put("slots/hero", {"name": "Mine"}, if_match="*").body["name"] == "Mine"
    assert back_end.put("slots/nowhere", {"name": "Mine"}, if_match="*").code == "not_found"


def test_what_has_not_changed_is_not_sent_again(back_end: BackEnd) -> None:
    tag = back_end.post("slots", {"slug": "hero", "name": "Hero"}).etag
    again = back_end.call("GET", "slots/hero", headers={"if_none_match": tag})
    assert (again.status, again.body, again.etag) == (304, None, tag)
    assert back_end.call("GET", "slots/hero", headers={"if_none_match": '"7"'}).status == 200


def test_saying_the_same_makes_no_version(back_end: BackEnd) -> None:
    tag = back_end.post("slots", {"slug": "hero", "name": "Hero"}).etag
    assert back_end.put("slots/hero", {"name": "Hero"}, if_match=tag).etag == tag
    assert Revision.objects.count() == 1


@pytest.mark.parametrize(
    ("plural", "body", "errors"),
    [
        ("slots", {}, [("/slug", "invalid")]),
        ("slots", [], [("", "not_an_object")]),
        ("slots", {"slug": "a b", "name": "X"}, [("/slug", "invalid")]),
        ("slots", {"slug": "x"}, [("/name", "required")]),
        ("slots", {"slug": "x", "name": ["X"]}, [("/name", "invalid")]),
        ("slots", {"slug": "x", "name": "X", "kinds": 3}, [("/kinds", "not_a_list")]),
        ("slots", {"slug": "x", "name": "X", "kinds": ["html", "video"]}, [("/kinds/1", "invalid_choice")]),
        ("slots", {"slug": "x", "name": "X", "colour": "red"}, [("/colour", "unknown_field")]),
        ("slots", {"slug": "x", "name": "X", "default": "nowhere"}, [("/default", "invalid")]),
        ("blocks", {"slug": "x", "name": "X", "kind": "html", "source": "{% if %}"}, [("/source", "invalid")]),
        ("blocks", {"slug": "x", "name": "X", "kind": "json", "source": "{"}, [("/source", "invalid")]),
        ("offers", {"slug": "x", "name": "X", "kind": "points", "points": -1}, [("/points", "min_value")]),
        ("rules", {"slug": "x", "name": "X", "slot": "hero", "block": "nowhere"}, [("/block", "invalid")]),
        ("segments", {"slug": "x", "name": "X"}, [("/condition", "invalid")]),
        ("segments", {"slug": "x", "name": "X", "condition": []}, [("/condition", "not_a_dict")]),
        ("segments", {"slug": "x", "name": "X", "condition": {"v": 2}}, [("/condition", "bad_condition")]),
    ],
)
def test_a_mistake_is_told_with_its_place(
    back_end: BackEnd, plural: str, body: Any, errors: list[tuple[str, str]]
) -> None:
    Slot.objects.create(slug="hero", name="Hero")
    answer = back_end.post(plural, body)
    assert (answer.status, answer.code, answer.errors) == (422, "invalid", errors)


def test_a_mistake_in_a_cap_is_told_with_its_place(back_end: BackEnd) -> None:
    make_definitions()
    said = {
        "slug": "x",
        "name": "X",
        "slot": "hero",
        "block": "thanks",
        "caps": [{"most": 1, "per": "day"}, {"most": 0}],
    }
    assert set(back_end.post("rules", said).errors) == {("/caps/1/most", "min_value"), ("/caps/1/per", "required")}


def test_a_mistake_in_a_condition_is_told_with_its_node(back_end: BackEnd) -> None:
    tree = {
        "v": 1,
        "root": {
            "id": "all",
            "kind": "and",
            "children": [
                {"id": "plan", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"},
                {
                    "id": "deep",
                    "kind": "or",
                    "children": [{"id": "wrong", "kind": "trait", "trait": "x", "op": "like"}],
                },
                {"kind": "trait"},
            ],
        },
    }
    answer = back_end.post("segments", {"slug": "x", "name": "X", "condition": tree})
    told = {each["node"]: each["pointer"] for each in answer.body["errors"]}
    assert told == {
        "wrong": "/condition/root/children/1/children/0",
        "child 3 of all": "/condition/root/children/2",
    }
    assert "unknown operator 'like'" in str(answer.body["errors"])


def test_what_only_a_rule_can_ask_is_refused_of_a_segment(back_end: BackEnd) -> None:
    tree = {"v": 1, "root": {"id": "page", "kind": "context", "field": "page.path", "op": "exists"}}
    [error] = back_end.post("segments", {"slug": "x", "name": "X", "condition": tree}).body["errors"]
    assert (error["pointer"], error["code"]) == ("/condition", "bad_condition")
    assert "a segment is about people" in error["message"]


def test_what_others_need_is_not_removed(back_end: BackEnd) -> None:
    make_definitions()
    answer = back_end.delete("blocks/thanks", if_match="*")
    assert (answer.status, answer.code) == (409, "in_use")
    assert "rule gold-thanks" in answer.body["message"]
    assert Block.objects.count() == 1


def test_revisions_say_what_was_who_and_why(back_end: BackEnd) -> None:
    back_end.post("slots?note=For%20autumn", {"slug": "hero", "name": "Hero"})
    back_end.patch("slots/hero", {"name": "Header"}, if_match="*")
    newest, first = back_end.get("slots/hero/revisions").items
    assert (first["version"], first["note"], first["by"]) == (1, "For autumn", None)
    assert newest["note"].startswith("With secret key ")
    assert back_end.get("slots/hero/revisions/1").body["definition"]["name"] == "Hero"
    assert back_end.get("slots/hero/revisions/9").code == "not_found"
    assert back_end.get("slots/nowhere/revisions").code == "not_found"
    diff = back_end.get("slots/hero/diff").body
    assert (diff["before"], diff["after"]) == (1, 2)
    assert diff["differences"] == [{"field": "name", "before": "Hero", "after": "Header", "lines": []}]
    back = back_end.get("slots/hero/diff", before=2, after=1).body
    assert back["differences"][0]["after"] == "Hero"
    assert back_end.get("slots/hero/diff", before="x").code == "bad_parameter"


def test_what_a_revision_names_and_is_gone_keeps_it_from_coming_back(back_end: BackEnd) -> None:
    back_end.post("blocks", {"slug": "thanks", **NEW["blocks"]})
    back_end.post("slots", {"slug": "hero", "name": "Hero", "default": "thanks"})
    back_end.put("slots/hero", {"name": "Hero"}, if_match="*")
    assert back_end.delete("blocks/thanks", if_match="*").status == 204
    answer = back_end.post("slots/hero/revisions/1/restore")
    assert (answer.code, answer.errors) == ("invalid", [("/default", "invalid")])


@pytest.mark.parametrize("plural", ["segments", "blocks", "slots", "offers", "rules"])
def test_questions_to_the_database_do_not_grow_with_definitions(
    back_end: BackEnd, plural: str, django_assert_num_queries: Any
) -> None:
    asked = {"segments": (3, 3), "slots": (1, 1), "blocks": (1, 1), "offers": (1, 1), "rules": (1, 1)}[plural]
    for start in (0, 5):
        for number in range(start, start + 5):
            block = Block.objects.create(slug=f"x{number}", name="X", source="<p>X</p>")
            slot = Slot.objects.create(slug=f"x{number}", name="X", default=block)
            offer = Offer.objects.create(slug=f"x{number}", name="X")
            Rule.objects.create(slug=f"x{number}", name="X", slot=slot, block=block, offer=offer)
            Segment.objects.create(slug=f"x{number}", name="X", condition=condition())
            back_end.patch(f"{plural}/x0", {"name": f"X {number}"}, if_match="*")
        for path, count in ((plural, asked[0]), (f"{plural}/x0", asked[1]), (f"{plural}/x0/revisions", 1)):
            with django_assert_num_queries(count):
                assert back_end.get(path).status == 200


def test_definitions_leave_as_one_file_and_come_back(back_end: BackEnd) -> None:
    make_definitions()
    file = back_end.get("definitions").body
    assert file["blocks"]["thanks"]["name"] == "Thanks"
    Rule.objects.all().delete()
    file["blocks"]["thanks"]["name"] = "Thank you"
    tried = back_end.post("definitions?dry_run=true", file)
    assert (tried.status, tried.body["stored"]) == (200, False)
    assert {(each["kind"], each["what"]) for each in tried.body["changes"]} == {("block", "changed"), ("rule", "new")}
    assert not Rule.objects.exists()
    assert back_end.post("definitions", file, idempotency_key="k1").body["stored"] is True
    assert back_end.post("definitions", file, idempotency_key="k1").headers["Idempotency-Replayed"] == "true"
    assert Rule.objects.get().block.name == "Thank you"
    back_end.post("publish")
    published = back_end.get("definitions", book=1).body
    assert {kind: published[kind] for kind in ("blocks", "slots", "rules")} == {
        kind: file[kind] for kind in ("blocks", "slots", "rules")
    }
    assert back_end.get("definitions", book=9).code == "not_found"


def test_a_file_with_a_mistake_changes_nothing(back_end: BackEnd) -> None:
    make_definitions()
    file = back_end.get("definitions").body
    file["blocks"]["thanks"]["source"] = "{% if %}"
    file["slots"]["hero"]["name"] = "Changed"
    answer = back_end.post("definitions", file)
    assert (answer.status, answer.code) == (422, "invalid")
    assert any(pointer.startswith("/blocks/thanks") for pointer, _ in answer.errors)
    assert Slot.objects.get().name == "Banner"
    assert back_end.post("definitions", b"{").code == "bad_json"
    assert back_end.post("definitions?prune=perhaps", file).code == "bad_parameter"


def test_a_file_takes_the_scopes_of_all_that_is_in_it(connect: Connect) -> None:
    assert connect("content:read", "content:write").get("definitions").code == "scope_missing"
    assert connect("content:read", "content:write").post("definitions", {"v": 1}).code == "scope_missing"
