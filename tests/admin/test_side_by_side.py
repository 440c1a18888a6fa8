"""Operators, the archiver and other operators write at once, and nobody's change is lost; pages stay cheap."""

from datetime import UTC, datetime
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from ingestion.actions import choose_properties, create_source, rotate_write_key, save_event_type, save_source
from ingestion.models import ArchiveOffset, DeadLetter, EventProperty, EventType, ImportRun, Outcome, Source
from ingestion.queries import newest_directory
from profiles import keys
from profiles.clients import Client as Redis
from tests.admin.operators import sign_in_owner
from tests.admin.test_catalogue import TYPES, form

pytestmark = pytest.mark.django_db
AT = datetime(2026, 1, 1, tzinfo=UTC)


def wait_for_lock(pid: int) -> None:
    """Returns once that connection waits for somebody."""
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)), pg_sleep(0.02)", [pid])
            if cursor.fetchone()[0]:
                return
    raise AssertionError("the second publisher did not wait for the first one")


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_both_reach_the_doors() -> None:
    pids: list[int] = []
    known = Signal()

    def publish_second() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
            known.set()
            create_source(slug="second", name="Second")
        connection.close()

    thread = Thread(target=publish_second)
    with transaction.atomic():
        create_source(slug="first", name="First")
        thread.start()
        assert known.wait(20)
        wait_for_lock(pids[0])
    thread.join(20)
    newest = newest_directory()
    assert newest is not None
    assert {source["slug"] for source in newest[1]["sources"].values()} == {"first", "second"}


def test_what_the_archiver_counted_meanwhile_stays() -> None:
    event = EventType.objects.create(name="Trial Started", volume=5)
    seats = EventProperty.objects.create(event_type=event, path="seats", types=["number"])
    EventType.objects.update(volume=9, last_seen=AT)
    EventProperty.objects.update(types=["number", "string"])
    event.schema, seats.indexed = {"title": "A trial"}, True
    save_event_type(event)
    choose_properties([seats])
    event.refresh_from_db()
    seats.refresh_from_db()
    assert (event.volume, event.last_seen, event.schema) == (9, AT, {"title": "A trial"})
    assert (seats.types, seats.indexed) == (["number", "string"], True)


def test_a_key_that_was_rotated_meanwhile_stays_rotated() -> None:
    open_page = create_source(slug="shop", name="Shop")
    rotated = rotate_write_key(Source.objects.get()).write_key
    open_page.name = "Shop two"
    save_source(open_page)
    assert Source.objects.values_list("name", "write_key").get() == ("Shop two", rotated)


def test_a_source_goes_with_its_imports() -> None:
    source = create_source(slug="shop", name="Shop")
    ImportRun.objects.create(source=source, sha256="0", file="orders.csv", preset="p", started=AT)
    sign_in_owner().post(f"/admin/ingestion/source/{source.pk}/delete/", {"post": "yes"})
    assert not Source.objects.exists()


@pytest.mark.parametrize("page", ["refusal", "outcome"])
@pytest.mark.parametrize("asked", ["source=%00", "reason=%00", "outcome=%00", "source=nobody", "q=%00"])
def test_whatever_is_asked_for_the_page_answers(page: str, asked: str) -> None:
    assert sign_in_owner().get(f"/admin/ingestion/{page}/?{asked}", follow=True).status_code == 200


def test_the_list_of_sources_counts_today_in_one_query(django_assert_max_num_queries: Any) -> None:
    today = timezone.now().date()
    for number in range(20):
        create_source(slug=f"s{number}", name=f"S{number}")
        Outcome.objects.create(day=today, source=f"s{number}", outcome="accepted", count=1_000 + number)
    Outcome.objects.create(day=today, source="s3", outcome="bad_type", count=4)
    Outcome.objects.create(day=AT.date(), source="s3", outcome="dead", count=4)
    owner = sign_in_owner()
    with django_assert_max_num_queries(7):
        page = owner.get("/admin/ingestion/source/").content.decode()
    assert "1,003 accepted, 4 bad_type<" in page


@pytest.mark.parametrize("levels", [9, 600])
def test_a_schema_deeper_than_any_event_is_refused(levels: int) -> None:
    schema = '{"properties": {"a": ' * levels + "{}" + "}}" * levels
    page = sign_in_owner().post(f"{TYPES}add/", form(schema, name="Deep")).content.decode()
    assert "deep" in page
    assert not EventType.objects.exists()


def test_a_schema_as_deep_as_events_is_taken() -> None:
    schema = '{"properties": {"a": ' * 8 + '{"type": "string"}' + "}}" * 8
    sign_in_owner().post(f"{TYPES}add/", form(schema, name="Deep"))
    assert EventType.objects.get().schema is not None


def replay(owner: Client) -> None:
    chosen = list(DeadLetter.objects.values_list("pk", flat=True))
    owner.post("/admin/ingestion/deadletter/", {"action": "replay_letters", "_selected_action": chosen})


def test_many_letters_are_replayed_in_order_with_few_queries(
    redis_client: Redis, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        DeadLetter.objects.create(partition=3, offset=f"{number}-0", raw=b"%d" % number, reason="r", tries=1, at=AT)
    owner = sign_in_owner()
    with django_assert_max_num_queries(15):
        replay(owner)
    records = [fields[b"r"] for _, fields in redis_client.xrange(keys.log(3))]
    assert records == [b"%d" % number for number in range(40)]
    assert not DeadLetter.objects.filter(replayed=None).exists()


def test_how_far_the_archiver_is_can_be_seen() -> None:
    ArchiveOffset.objects.create(stream="pz:accepted:3", offset="17-4")
    page = sign_in_owner().get("/admin/ingestion/archiveoffset/").content.decode()
    assert "pz:accepted:3" in page and "17-4" in page
