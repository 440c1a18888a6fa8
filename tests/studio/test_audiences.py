"""Audiences in the Studio: what the list says, how one is made, saved, compared, restored and removed."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from profiles.models import AuditEntry
from rules.actions import publish_book
from rules.drafts import list_revisions, save_draft
from rules.models import Block, Rule, Slot
from segments.actions import blame_build
from segments.membership import compile_segments
from segments.models import Build, Segment, SegmentSize
from segments.node_changes import compare_conditions
from segments.queries import list_waiting_builds
from segments.starters import STARTERS
from tests.rosters import end_builds
from tests.studio.people import make_user, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]
AUDIENCES = "/studio/audiences/"


def plan(value: str = "gold", **root: Any) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "plan", "kind": "trait", "trait": "plan", "op": "is", "value": value, **root}}


def asking(slug: str) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "in", "kind": "segment", "segment": slug}}


def make(slug: str = "gold", **more: Any) -> Segment:
    said = {"name": slug.replace("-", " ").capitalize(), "condition": plan(), **more}
    segment = Segment(slug=slug, **said)
    save_draft(segment, by=None, at=timezone.now())
    return segment


def make_rule(slug: str, segment: str) -> Rule:
    block, _ = Block.objects.get_or_create(slug="thanks", defaults={"name": "Thanks", "source": "<p>Thanks</p>"})
    slot, _ = Slot.objects.get_or_create(slug="hero", defaults={"name": "Banner"})
    return Rule.objects.create(slug=slug, name=f"Rule {slug}", slot=slot, block=block, condition=asking(segment))


def publish(by: Any = None) -> None:
    publish_book(by=by, at=timezone.now())
    end_builds()


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return " ".join(answer.content.decode().split())


def read(client: Client, path: str = "", **query: str) -> str:
    return text_of(client.get(f"{AUDIENCES}{path}", query))


def form(**said: Any) -> dict[str, Any]:
    fields = {"name": "Gold", "description": "", "condition": plan(), "live": "on", "seen_version": "", **said}
    fields["condition"] = (
        json.dumps(fields["condition"]) if isinstance(fields["condition"], dict) else fields["condition"]
    )
    return {field: value for field, value in fields.items() if value is not None}


@pytest.mark.parametrize("starter", STARTERS, ids=[each.slug for each in STARTERS])
def test_each_template_is_a_draft_that_can_be_saved_as_it_is(starter: Any) -> None:
    compile_segments({starter.slug: starter.condition})
    client = sign_in("marketer")
    page = read(client, "new/", **{"from": starter.slug})
    assert str(starter.adapt) in page
    said = form(name=str(starter.name), slug="", condition=starter.condition)
    answer = client.post(f"{AUDIENCES}new/?from={starter.slug}", said)
    segment = Segment.objects.get()
    assert answer["Location"] == f"{AUDIENCES}{segment.slug}/"
    assert (segment.condition, segment.version) == (starter.condition, 1)


def test_a_short_name_is_made_of_the_name_and_is_never_one_of_the_addresses() -> None:
    make("new-visitors")
    client = sign_in("marketer")
    client.post(f"{AUDIENCES}new/?from=blank", form(name="New visitors"))
    client.post(f"{AUDIENCES}new/?from=blank", form(name="New"))
    assert set(Segment.objects.values_list("slug", flat=True)) == {"new-visitors", "new-visitors-2", "new-2"}
    page = text_of(client.post(f"{AUDIENCES}new/?from=blank", form(name="Typed", slug="removed")), 422)
    assert "The Studio uses this word itself" in page and 'value="Typed"' in page


def test_a_condition_that_is_none_is_refused_with_the_reason_and_what_was_typed_stays() -> None:
    make()
    client = sign_in("marketer")
    page = text_of(
        client.post(f"{AUDIENCES}gold/", form(name="Golden", condition='{"v": 1, "root"', seen_version=1)), 422
    )
    assert "Not JSON: line 1" in page
    assert 'value="Golden"' in page and "{&quot;v&quot;: 1, &quot;root&quot;" in page
    assert Segment.objects.get().name == "Gold"


def test_saving_keeps_a_revision_and_the_trail_says_who() -> None:
    make()
    client = sign_in("marketer", name="tom")
    page = text_of(client.post(f"{AUDIENCES}gold/", form(condition=plan("silver"), seen_version=1), follow=True))
    assert "Saved as draft v2." in page and "Draft v2" in page and "Not live" in page
    assert [str(each.by) for each in list_revisions("segment", "gold")] == ["tom", "None"]
    assert AuditEntry.objects.filter(kind="segment", subject="gold", actor="tom", act="changed").count() == 1
    again = client.post(f"{AUDIENCES}gold/", form(condition=plan("silver"), seen_version=2), follow=True)
    assert "There was nothing to save" in text_of(again)


def test_the_second_of_two_editors_is_told_and_may_still_save() -> None:
    make()
    first, second = sign_in("marketer", name="tom"), sign_in("marketer", name="anna")
    first.post(f"{AUDIENCES}gold/", form(name="Toms gold", seen_version=1))
    page = text_of(second.post(f"{AUDIENCES}gold/", form(name="Annas gold", seen_version=1)), 422)
    assert "It was changed meanwhile: name, by tom" in page
    assert 'value="Annas gold"' in page and "Save mine all the same" in page
    assert Segment.objects.get().name == "Toms gold"
    assert second.post(f"{AUDIENCES}gold/", form(name="Annas gold", seen_version=["1", "2"])).status_code == 302
    assert Segment.objects.get().name == "Annas gold"


def test_the_head_says_what_is_live_and_how_far_the_draft_is_from_it() -> None:
    both: dict[str, Any] = {
        "v": 1,
        "root": {"id": "all", "kind": "and", "children": [plan()["root"], plan("DE", id="two")["root"]]},
    }
    make(condition=both)
    publish(make_user("publisher", name="tom"))
    client = sign_in("marketer")
    page = read(client, "gold/")
    assert "Live: v1 by tom, " in page
    both["root"]["children"][0]["value"] = "silver"
    both["root"]["children"][1] = plan("FR", id="three")["root"]
    client.post(f"{AUDIENCES}gold/", form(name="Silver", condition=both, seen_version=1))
    page = read(client, "gold/")
    assert "Draft v2" in page and "Live: v1 by tom, " in page and "4 changes" in page
    page = read(client, "gold/compare/")
    assert '<del class="quiet">plan is “gold”</del> → plan is “silver”' in page
    assert "plan is “DE”" in page and "plan is “FR”" in page
    assert '<del class="quiet">Gold</del>' in page and "Silver</ins>" in page


def test_parts_of_conditions_are_told_apart_by_their_ids() -> None:
    one, two = plan()["root"], plan("DE", id="two")["root"]
    group = {"v": 1, "root": {"id": "all", "kind": "and", "children": [one, two]}}
    other = {"v": 1, "root": {"id": "all", "kind": "or", "children": [{"id": "no", "kind": "not", "children": [one]}]}}
    assert [(each.what, each.before, each.after) for each in compare_conditions(group, other)] == [
        ("changed", "all of these", "any of these"),
        ("moved", "plan is “gold”", "plan is “gold”"),
        ("removed", "plan is “DE”", ""),
    ]
    assert compare_conditions(group, group) == compare_conditions(group, {"v": 9}) == []


def test_history_compares_any_two_and_goes_back_to_one() -> None:
    make()
    client = sign_in("marketer", name="tom")
    for version, value in ((1, "silver"), (2, "bronze")):
        client.post(f"{AUDIENCES}gold/", form(condition=plan(value), seen_version=version))
    page = read(client, "gold/history/")
    assert page.index("Version 3") < page.index("Version 2") < page.index("Version 1") < page.index("Made.")
    assert '<del class="quiet">plan is “silver”</del> → plan is “bronze”' in page
    assert '<del class="quiet">plan is “gold”</del> → plan is “bronze”' in read(client, "gold/compare/", a="3", b="1")
    page = text_of(client.post(f"{AUDIENCES}gold/restore/1/", follow=True))
    assert "says again what it said in version 1" in page
    assert (Segment.objects.get().condition, Segment.objects.get().version) == (plan(), 4)
    for wrong in ("9", "x", "1" * 40):
        assert client.get(f"{AUDIENCES}gold/compare/", {"a": wrong}).status_code == 404
    assert client.get(f"{AUDIENCES}gold/compare/", {"a": "live"}).status_code == 404


def test_what_is_used_is_not_removed_and_what_was_removed_comes_back() -> None:
    make()
    make_rule("golden", "gold")
    make("both", condition=asking("gold"))
    client = sign_in("marketer")
    page = text_of(client.post(f"{AUDIENCES}gold/remove/", {"seen_version": "1"}, follow=True))
    assert "Nothing was removed" in page and "Rule golden" in page and ">Both<" in page
    client.post(f"{AUDIENCES}both/remove/", {"seen_version": "7"})
    assert Segment.objects.filter(slug="both").exists()  # somebody has changed it since
    page = text_of(client.post(f"{AUDIENCES}both/remove/", {"seen_version": "1"}, follow=True))
    assert "“Both” is removed." in page and "Restore Both" in page
    assert AuditEntry.objects.filter(subject="both", act="removed").count() == 1
    client.post(f"{AUDIENCES}both/restore/1/")
    assert Segment.objects.get(slug="both").condition == asking("gold")
    assert "Nothing was removed" in read(client, "removed/")


def test_the_list_says_how_each_stands_and_is_searched_filtered_and_sorted() -> None:
    make("steady"), make("changed"), make("failed"), make("leaving")
    publish()
    make("draft"), make("off", live=False), make("filling")
    changed, leaving = Segment.objects.get(slug="changed"), Segment.objects.get(slug="leaving")
    changed.condition, leaving.live = plan("silver"), False
    failed = Segment.objects.get(slug="failed")
    failed.condition = plan("bronze")
    for each in (changed, leaving, failed):
        save_draft(each, by=None, at=timezone.now())
    for slug in ("changed", "leaving", "draft", "filling"):
        Segment.objects.filter(slug=slug).update(live=False)
    Segment.objects.filter(slug="leaving").update(live=True)
    Segment.objects.filter(slug="changed").update(live=True, condition=plan())
    publish_book(by=None, at=timezone.now())
    (build,) = list_waiting_builds()
    for _ in range(5):
        blame_build(build, "The disk is full.", at=timezone.now())
    Segment.objects.filter(slug="filling").update(live=True)
    publish_book(by=None, at=timezone.now())
    Segment.objects.filter(slug="changed").update(condition=plan("silver"))
    Segment.objects.filter(slug="leaving").update(live=False)
    Segment.objects.filter(slug="draft").update(live=True)
    client = sign_in("viewer")
    with_status = {
        status: [
            slug
            for slug in ("steady", "changed", "failed", "leaving", "draft", "off", "filling")
            if f"/{slug}/" in page
        ]
        for status in ("live", "changed", "leaving", "draft", "off", "filling")
        if (page := read(client, "", status=status))
    }
    assert with_status == {
        "live": ["steady"],
        "changed": ["changed", "leaving"],
        "leaving": ["leaving"],
        "draft": ["draft"],
        "off": ["off"],
        "filling": ["failed", "filling"],
    }
    assert [f"/{slug}/" in read(client, "", q="stea") for slug in ("steady", "changed")] == [True, False]
    assert "Nothing like that" in read(client, "", kind="list")
    SegmentSize.objects.create(segment="steady", version=1, hour=timezone.now(), size=4812)
    page = read(client, "", sort="-size")
    assert "4,812" in page


def test_a_failed_build_is_said_and_is_tried_again_by_those_who_publish() -> None:
    make()
    publish_book(by=None, at=timezone.now())
    (build,) = list_waiting_builds()
    assert "Cancel the filling" in read(sign_in("publisher"), "gold/build/")
    marketer, publisher = sign_in("marketer"), sign_in("publisher", name="tom")
    assert "Cancel the filling" not in read(marketer, "gold/build/")
    assert marketer.post(f"{AUDIENCES}gold/build/{build.pk}/cancel/").status_code == 403
    publisher.post(f"{AUDIENCES}gold/build/{build.pk}/cancel/")
    assert Build.objects.get().state == Build.State.CANCELLED
    page = read(publisher, "gold/build/")
    assert "The filling was cancelled" in page and "Cancelled by tom." in page and "Try again" in page
    assert ">Failed<" in read(publisher, "").replace(" ", "")
    publisher.post(f"{AUDIENCES}gold/build/{build.pk}/again/")
    assert list(Build.objects.order_by("pk").values_list("state", flat=True)) == ["cancelled", "queued"]
    acts = AuditEntry.objects.filter(actor="tom").order_by("pk").values_list("act", "subject")
    assert list(acts) == [("cancelled", "gold"), ("started", "gold")]


def test_the_questions_of_the_list_do_not_grow_with_its_rows() -> None:
    client = sign_in("owner")
    counted = []
    for number in range(25):
        make(f"audience-{number}")
        if number in (2, 24):
            publish()
            make_rule(f"rule-{number}", f"audience-{number}")
            with CaptureQueriesContext(connection) as asked:
                read(client, "")
            counted.append(len(asked))
    assert counted[0] == counted[1]


def test_a_viewer_reads_and_does_not_write() -> None:
    make()
    client = sign_in("viewer")
    page = read(client, "gold/")
    assert "plan is “gold”" in page and "<textarea" not in page and "Who came and went" not in page
    assert client.post(f"{AUDIENCES}gold/", form(name="Mine", seen_version=1)).status_code == 403
    assert "New audience" not in read(client, "")
    assert Segment.objects.get().name == "Gold"


def test_a_copy_starts_as_what_it_is_of() -> None:
    make()
    client = sign_in("marketer")
    assert 'value="Gold, a copy"' in read(client, "new/", copy="gold")
    client.post(f"{AUDIENCES}new/?copy=gold", form(name="Gold, a copy"))
    assert Segment.objects.get(slug="gold-a-copy").condition == plan()


def test_without_an_audience_the_list_teaches() -> None:
    assert "No audience yet" in read(sign_in("marketer"), "")
