"""Scheduling in the admin: from the page of publishing, listed, cancelled, and told of when it has failed."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from personalization.publications import publish_what_is_due
from profiles.clients import Client as Redis
from rules.actions import publish_book
from rules.models import Block, Book, Rule, ScheduledPublication
from rules.scheduling import publish_due
from tests.admin.operators import make_definitions, sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

PUBLISH = "/admin/rules/book/publish/"
SCHEDULED = "/admin/rules/scheduledpublication/"
LATER = "2096-11-27T08:00"


def schedule() -> ScheduledPublication:
    sign_in("rules.add_book").post(PUBLISH, {"_schedule": "Schedule", "at": LATER, "note": "Black Friday"})
    return ScheduledPublication.objects.latest("pk")


def test_scheduling_from_the_page_of_publishing() -> None:
    make_definitions()
    client = sign_in_owner()
    assert 'name="_schedule"' in client.get(PUBLISH).content.decode()
    form = {"_schedule": "Schedule", "at": LATER, "note": "Black Friday"}
    page = client.post(PUBLISH, form, follow=True).content.decode()
    assert "What is live now is published on 27 Nov 2096, 08:00:00" in page
    publication = ScheduledPublication.objects.get()
    assert (timezone.localtime(publication.at).isoformat()[:16], publication.note) == (LATER, "Black Friday")
    assert str(publication.by) == "owner-0"
    assert LogEntry.objects.get().get_change_message() == "Scheduled."
    assert not Book.objects.exists()
    assert "Scheduled for 27 Nov 2096, 08:00:00 by owner-0: Black Friday" in client.get(PUBLISH).content.decode()
    assert "Thank gold" in client.get(f"{SCHEDULED}{publication.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("at", "said"),
    [("", "This field is required"), ("tomorrow", "Enter a valid date/time"), ("2020-01-01T00:00", "has passed")],
)
def test_a_moment_that_cannot_be_meant_is_refused_and_the_note_stays(at: str, said: str) -> None:
    make_definitions()
    page = sign_in_owner().post(PUBLISH, {"_schedule": "Schedule", "at": at, "note": "Kept"}).content.decode()
    assert said in page
    assert 'value="Kept"' in page
    assert not ScheduledPublication.objects.exists()
    assert not Book.objects.exists()


def test_what_is_wrong_is_not_scheduled() -> None:
    _, block, *_ = make_definitions()
    Block.objects.filter(pk=block.pk).update(source="{% if %}")
    page = sign_in_owner().post(PUBLISH, {"_schedule": "Schedule", "at": LATER}).content.decode()
    assert "Nothing was scheduled:" in page
    assert "Block thanks: Liquid" in page


def test_cancelling() -> None:
    make_definitions()
    publication = schedule()
    client = sign_in_owner()
    address = f"{SCHEDULED}{publication.pk}/cancel/"
    assert address in client.get(f"{SCHEDULED}{publication.pk}/change/").content.decode()
    assert "Thank gold" in client.get(address).content.decode()
    assert "It is cancelled" in client.post(address, follow=True).content.decode()
    publication.refresh_from_db()
    assert publication.state == "cancelled"
    assert LogEntry.objects.latest("pk").get_change_message() == "Cancelled."
    assert "It is too late: it is cancelled already" in client.post(address, follow=True).content.decode()


def test_who_may_publish_may_look_at_what_is_scheduled() -> None:
    make_definitions()
    form = {"_schedule": "Schedule", "at": LATER}
    page = sign_in("rules.add_book").post(PUBLISH, form, follow=True)
    assert page.status_code == 200
    assert "27 Nov 2096" in page.content.decode()


def test_why_it_has_failed_stands_beside_it() -> None:
    *_, rule = make_definitions()
    publish_book(by=None, at=timezone.now())
    Rule.objects.filter(pk=rule.pk).update(priority=1)
    publication = schedule()
    Rule.objects.filter(pk=rule.pk).update(priority=2)
    publish_book(by=None, at=timezone.now())
    publish_due(at=publication.at)
    page = sign_in_owner().get(SCHEDULED).content.decode()
    assert "Failed" in page
    assert "<li>Rule gold-thanks: Book 2 has changed it too" in page


def test_the_archivers_rounds_publish_it(redis_client: Redis) -> None:
    make_definitions()
    publication = schedule()
    assert not publish_what_is_due(redis_client)
    ScheduledPublication.objects.filter(pk=publication.pk).update(at=timezone.now() - timedelta(seconds=1))
    assert publish_what_is_due(redis_client)
    assert not publish_what_is_due(redis_client)
    assert Book.objects.get().note == "Black Friday"


def test_who_may_not_publish_neither_schedules_nor_cancels() -> None:
    make_definitions()
    publication = schedule()
    client = sign_in("rules.view_scheduledpublication", "rules.view_book")
    assert client.get(SCHEDULED).status_code == 200
    page = client.get(f"{SCHEDULED}{publication.pk}/change/").content.decode()
    assert "/cancel/" not in page
    for method in (client.get, client.post):
        assert method(f"{SCHEDULED}{publication.pk}/cancel/").status_code == 403
    assert client.post(PUBLISH, {"_schedule": "Schedule", "at": LATER}).status_code == 403
    assert client.get(f"{SCHEDULED}add/").status_code == 403
    publication.refresh_from_db()
    assert publication.state == "waiting"
