"""A condition is tried before it is saved: numbers, people, who would come and go, why one matches, now and then."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from profiles.event import anonymous_key, derive_profile_id
from profiles.profile import Profile, fold
from rules.actions import publish_book
from segments.models import Segment
from tests.admin.operators import condition, only, sign_in
from tests.rosters import end_builds
from tests.segments.archive import store_person
from tests.segments.cases import MEMORY, Case, to_instant

pytestmark = pytest.mark.django_db

PAGE = "/admin/segments/segment/preview/"
KEEN = only(
    kind="and",
    children=[
        {"id": "viewed", "kind": "event", "event": "Product Viewed", "value": 2, "window": {"last": 7, "unit": "days"}},
        {"id": "gold", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"},
    ],
)


def looker() -> Client:
    return sign_in("segments.view_segment", "profiles.view_storedprofile")


def preview(tree: object, **typed: str) -> str:
    page = looker().post(PAGE, {"condition": tree if isinstance(tree, str) else json.dumps(tree), **typed})
    assert page.status_code == 200
    return " ".join(page.content.decode().split())


def store(name: str, *days_ago: float, plan: str | None = None, segments: tuple[str, ...] = ()) -> UUID:
    """Somebody who viewed a product so many days ago, and said their plan five days ago."""
    now = datetime.now(UTC)
    events: list[dict[str, Any]] = [
        {"name": "Product Viewed", "at": instant(now - timedelta(days=days))} for days in days_ago
    ]
    if plan is not None:
        events.append({"name": "", "at": instant(now - timedelta(days=5)), "traits": {"plan": plan}})
    case = Case("", "", {"now": instant(now), "events": events})
    profile = Profile(id=derive_profile_id(anonymous_key(name)), segments=dict.fromkeys(segments, 1))
    for event in case.events:
        profile = fold(profile, event, MEMORY)
    store_person(UUID(profile.id), profile, case.rows)
    return UUID(profile.id)


def instant(at: datetime) -> str:
    return to_instant(int(at.timestamp() * 1000))


def test_numbers_of_the_whole_and_of_every_part() -> None:
    anna = store("anna", 1, 2, plan="gold")
    store("ben", 1, 2, plan="silver")
    store("cleo", 20, plan="gold")
    page = preview(KEEN)
    assert "<strong>1</strong> of 3 people, 33.3 %. Counted exactly." in page
    assert "<td>all of these</td><td>1</td>" in page
    assert page.count("<td>2</td>") == 2
    assert str(anna) in page


def test_who_would_enter_and_leave_is_said_of_a_segment_in_force() -> None:
    Segment.objects.create(slug="gold", name="Gold", condition=condition(value="silver"))
    publish_book(by=None, at=timezone.now(), note="")
    end_builds()
    store("anna", plan="gold")
    store("ben", plan="silver", segments=("gold@1",))
    store("cleo", plan="silver", segments=("gold@1",))
    assert "1 enter and 2 leave" in preview(condition(), slug="gold")
    assert "enter and" not in preview(condition(), slug="another")


def test_why_somebody_matches_or_not() -> None:
    store("anna", 1, 2, plan="silver")
    page = preview(KEEN, person="anna")
    assert "does not match" in page
    assert "<td>yes</td><td>2</td>" in page
    assert "<td>no</td><td>&quot;silver&quot;</td>" in page
    assert "Nobody is known by that id." in preview(KEEN, person="nobody")


def test_as_of_a_past_moment() -> None:
    """Two views a week ago and a plan said since: each is there from its moment on."""
    store("anna", 9, 8, plan="gold")
    then = timezone.localtime() - timedelta(days=4)
    page = preview(KEEN, person="anna", at=then.strftime("%Y-%m-%dT%H:%M:%S"))
    assert "<strong>1</strong> of 1 people" in page
    assert "<td>yes</td><td>&quot;gold&quot;</td>" in page
    earlier = timezone.localtime() - timedelta(days=7)
    page = preview(KEEN, person="anna", at=earlier.strftime("%Y-%m-%dT%H:%M:%S"))
    assert "<strong>0</strong> of 1 people" in page
    assert "<td>no</td><td>not known</td>" in page


def test_a_snapshot_is_previewed_as_of_its_moment() -> None:
    store("anna", 9, 8, plan="gold")
    earlier, later = (timezone.localtime() - timedelta(days=days) for days in (7, 4))
    typed = {"as_of": later.strftime("%Y-%m-%dT%H:%M:%S"), "kind": "snapshot"}
    assert "<strong>1</strong> of 1 people" in preview(KEEN, **typed)
    assert "<strong>0</strong> of 1 people" in preview(KEEN, **{**typed, "kind": "condition"})
    for as_of, people in ((earlier, 0), (later, 1)):
        segment = Segment.objects.create(slug=f"s{people}", name="S", kind="snapshot", condition=KEEN, as_of=as_of)
        page = looker().get(PAGE, {"segment": segment.pk}).content.decode()
        assert f"<strong>{people}</strong>" in page
        assert as_of.strftime("%Y-%m-%dT%H:%M:%S") in page


def test_segments_of_the_past_follow_from_what_defines_them() -> None:
    Segment.objects.create(slug="keen", name="Keen", condition=KEEN)
    publish_book(by=None, at=timezone.now(), note="")
    store("anna", 9, 8, plan="gold")
    then = timezone.localtime() - timedelta(days=4)
    asked = only(kind="segment", segment="keen")
    page = preview(asked, person="anna", at=then.strftime("%Y-%m-%dT%H:%M:%S"))
    assert "<strong>1</strong> of 1 people" in page
    assert "<td>yes</td>" in page
    assert "<strong>0</strong> of 1 people" in preview(asked, person="anna")


def test_what_is_not_remembered_is_warned_of() -> None:
    asked = {"id": "e", "kind": "event", "event": "Product Viewed", "window": {"last": 1, "unit": "days"}}
    page = preview({"v": 1, "root": {**asked, "where": [{"property": "fabric", "op": "is", "value": "wool"}]}})
    assert "fabric of Product Viewed is not indexed" in page
    page = preview({"v": 1, "root": {**asked, "window": {"from": "2001-01-01", "to": "2001-02-01"}}})
    assert "no longer remembered" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"condition": "{"}, "Not JSON: line 1"),
        ({"condition": "[" * 60_000}, "nested too deep"),
        ({"condition": json.dumps(condition(op="resembles"))}, "unknown operator"),
        ({"condition": json.dumps(condition()), "at": "some day"}, "Enter a valid date/time"),
        ({"condition": json.dumps(condition()), "at": "2990-01-01T00:00"}, "still to come"),
        ({"condition": json.dumps(condition()), "person": "x" * 600}, "at most 512 characters"),
    ],
)
def test_what_cannot_be_asked_is_said(typed: dict[str, str], said: str) -> None:
    assert said in preview(typed.pop("condition"), **typed)


def test_a_saved_segment_is_shown_at_once() -> None:
    segment = Segment.objects.create(slug="gold", name="Gold", condition=condition())
    store("anna", plan="gold")
    page = looker().get(PAGE, {"segment": segment.pk}).content.decode()
    assert "<strong>1</strong>" in page
    assert "{\n  &quot;v&quot;: 1,\n  &quot;root&quot;" in page  # to be read
    assert looker().get(PAGE, {"segment": "none"}).status_code == 200


def test_only_who_may_see_people_and_segments() -> None:
    assert sign_in("segments.view_segment").get(PAGE).status_code == 403
    assert sign_in("profiles.view_storedprofile").get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302
