"""Segments over REST: which version answers, how many people there are, and who."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from segments.models import Segment, SegmentSize
from tests.admin.operators import condition
from tests.rest.conftest import BackEnd
from tests.rest.people import AT, NOW, keep, make_profile, name_answers

HOUR = AT.replace(minute=0, second=0, microsecond=0)


def fill(count: int) -> None:
    for number in range(count):
        segments = {"gold@2": NOW + number} if number % 2 == 0 else {"gold@1": NOW}
        keep(make_profile(UUID(int=number + 1), user_id=f"u{number}", segments=segments))


def test_a_segment_says_which_version_answers_and_how_many_people_it_has(back_end: BackEnd) -> None:
    Segment.objects.create(slug="gold", name="Gold", condition=condition())
    Segment.objects.create(slug="new", name="New", condition=condition())
    name_answers(gold="gold@2")
    for version, hour, size in ((1, 0, 99), (2, 0, 7), (2, 1, 5)):
        SegmentSize.objects.create(segment="gold", version=version, hour=HOUR - timedelta(hours=hour), size=size)
    gold, new = back_end.get("segments").items
    assert (gold["answers"], gold["coming"], gold["people"]) == (2, None, 7)
    assert (new["answers"], new["people"]) == (None, None)
    size = back_end.get("segments/gold/size").body
    assert (size["version"], size["people"], [each["people"] for each in size["hours"]]) == (2, 7, [7, 5])
    assert back_end.get("segments/new/size").body == {"version": None, "people": None, "hours": []}
    assert back_end.get("segments/nowhere/size").code == "not_found"


def test_the_members_are_those_of_the_version_that_answers(back_end: BackEnd) -> None:
    Segment.objects.create(slug="gold", name="Gold", condition=condition())
    assert back_end.get("segments/gold/members").items == []
    name_answers(gold="gold@2")
    fill(7)
    seen, answer = [], back_end.get("segments/gold/members", limit=3)
    assert answer.items[0] == {"id": UUID(int=1).hex, "userId": "u0", "since": "2027-01-15T08:00:00Z"}
    while True:
        seen += [each["userId"] for each in answer.items]
        if answer.body["next"] is None:
            break
        answer = back_end.get(answer.body["next"])
    assert seen == ["u0", "u2", "u4", "u6"]
    assert back_end.get("segments/nowhere/members").code == "not_found"


def test_looking_for_members_is_bounded(back_end: BackEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("personalization.paging.WALKED", 2)
    name_answers(gold="gold@2")
    fill(5)
    seen, pages, answer = [], 1, back_end.get("segments/gold/members")
    while answer.body["next"] is not None:
        seen += [each["userId"] for each in answer.items]
        answer, pages = back_end.get(answer.body["next"]), pages + 1
    seen += [each["userId"] for each in answer.items]
    assert (seen, pages) == (["u0", "u2", "u4"], 3)


def test_the_kind_of_a_segment_stays(back_end: BackEnd) -> None:
    Segment.objects.create(slug="vips", name="VIPs", kind="list")
    answer = back_end.put(
        "segments/vips", {"name": "VIPs", "kind": "condition", "condition": condition()}, if_match="*"
    )
    assert answer.errors == [("/kind", "invalid")]


def test_questions_to_the_database_do_not_grow_with_members(back_end: BackEnd, django_assert_num_queries: Any) -> None:
    name_answers(gold="gold@2")
    fill(4)
    for path, count in (("segments/gold/members", 3), ("segments/gold/size", 2)):
        with django_assert_num_queries(count):
            assert back_end.get(path).status == 200
