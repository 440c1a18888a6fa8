"""Snapshots in the admin: made with a moment, frozen from a segment, and compared with those of today."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from profiles.event import anonymous_key, derive_profile_id
from profiles.profile import Profile
from rules.actions import publish_book
from segments.kinds import EXAMPLES
from segments.models import Segment
from segments.queries import read_roster
from tests.admin.operators import condition, only, sign_in, sign_in_owner
from tests.rosters import end_builds
from tests.segments.archive import store_person

pytestmark = pytest.mark.django_db
SEGMENTS = "/admin/segments/segment/"


def address(segment: Segment, page: str) -> str:
    return f"{SEGMENTS}{segment.pk}/{page}/"


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def publish() -> None:
    publish_book(by=None, at=timezone.now())
    end_builds()


def store(name: str, *keys: str) -> None:
    profile = Profile(id=derive_profile_id(anonymous_key(name)), segments=dict.fromkeys(keys, 1))
    store_person(UUID(profile.id), profile, [])


@pytest.fixture
def gold() -> Segment:
    return Segment.objects.create(slug="gold", name="Gold", condition=condition())


def test_a_segment_is_frozen_as_of_now_or_of_a_past_moment(gold: Segment) -> None:
    client = sign_in("segments.view_segment", "segments.add_segment")
    before = timezone.now() - timedelta(seconds=1)
    assert "Gold, " in text_of(client.get(address(gold, "freeze")))
    page = text_of(client.post(address(gold, "freeze"), {"name": "Gold then", "as_of": ""}, follow=True))
    assert "Gold then is saved as a draft; its people are looked for once it is published." in page
    frozen = Segment.objects.get(slug="gold-then")
    assert frozen.as_of is not None
    assert before < frozen.as_of <= timezone.now()
    assert (frozen.kind, frozen.condition, frozen.frozen_from) == ("snapshot", gold.condition, gold)
    client.post(address(gold, "freeze"), {"name": "Gold then", "as_of": "2026-05-01T12:00"})
    other = Segment.objects.get(slug="gold-then-2")
    assert other.as_of is not None
    assert timezone.localtime(other.as_of).isoformat().startswith("2026-05-01T12:00:00")


def test_the_people_of_a_list_are_frozen_as_they_are_when_it_is_published() -> None:
    team = Segment.objects.create(slug="team", name="Team", kind="list")
    client = sign_in_owner()
    assert "a list has no past" in text_of(client.get(address(team, "freeze")))
    client.post(address(team, "freeze"), {"name": "Team then", "as_of": "2026-05-01"})
    frozen = Segment.objects.get(slug="team-then")
    assert frozen.as_of is None
    assert frozen.condition == only(kind="segment", segment="team", id="list")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 200}, "at most 120 characters"),
        ({"name": "Then", "as_of": "2990-01-01T00:00"}, "That is still to come; choose a past moment"),
        ({"name": "Then", "as_of": "1969-12-31T23:59:59"}, "choose a moment after 1970"),
        ({"name": "Then", "as_of": "0001-01-01T00:00"}, "choose a moment after 1970"),
        ({"name": "Then", "as_of": "9999-12-31T23:59"}, "That is still to come"),
        ({"name": "Then", "as_of": "some day"}, "Enter a valid date/time."),
        ({"name": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_frozen_is_said(gold: Segment, typed: dict[str, str], said: str) -> None:
    assert said in text_of(sign_in_owner().post(address(gold, "freeze"), typed))
    assert Segment.objects.count() == 1


def test_names_without_a_letter_of_a_slug_and_long_names_are_frozen_too(gold: Segment) -> None:
    client = sign_in_owner()
    for name in ("猫", "猫", "x" * 120):
        client.post(address(gold, "freeze"), {"name": name})
    assert set(Segment.objects.exclude(pk=gold.pk).values_list("slug", flat=True)) == {
        "snapshot",
        "snapshot-2",
        "x" * 59,
    }


@pytest.mark.parametrize("kind", ["snapshot", "cluster", "lookalike"])
def test_what_has_no_past_is_not_frozen(gold: Segment, kind: str) -> None:
    Segment.objects.filter(pk=gold.pk).update(kind=kind)
    client = sign_in_owner()
    assert ">Freeze</a>" not in text_of(client.get(address(gold, "change")))
    page = text_of(client.post(address(gold, "freeze"), {"name": "Then"}, follow=True))
    assert "it cannot be frozen" in page
    assert Segment.objects.count() == 1


def save(**fields: str) -> str:
    form = {"name": "Then", "slug": "then", "kind": "snapshot", "description": "", "live": "on"}
    typed = '{"v": 1, "root": {"id": "a", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}}'
    return text_of(sign_in_owner().post(f"{SEGMENTS}add/", {**form, "condition": typed, **fields}, follow=True))


def test_a_snapshot_is_made_with_a_moment_or_that_of_its_publishing() -> None:
    assert "was added successfully" in save(as_of="2026-05-01T12:00")
    segment = Segment.objects.get()
    assert segment.as_of is not None
    assert "plan is “gold”, as of 1 May 2026, 12:00:00" in text_of(sign_in_owner().get(SEGMENTS))
    assert "was added successfully" in save(slug="now", as_of="")
    assert Segment.objects.get(slug="now").as_of is None
    assert "plan is “gold”, as of the moment of publishing" in text_of(sign_in_owner().get(SEGMENTS))


def test_a_moment_that_is_still_to_come_is_refused() -> None:
    assert "That is still to come" in save(as_of="2990-01-01T12:00")
    assert "This field is required." in save(condition="")
    assert not Segment.objects.exists()


def test_a_moment_means_nothing_to_other_kinds() -> None:
    save(kind="condition", as_of="2026-05-01T12:00")
    assert Segment.objects.get().as_of is None


def test_saving_a_snapshot_again_as_it_is_changes_nothing_of_it(gold: Segment) -> None:
    client = sign_in_owner()
    client.post(address(gold, "freeze"), {"name": "Then"})
    frozen = Segment.objects.get(slug="then")
    form = client.get(address(frozen, "change")).context["adminform"].form
    typed = {name: form[name].value() for name in form.fields}
    typed["as_of"] = form["as_of"].as_widget().split('value="')[1].split('"')[0]
    client.post(address(frozen, "change"), {**typed, "live": "on", "name": "Renamed"})
    again = Segment.objects.get(slug="then")
    assert (again.name, again.as_of, again.condition) == ("Renamed", frozen.as_of, frozen.condition)
    assert (again.kind, again.frozen_from) == ("snapshot", gold)


def test_the_cohort_of_then_is_compared_with_those_of_today(gold: Segment) -> None:
    then = Segment.objects.create(
        slug="then", name="Gold then", kind="snapshot", condition=condition(), as_of=timezone.now(), frozen_from=gold
    )
    Segment.objects.create(slug="keen", name="Keen", condition=condition(value="keen"))
    client = sign_in("segments.view_segment")
    assert "is not in force yet" in text_of(client.get(address(then, "compare")))
    publish()
    for number in range(4):
        store(f"stayed-{number}", "then@1", "gold@1")
    store("gone", "then@1", "keen@1")
    store("came", "gold@1")
    store("other", "keen@1")
    page = text_of(client.get(address(then, "compare")))
    assert "5 people then (" in page
    assert "<strong>4</strong> (80.0 %) are in Gold today, and <strong>1</strong> is not." in page
    assert "<strong>1</strong> came newly since." in page
    page = text_of(client.get(address(then, "compare"), {"with": "keen"}))
    assert "<strong>1</strong> (20.0 %) is in Keen today, and <strong>4</strong> are not." in page
    for asked in ("none", "then", "\0"):
        assert "is not in force; choose another segment" in text_of(
            client.get(address(then, "compare"), {"with": asked})
        )


def test_without_another_segment_there_is_nothing_to_compare_with() -> None:
    then = Segment.objects.create(slug="then", name="Then", kind="snapshot", condition=condition())
    publish()
    assert "No other segment is in force" in text_of(sign_in_owner().get(address(then, "compare")))


def test_only_snapshots_are_compared(gold: Segment) -> None:
    assert "is no snapshot; freeze it" in text_of(sign_in_owner().get(address(gold, "compare"), follow=True))


def test_pages_of_snapshots_need_permissions(gold: Segment) -> None:
    viewer = sign_in("segments.view_segment")
    for method in (viewer.get, viewer.post):
        assert method(address(gold, "freeze")).status_code == 403
    assert sign_in("segments.add_segment").get(address(gold, "compare")).status_code == 403
    assert Client().post(address(gold, "freeze")).status_code == 302
    assert Segment.objects.count() == 1


@pytest.mark.parametrize("kind", ["cluster", "lookalike"])
def test_models_fill_what_asks_for_what_they_say(kind: str) -> None:
    page = save(kind=kind)
    assert f"the root of a {kind}&#x27;s condition is of the kind {kind}, such as {{" in page
    assert not Segment.objects.exists()
    asked = json.dumps({"v": 1, "root": EXAMPLES[kind]})
    assert "was added successfully" in save(kind=kind, condition=asked)
    segment = Segment.objects.get()
    page = text_of(sign_in_owner().get(address(segment, "change")))
    assert "Models fill it later" in page
    publish()
    assert read_roster().answers == {"then": "then@1"}


def test_a_segment_keeps_its_kind(gold: Segment) -> None:
    form = {"name": "Gold", "kind": "list", "description": "", "live": "on"}
    typed = condition(value="silver")
    sign_in_owner().post(address(gold, "change"), {**form, "condition": json.dumps(typed)})
    gold.refresh_from_db()
    assert (gold.kind, gold.condition) == ("condition", typed)


def test_a_kind_that_is_none_is_refused() -> None:
    assert "Select a valid choice." in save(kind="group")
    assert not Segment.objects.exists()


def test_before_publishing_it_is_said_what_a_book_cannot_have_or_would_not_do(gold: Segment) -> None:
    Segment.objects.create(slug="then", name="Then", kind="snapshot")
    Segment.objects.create(slug="like", name="Like", kind="lookalike", condition=condition())
    Segment.objects.create(slug="team", name="Team", kind="list")
    clusters = only(kind="cluster", op="exists")
    Segment.objects.create(slug="past", name="Past", kind="snapshot", condition=clusters, as_of="2026-05-01T10:00Z")
    page = text_of(sign_in_owner().get("/admin/rules/book/publish/"))
    assert "Segment then: a snapshot needs a condition; write one" in page
    assert "Segment like: the root of a lookalike&#x27;s condition is of the kind lookalike" in page
    assert "The list team has nobody: upload a file with their ids." in page
    assert "Snapshot past asks for clusters or scores, of which no past is kept" in page
    assert "Segment: uploaded list" in page
    assert "Segment: snapshot of a moment, as of 1 May 2026, 10:00:00" in page


def test_a_moment_that_was_changed_is_one_of_the_changes(gold: Segment) -> None:
    segment = Segment.objects.create(slug="then", name="Then", kind="snapshot", condition=condition())
    publish()
    Segment.objects.filter(pk=segment.pk).update(as_of="2026-05-01T10:00Z")
    Segment.objects.filter(pk=gold.pk).update(kind="cluster", condition=only(kind="cluster", op="exists"))
    page = text_of(sign_in_owner().get("/admin/rules/book/publish/"))
    assert "changed: as of the moment of publishing, now 1 May 2026, 10:00:00" in page
    assert "changed: condition; kind, from condition to cluster" in page
