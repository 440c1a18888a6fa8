"""Publishing in the Studio: what the drafts change in words, what speaks against it, publishing, scheduling, Books."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from profiles.models import AuditEntry
from rules.actions import publish_book
from rules.drafts import save_draft
from rules.models import Block, Book, Offer, Rule, ScheduledPublication
from segments.models import Segment
from studio.models import Member
from studio.publish.reviewing import fingerprint_of
from tests.admin.operators import condition, make_definitions
from tests.studio.people import make_user, sign_in
from tests.studio.seen import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

Queries = Any


def seen_of(client: Client) -> str:
    """What the page of drafts says that one has looked at."""
    return str(client.get("/studio/publish/").context["form"].initial["seen"])


def publish() -> Book:
    return publish_book(by=None, at=timezone.now())


def test_what_differs_is_told_in_words_with_who_changed_it() -> None:
    _, _, _, rule = make_definitions()
    publish()
    anna = make_user(Member.Role.MARKETER, name="anna")
    rule.priority, rule.name = 9, "Thank you, gold"
    save_draft(rule, by=anna, at=timezone.now())
    Segment.objects.create(slug="silver", name="Silver plan", condition=condition(value="silver"))
    answer = sign_in("viewer").get("/studio/publish/")
    page = text_of(answer)
    assert "Book 1 is in force" in page and "2 changes" in page
    assert "Changed Thank you, gold anna" in page
    assert "Priority was 0" in page and "9" in page
    assert "New Silver plan" in page and "plan is “silver”" in page
    assert 'href="/studio/content/rules/gold-thanks/"' in answer.content.decode() or "gold-thanks" in str(
        answer.content
    )
    assert "/studio/publish/effect/silver/" in answer.content.decode()


def test_an_offer_that_changed_is_something_to_publish() -> None:
    *_, rule = make_definitions()
    rule.offer = Offer.objects.create(slug="points", name="Points", kind="points", points=5)
    rule.save()
    publish()
    Offer.objects.update(points=7)
    page = text_of(sign_in("viewer").get("/studio/publish/"))
    assert "Offers" in page and "Points was 5" in page


def test_problems_and_warnings_lead_to_their_definitions() -> None:
    _, block, slot, _ = make_definitions()
    Block.objects.filter(pk=block.pk).update(source="{% if %}")
    Rule.objects.create(slug="all", name="Everybody", slot=slot, block=block, priority=9)
    answer = sign_in("viewer").get("/studio/publish/checks/")
    page = text_of(answer)
    assert "This cannot be published yet" in page and "Block thanks: Liquid" in page
    assert "is always hidden" in page
    links = re.findall(r'<a class="link" href="([^"]+)">([^<]+)</a>', answer.content.decode())
    names = [name for _, name in links]
    assert "Thanks" in names and "Everybody" in names and "Thank gold" in names
    assert all("/studio/content/" in url for url, _ in links)


def test_a_publisher_publishes_what_was_seen() -> None:
    make_definitions()
    client = sign_in("publisher", name="paula")
    answer = client.post("/studio/publish/now/", {"note": "First", "seen": seen_of(client)})
    assert answer["Location"] == "/studio/publish/books/1/"
    book = Book.objects.get()
    assert (book.note, str(book.published_by)) == ("First", "paula")
    entry = AuditEntry.objects.get(kind="book")
    assert (entry.act, entry.actor, entry.subject) == ("published", "paula", "1")


def test_what_changed_since_it_was_seen_is_not_published_unseen() -> None:
    _, _, slot, _ = make_definitions()
    client = sign_in("publisher")
    seen = seen_of(client)
    slot.name = "Other"
    slot.save()
    answer = client.post("/studio/publish/now/", {"note": "Sale", "seen": seen})
    page = answer.content.decode()
    assert answer.status_code == 422 and "The drafts were changed while you had this page open" in page
    assert 'value="Sale"' in page and not Book.objects.exists()
    seen = str(answer.context["form"].data["seen"])
    again = client.post("/studio/publish/now/", {"note": "Sale", "seen": seen})
    assert again.status_code == 302 and Book.objects.count() == 1


def test_what_cannot_be_published_is_refused_with_its_reasons_and_the_note_is_kept() -> None:
    _, block, _, _ = make_definitions()
    Block.objects.filter(pk=block.pk).update(source="{% if %}")
    answer = sign_in("publisher").post("/studio/publish/now/", {"note": "Keep me"})
    assert answer.status_code == 422
    assert "Block thanks: Liquid" in text_of(answer) and 'value="Keep me"' in answer.content.decode()
    too_long = sign_in("publisher").post("/studio/publish/now/", {"note": "x" * 201})
    assert too_long.status_code == 422 and "x" * 201 in too_long.content.decode()


@pytest.mark.parametrize("role", ["viewer", "marketer", "analyst", "developer"])
def test_nobody_else_publishes_schedules_or_rolls_back(role: str) -> None:
    make_definitions()
    publish()
    client = sign_in(role)
    for path in ("now/", "scheduled/new/", "books/1/roll-back/", "reviews/1/approve/", "scheduled/1/cancel/"):
        assert client.post(f"/studio/publish/{path}").status_code == 403
    assert "publish-form" not in client.get("/studio/publish/").content.decode()


def test_it_is_scheduled_by_the_clocks_of_the_organisation_and_called_off() -> None:
    make_definitions()
    client = sign_in("publisher", name="paula")
    at = (timezone.localtime() + timedelta(days=2)).replace(second=0, microsecond=0)
    said = {"at": f"{at:%Y-%m-%dT%H:%M}", "note": "Black Friday", "seen": seen_of(client)}
    answer = client.post("/studio/publish/scheduled/new/", said)
    publication = ScheduledPublication.objects.get()
    assert answer["Location"] == f"/studio/publish/scheduled/{publication.pk}/"
    assert (publication.at, publication.note) == (at, "Black Friday")
    page = text_of(client.get(answer["Location"]))
    assert "Waiting" in page and "Black Friday" in page and "New Gold plan" in page
    assert "Black Friday" in text_of(sign_in("viewer").get("/studio/publish/scheduled/"))
    client.post(f"/studio/publish/scheduled/{publication.pk}/cancel/")
    publication.refresh_from_db()
    assert publication.state == "cancelled"
    acts = list(AuditEntry.objects.filter(kind="publication").order_by("pk").values_list("act", "actor"))
    assert acts == [("scheduled", "paula"), ("cancelled", "paula")]


@pytest.mark.parametrize("at", ["", "tomorrow", "2020-01-01T08:00"])
def test_a_moment_that_is_none_or_over_is_refused(at: str) -> None:
    make_definitions()
    answer = sign_in("publisher").post("/studio/publish/scheduled/new/", {"at": at, "note": "Keep me"})
    assert answer.status_code == 422 and 'value="Keep me"' in answer.content.decode()
    assert not ScheduledPublication.objects.exists()


def test_a_book_says_what_it_changed_and_what_it_says() -> None:
    _, _, _, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=9)
    publish()
    client = sign_in("viewer")
    page = text_of(client.get("/studio/publish/books/2/"))
    assert "In force" in page and "Priority was 0" in page
    assert "Thank gold shows Thanks" in page and "Is in gold" in page
    assert "Plan is “gold”" in page
    assert "Book 2 In force" in text_of(client.get("/studio/publish/books/"))
    assert client.get("/studio/publish/books/3/").status_code == 404


def test_rolling_back_tells_what_changes_and_leaves_the_drafts() -> None:
    _, _, _, rule = make_definitions()
    publish()
    Rule.objects.filter(pk=rule.pk).update(priority=9)
    publish()
    client = sign_in("publisher", name="paula")
    assert "Priority was 9" in text_of(client.get("/studio/publish/books/1/roll-back/"))
    answer = client.post("/studio/publish/books/1/roll-back/")
    assert answer["Location"] == "/studio/publish/books/3/"
    assert Book.objects.get(number=3).payload["rules"][0]["priority"] == 0
    rule.refresh_from_db()
    assert rule.priority == 9
    assert AuditEntry.objects.filter(act="rolled_back", actor="paula").count() == 1
    assert client.post("/studio/publish/books/3/roll-back/")["Location"] == "/studio/publish/books/3/"
    assert Book.objects.count() == 3


def test_who_enters_an_audience_is_counted_by_the_draft_or_a_book() -> None:
    segment, *_ = make_definitions()
    client = sign_in("viewer")
    assert "Nobody enters, nobody leaves" in text_of(client.get("/studio/publish/effect/gold/"))
    publish()
    Segment.objects.filter(pk=segment.pk).update(kind="list", condition=None)
    assert "follows from its uploads" in text_of(client.get("/studio/publish/effect/gold/"))
    assert "Nobody enters" in text_of(client.get("/studio/publish/effect/gold/?book=1"))
    assert client.get("/studio/publish/effect/gold/?book=99").status_code == 404
    assert client.get("/studio/publish/effect/nothing/").status_code == 200


def test_the_number_of_queries_does_not_grow_with_what_differs(django_assert_num_queries: Queries) -> None:
    _, block, slot, _ = make_definitions()
    client = sign_in("publisher")

    def count() -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as asked:
            assert client.get("/studio/publish/").status_code == 200
        return len(asked)

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            Segment.objects.create(slug=f"s{number}", name=f"S {number}", condition=condition())
            each = Rule(slug=f"r{number}", name=f"R {number}", slot=slot, block=block, priority=number)
            save_draft(each, by=None, at=timezone.now())

    add(0, 3)
    few = count()
    add(3, 30)
    assert count() == few <= 25


def test_a_fingerprint_is_about_what_is_said() -> None:
    said = {"number": 0, "rules": [{"slug": "a", "priority": 1}]}
    assert fingerprint_of(said) == fingerprint_of({"rules": [{"priority": 1, "slug": "a"}], "number": 7})
    assert fingerprint_of(said) != fingerprint_of({"number": 0, "rules": []})
