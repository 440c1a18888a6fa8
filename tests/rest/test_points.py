"""Loyalty points over REST: each entry once, never below nothing, told page by page."""

from typing import Any
from uuid import UUID

import pytest

from profiles.clients import Client
from rules.models import PointsEntry
from tests.rest.conftest import BackEnd
from tests.rest.people import ANNA, keep_hot, link_hot, make_profile

POINTS = f"profiles/{ANNA}/points"


@pytest.fixture
def anna(redis_client: Client) -> None:
    keep_hot(redis_client, make_profile(ANNA, user_id="anna"))
    link_hot(redis_client, "u:anna", ANNA)


def test_points_are_added_and_spent_and_the_balance_is_their_sum(back_end: BackEnd, anna: None) -> None:
    added = back_end.post("profiles/u:anna/points/add", {"points": 100, "key": "review-1", "note": "Wrote a review"})
    assert (added.status, added.body["balance"], added.body["entry"]["points"]) == (200, 100, 100)
    spent = back_end.post(f"{POINTS}/spend", {"points": 30, "key": "order-1"})
    assert (spent.body["balance"], spent.body["entry"]["points"]) == (70, -30)
    assert back_end.get("profiles/u:anna/points").body == {"balance": 70}
    entries = back_end.get(f"{POINTS}/entries").items
    assert [(each["key"], each["points"], each["note"]) for each in entries] == [
        ("order-1", -30, ""),
        ("review-1", 100, "Wrote a review"),
    ]


def test_the_same_key_is_one_entry_however_often_it_is_sent(back_end: BackEnd, anna: None) -> None:
    back_end.post(f"{POINTS}/add", {"points": 100, "key": "a"})
    for _ in range(3):
        assert back_end.post(f"{POINTS}/spend", {"points": 60, "key": "b"}).body["balance"] == 40
    assert PointsEntry.objects.count() == 2
    other = back_end.post(f"{POINTS}/spend", {"points": 10, "key": "b"})
    assert (other.status, other.code) == (409, "key_taken")


def test_nobody_spends_more_than_there_is(back_end: BackEnd, anna: None) -> None:
    back_end.post(f"{POINTS}/add", {"points": 10, "key": "a"})
    answer = back_end.post(f"{POINTS}/spend", {"points": 11, "key": "b"})
    assert (answer.status, answer.code) == (409, "not_enough_points")
    assert "there are 10" in answer.body["message"]
    assert back_end.get(POINTS).body == {"balance": 10}


def test_somebody_unknown_has_nothing_and_is_given_nothing(back_end: BackEnd) -> None:
    assert back_end.get("profiles/u:nobody/points").body == {"balance": 0}
    assert back_end.get("profiles/u:nobody/points/entries").items == []
    assert back_end.post("profiles/u:nobody/points/add", {"points": 1, "key": "a"}).code == "not_found"
    assert back_end.post("profiles/u:nobody/points/spend", {"points": 1, "key": "a"}).code == "not_enough_points"
    assert back_end.get("profiles/what/points").code == "not_found"


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({"points": 0, "key": "a"}, [("/points", "min_value")]),
        ({"points": 1_000_000_001, "key": "a"}, [("/points", "max_value")]),
        ({"points": 1, "key": "grant:a"}, [("/key", "invalid")]),
        ({"points": 1, "key": "a\nb"}, [("/key", "invalid")]),
        ({"points": 1, "key": "k" * 121}, [("/key", "max_length")]),
        ({"points": 1}, [("/key", "required")]),
        ({"points": 1, "key": "a", "note": "n" * 201}, [("/note", "max_length")]),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(back_end: BackEnd, anna: None, said: Any, errors: Any) -> None:
    for verb in ("add", "spend"):
        answer = back_end.post(f"{POINTS}/{verb}", said)
        assert (answer.code, answer.errors) == ("invalid", errors)
    assert not PointsEntry.objects.exists()


def test_the_ledger_is_gone_through_page_by_page(back_end: BackEnd, anna: None) -> None:
    for number in range(5):
        back_end.post(f"{POINTS}/add", {"points": 1, "key": str(number)})
    seen, answer = [], back_end.get(f"{POINTS}/entries", limit=2)
    while True:
        seen += [each["key"] for each in answer.items]
        if answer.body["next"] is None:
            break
        answer = back_end.get(answer.body["next"])
    assert seen == ["4", "3", "2", "1", "0"]


def test_questions_to_the_database_do_not_grow_with_entries(
    back_end: BackEnd, anna: None, django_assert_num_queries: Any
) -> None:
    for start in (0, 5):
        for number in range(start, start + 5):
            back_end.post(f"{POINTS}/add", {"points": 1, "key": str(number)})
        for path in (POINTS, f"{POINTS}/entries"):
            with django_assert_num_queries(2):
                assert back_end.get(path).status == 200
    assert set(PointsEntry.objects.values_list("profile_id", flat=True)) == {UUID(ANNA.hex)}
