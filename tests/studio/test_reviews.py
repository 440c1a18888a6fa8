"""Reviews: a marketer asks, a publisher looks and answers, and only what was looked at is published."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from profiles.models import AuditEntry
from rules.models import Book, Rule, Slot
from studio.models import Review
from tests.admin.operators import make_definitions
from tests.studio.people import sign_in
from tests.studio.seen import text_of
from tests.studio.test_publish import publish, seen_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]


def ask(client: Client, note: str = "For Monday") -> Review:
    answer = client.post("/studio/publish/reviews/ask/", {"note": note, "seen": seen_of(client)})
    assert answer.status_code == 302, text_of(answer)
    return Review.objects.get(pk=int(answer["Location"].rstrip("/").rpartition("/")[2]))


def seen_in(page: Any) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page.content.decode())
    assert found is not None
    return found[1]


def approve(client: Client, review: Review, seen: str = "", comment: str = "") -> Any:
    seen = seen or seen_in(client.get(f"/studio/publish/reviews/{review.pk}/"))
    return client.post(f"/studio/publish/reviews/{review.pk}/approve/", {"seen": seen, "comment": comment})


def test_a_marketer_asks_and_a_publisher_approves() -> None:
    make_definitions()
    maria, paula = sign_in("marketer", name="maria"), sign_in("publisher", name="paula")
    assert "Ask for review" in text_of(maria.get("/studio/publish/"))
    review = ask(maria)
    assert text_of(paula.get("/studio/publish/waiting/")).strip().startswith("1")
    assert text_of(maria.get("/studio/publish/waiting/")).strip() == ""
    assert "maria asks for review" in text_of(paula.get("/studio/publish/"))
    page = text_of(paula.get(f"/studio/publish/reviews/{review.pk}/"))
    assert "For Monday" in page and "New Gold plan" in page
    answer = approve(paula, review, comment="Nice")
    assert answer["Location"] == "/studio/publish/books/1/"
    review.refresh_from_db()
    book = Book.objects.get()
    assert (review.state, str(review.decided_by), review.book, book.note) == ("approved", "paula", book, "For Monday")
    page = text_of(maria.get(f"/studio/publish/reviews/{review.pk}/"))
    assert "Approved by paula" in page and "Nice" in page
    acts = AuditEntry.objects.filter(kind="review").order_by("pk").values_list("act", "actor", "note")
    assert list(acts) == [("asked", "maria", "For Monday"), ("approved", "paula", "Nice")]


def test_drafts_that_moved_are_shown_before_they_are_approved() -> None:
    *_, rule = make_definitions()
    maria, paula = sign_in("marketer"), sign_in("publisher")
    review = ask(maria)
    seen = seen_in(paula.get(f"/studio/publish/reviews/{review.pk}/"))
    Rule.objects.filter(pk=rule.pk).update(priority=9)
    answer = approve(paula, review, seen)
    page = text_of(answer)
    assert answer.status_code == 422 and not Book.objects.exists()
    assert "Changed since it was asked for" in page and "Priority was 0" in page
    assert approve(paula, review, seen_in(answer)).status_code == 302
    assert Book.objects.get().payload["rules"][0]["priority"] == 9


def test_declined_with_a_comment_that_the_asker_reads() -> None:
    make_definitions()
    maria, paula = sign_in("marketer"), sign_in("publisher", name="paula")
    review = ask(maria)
    where = f"/studio/publish/reviews/{review.pk}/"
    assert paula.post(f"{where}decline/", {"comment": ""}).status_code == 422
    paula.post(f"{where}decline/", {"comment": "The banner is too loud"})
    page = text_of(maria.get(where))
    assert "Declined by paula" in page and "The banner is too loud" in page
    assert approve(paula, review, "0" * 64).status_code == 422
    assert not Book.objects.exists()
    assert AuditEntry.objects.filter(act="declined", actor="paula", note="The banner is too loud").exists()


def test_only_the_asker_withdraws() -> None:
    make_definitions()
    maria, other = sign_in("marketer"), sign_in("marketer")
    review = ask(maria)
    other.post(f"/studio/publish/reviews/{review.pk}/withdraw/")
    review.refresh_from_db()
    assert review.state == "waiting"
    maria.post(f"/studio/publish/reviews/{review.pk}/withdraw/")
    review.refresh_from_db()
    assert review.state == "withdrawn"
    assert maria.post(f"/studio/publish/reviews/{review.pk}/withdraw/").status_code == 302


def test_the_same_is_asked_once_and_a_new_question_takes_the_place_of_the_old_one() -> None:
    make_definitions()
    maria, other = sign_in("marketer", name="maria"), sign_in("marketer")
    first = ask(maria)
    answer = other.post("/studio/publish/reviews/ask/", {"note": "Mine"})
    assert answer.status_code == 422 and "maria has asked for the same already" in text_of(answer)
    Slot.objects.update(name="Other")
    ask(maria)
    first.refresh_from_db()
    assert first.state == "withdrawn" and Review.objects.filter(state="waiting").count() == 1


def test_nobody_approves_their_own_while_somebody_else_could() -> None:
    make_definitions()
    paula = sign_in("publisher")
    review = ask(paula)
    assert "Approve and publish" in text_of(paula.get(f"/studio/publish/reviews/{review.pk}/"))
    sign_in("publisher")
    seen = seen_of(paula)
    assert "a second pair of eyes" in text_of(paula.get(f"/studio/publish/reviews/{review.pk}/"))
    assert approve(paula, review, seen).status_code == 422
    assert paula.post("/studio/publish/now/", {"seen": seen}).status_code == 422
    assert not Book.objects.exists()


def test_an_owner_approves_their_own() -> None:
    make_definitions()
    owner = sign_in("owner")
    sign_in("publisher")
    assert approve(owner, ask(owner)).status_code == 302
    assert Book.objects.count() == 1


def test_publishing_the_same_answers_who_waits_for_it() -> None:
    make_definitions()
    review = ask(sign_in("marketer"))
    paula = sign_in("publisher")
    paula.post("/studio/publish/now/", {"seen": seen_of(paula)})
    review.refresh_from_db()
    assert (review.state, review.book) == ("approved", Book.objects.get())


def test_what_is_published_already_needs_no_review() -> None:
    make_definitions()
    publish()
    answer = sign_in("marketer").post("/studio/publish/reviews/ask/", {"note": "Again"})
    assert answer.status_code == 422 and "nothing to review" in text_of(answer)


def test_a_list_of_more_reviews_takes_no_more_queries(django_assert_max_num_queries: Any) -> None:
    now = timezone.now()
    for number in range(20):
        Review.objects.create(at=now, note=f"N {number}", payload={}, fingerprint="x", state="declined")
    client = sign_in("viewer")
    with django_assert_max_num_queries(6):
        page = text_of(client.get("/studio/publish/reviews/"))
    assert "N 19" in page
