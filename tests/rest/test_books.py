"""Publishing over REST: now, later, back again; whole or not at all, with every reason."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rules.models import Block, Book, ScheduledPublication
from segments.models import Segment
from tests.admin.operators import condition, make_definitions
from tests.rest.conftest import BackEnd


def test_publishing_and_what_is_in_force(back_end: BackEnd) -> None:
    make_definitions()
    assert back_end.get("books/current").code == "not_found"
    changes = back_end.get("changes").body
    assert changes["book"] is None
    assert {each["what"] for each in changes["changes"]} == {"new"}
    published = back_end.post("publish", {"note": "Hello"})
    assert published.status == 201
    assert (published.body["number"], published.body["note"], published.body["inForce"]) == (1, "Hello", True)
    current = back_end.get("books/current")
    assert current.body["payload"]["rules"][0]["slug"] == "gold-thanks"
    assert back_end.get("books/1").body == current.body
    assert back_end.get("changes").body == {"book": 1, "changes": []}
    assert back_end.post("publish").code == "nothing_to_do"


def test_the_key_is_the_note_of_whoever_leaves_none(back_end: BackEnd) -> None:
    make_definitions()
    assert back_end.post("publish").body["note"].startswith("With secret key ")


def test_every_reason_why_nothing_was_published(back_end: BackEnd) -> None:
    segment, block, *_ = make_definitions()
    Segment.objects.filter(pk=segment.pk).update(condition=condition(op="resembles"))
    Block.objects.filter(pk=block.pk).update(source="{% if %}")
    answer = back_end.post("publish")
    assert (answer.status, answer.code) == (422, "cannot_publish")
    reasons = [each["message"] for each in answer.body["errors"]]
    assert any(reason.startswith("Segment gold: root: unknown operator") for reason in reasons)
    assert any(reason.startswith("Block thanks: Liquid") for reason in reasons)
    assert back_end.get("warnings").body["problems"] == reasons
    assert not Book.objects.exists()


def test_warnings_are_said_before(back_end: BackEnd) -> None:
    segment, *_ = make_definitions()
    Segment.objects.filter(pk=segment.pk).update(live=False)
    said = back_end.get("warnings").body
    assert said["problems"] == []
    assert any("which is not live" in warning for warning in said["warnings"])


def test_going_back(back_end: BackEnd) -> None:
    _, block, *_ = make_definitions()
    back_end.post("publish")
    Block.objects.filter(pk=block.pk).update(source="<p>Thanks!</p>")
    assert back_end.post("publish", {}).body["number"] == 2
    again = back_end.post("books/1/roll-back")
    assert (again.status, again.body["number"], again.body["note"]) == (201, 3, "Back to Book 1")
    assert back_end.get("books/current").body["payload"]["blocks"] == back_end.get("books/1").body["payload"]["blocks"]
    assert back_end.post("books/3/roll-back").code == "nothing_to_do"
    assert back_end.post("books/9/roll-back").code == "not_found"
    assert [each["number"] for each in back_end.get("books").items] == [3, 2, 1]
    assert [each["inForce"] for each in back_end.get("books").items] == [True, False, False]


def test_a_call_that_is_sent_twice_publishes_once(back_end: BackEnd) -> None:
    make_definitions()
    first = back_end.post("publish", {"note": "Once"}, idempotency_key="p1")
    assert back_end.post("publish", {"note": "Once"}, idempotency_key="p1").body == first.body
    assert Book.objects.count() == 1


def test_a_book_is_not_sent_again_until_another_is_in_force(back_end: BackEnd) -> None:
    _, block, *_ = make_definitions()
    back_end.post("publish")
    tag = back_end.get("books/1").etag
    assert back_end.call("GET", "books/1", headers={"if_none_match": tag}).status == 304
    Block.objects.filter(pk=block.pk).update(source="<p>Thanks!</p>")
    back_end.post("publish")
    assert back_end.call("GET", "books/1", headers={"if_none_match": tag}).body["inForce"] is False


def test_publishing_later_and_thinking_better_of_it(back_end: BackEnd) -> None:
    make_definitions()
    at = (timezone.now() + timedelta(days=2)).isoformat()
    made = back_end.post("publications", {"at": at, "note": "Black Friday"})
    assert (made.status, made.body["state"], made.body["note"], made.body["book"]) == (
        *(201, "waiting", "Black Friday"),
        None,
    )
    path = f"publications/{made.body['id']}"
    assert back_end.get(path).body == made.body
    assert [each["id"] for each in back_end.get("publications").items] == [made.body["id"]]
    assert back_end.delete(path).status == 204
    assert back_end.delete(path).code == "nothing_to_do"
    assert back_end.get(path).body["state"] == "cancelled"
    assert back_end.get("publications/99").code == "not_found"


@pytest.mark.parametrize(
    ("at", "code"), [("2020-01-01T00:00:00Z", "cannot_publish"), ("soon", "invalid"), (None, "invalid")]
)
def test_a_moment_that_cannot_be_is_refused(back_end: BackEnd, at: str | None, code: str) -> None:
    make_definitions()
    assert back_end.post("publications", {"at": at}).code == code
    assert not ScheduledPublication.objects.exists()


def test_questions_to_the_database_do_not_grow_with_books(back_end: BackEnd, django_assert_num_queries: Any) -> None:
    _, block, *_ = make_definitions()
    for round in range(2):
        for number in range(3):
            Block.objects.filter(pk=block.pk).update(source=f"<p>{round}{number}</p>")
            later = timezone.now() + timedelta(days=number + 1)
            assert back_end.post("publications", {"at": later.isoformat()}).status == 201
            assert back_end.post("publish").status == 201
        asked = {"books": 2, "books/1": 2, "books/current": 2, "publications": 1, "publications/1": 1}
        first = ScheduledPublication.objects.order_by("pk").values_list("pk", flat=True)[0]
        for path, count in asked.items():
            with django_assert_num_queries(count):
                assert back_end.get(path.replace("publications/1", f"publications/{first}")).status == 200
