"""The overview: its parts for each role, the first steps, what it warns of, and that it asks no more for more rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ingestion.models import DeadLetter, EventType, Outcome, Source
from profiles.audit import Act, record_act
from rules.actions import publish_book
from rules.models import Block, Rule, ScheduledPublication, Slot
from rules.performance import Performance
from segments.models import Build, Segment, SegmentSize
from studio.overview import top_rules
from tests.rosters import end_builds
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db

PARTS = ("first-steps", "standing", "rules", "work", "acts")
VIEWED = {"v": 1, "root": {"id": "v", "kind": "event", "event": "Product Viewed", "op": "at_least", "value": 1}}


@pytest.fixture(autouse=True)
def clean(redis_client: Any) -> None:
    cache.clear()


def read(client: Client, part: str = "") -> str:
    answer = client.get(f"/studio/overview/{part}/" if part else "/studio/")
    assert answer.status_code == 200
    return answer.content.decode()


def make_rules(count: int, **more: Any) -> None:
    slot, _ = Slot.objects.get_or_create(slug="hero", defaults={"name": "Hero"})
    block, _ = Block.objects.get_or_create(slug="hello", defaults={"name": "Hello", "source": "Hello"})
    for number in range(count):
        Rule.objects.create(slug=f"rule-{number}", name=f"Rule {number}", slot=slot, block=block, **more)


def make_audiences(count: int) -> None:
    """Each in force, and larger than a day ago."""
    for number in range(count):
        Segment.objects.create(slug=f"audience-{number}", name=f"Audience {number}", condition=VIEWED)
    publish_book(by=None, at=timezone.now())
    end_builds()
    Build.objects.update(in_force=timezone.now() - timedelta(days=60))
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for number in range(count):
        for ago, size in ((25, 100), (0, 100 + 10 * (number + 1))):
            at = hour - timedelta(hours=ago)
            SegmentSize.objects.create(segment=f"audience-{number}", version=1, hour=at, size=size)


def test_a_new_organisation_sees_three_steps_that_tick_themselves() -> None:
    client = sign_in("owner")
    assert "First steps" in read(client) and "0 of 3 done" in read(client, "first-steps")
    Source.objects.create(slug="shop", name="Shop", write_key="wk")
    assert "Put its snippet on your pages" in read(client, "first-steps")
    EventType.objects.create(name="Page Viewed", volume=1)
    Segment.objects.create(slug="audience", name="Audience", condition=VIEWED)
    assert "2 of 3 done" in read(client, "first-steps")
    make_rules(1)
    assert "First steps" not in read(client) and "done" not in read(client, "first-steps")


def test_a_step_is_offered_to_whom_it_is_open() -> None:
    said = {role: read(sign_in(role), "first-steps") for role in ("viewer", "marketer", "developer")}
    assert {role: "Make a rule</a>" in text for role, text in said.items()} == {
        "viewer": False,
        "marketer": True,
        "developer": False,
    }
    assert {role: "Set up a source</a>" in text for role, text in said.items()} == {
        "viewer": False,
        "marketer": False,
        "developer": True,
    }


def test_what_does_not_work_is_said() -> None:
    now = timezone.now()
    for number in range(2):
        DeadLetter.objects.create(partition=0, offset=str(number), raw=b"", reason="failed", tries=3, at=now)
    ScheduledPublication.objects.create(at=now, payload={}, created=now, state="failed")
    said = read(sign_in("owner"), "standing")
    assert "No processor is running" in said and "No archiver is running" in said
    assert "2 records could not be processed" in said and "1 scheduled publication has failed" in said
    assert "/studio/set-up/health/" in said and "/studio/live/dead-letters/" in said
    assert "/studio/live/dead-letters/" not in read(sign_in("viewer"), "standing")


def test_audiences_that_moved_most_come_first() -> None:
    make_audiences(8)
    said = read(sign_in("viewer"), "standing")
    assert said.index("Audience 7") < said.index("Audience 2")
    assert "Audience 1" not in said  # the six that moved most
    assert "80 %" in said


def test_the_best_rules_come_first_and_are_measured_once() -> None:
    client = sign_in("viewer")
    assert "No rule has been shown yet" in read(client, "rules")
    with CaptureQueriesContext(connection) as again:
        read(client, "rules")
    assert not any("rules_decision" in query["sql"] for query in again.captured_queries)


def test_rules_are_told_by_what_came_of_them(monkeypatch: Any) -> None:
    make_rules(2)
    told = [
        Performance("rule-0", shown=900, people=800, impressions=0, clicks=0, orders=9, value=1234.5),
        Performance("rule-1", shown=50, people=40, impressions=40, clicks=3, orders=0, value=0.0),
        Performance("removed", shown=10, people=10, impressions=0, clicks=0, orders=0, value=0.0),
    ]
    monkeypatch.setattr(top_rules, "measure_rules", lambda **_: list(told))
    said = read(sign_in("viewer"), "rules")
    assert said.index("Rule 1") < said.index("Rule 0") < said.index("removed")
    assert (
        "7.5 %" in said
        and reverse("studio:rule", args=["rule-1"]) in said
        and reverse("studio:rule", args=["removed"]) not in said
    )


def test_while_rules_are_measured_the_page_asks_again() -> None:
    cache.add(f"{top_rules.KEY}:under-way", 1, 30)
    said = read(sign_in("viewer"), "rules")
    assert "Measuring rules" in said and "load delay:2s" in said


def test_what_waits_and_what_comes_is_listed() -> None:
    now = timezone.now()
    make_rules(2, starts=now + timedelta(days=2), ends=now + timedelta(days=30))
    ScheduledPublication.objects.create(at=now + timedelta(hours=1), payload={}, created=now, note="Summer")
    said = read(sign_in("marketer"), "work")
    assert "Rule 0" in said and "begins" in said and "Summer" in said
    assert "new" in said and "ends" not in said  # in thirty days only


def test_the_last_acts_are_listed() -> None:
    person = "0123e4567e89b12d3a456426614174000"
    at = timezone.now()
    for number in range(12):
        record_act(Act.CHANGED, by=None, at=at, kind="rule", subject=f"rule-{number}", name=f"Rule {number:02}")
    record_act(Act.EXPORTED, by=None, at=at, kind="person", subject=person)
    said = read(sign_in("viewer"), "acts")
    assert person not in said and "0•••" in said
    assert "Rule 11" in said and "Rule 01" not in said


@pytest.mark.parametrize("part", ["", *PARTS])
def test_more_rows_ask_no_more_questions(part: str) -> None:
    client = sign_in("owner")

    def count() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            read(client, part)
        return len(asked)

    make_rules(3)
    make_audiences(3)
    record_act(Act.CHANGED, by=None, at=timezone.now(), kind="rule", subject="rule-0")
    read(client, part)
    few = count()
    Rule.objects.all().delete()
    make_rules(30)
    Segment.objects.all().delete()
    SegmentSize.objects.all().delete()
    make_audiences(30)
    for number in range(30):
        record_act(Act.CHANGED, by=None, at=timezone.now(), kind="rule", subject=f"rule-{number}")
    assert count() <= few


def test_refusals_are_counted_per_day_and_reason() -> None:
    today = timezone.now().date()
    for reason, count in (("bad_field", 3), ("unknown_key", 1), ("accepted", 99)):
        Outcome.objects.create(day=today, source="shop", outcome=reason, count=count)
    Outcome.objects.create(day=today - timedelta(days=40), source="shop", outcome="too_deep", count=5)
    said = sign_in("developer").get("/studio/live/").content.decode()
    assert said.index("bad_field") < said.index("unknown_key")
    assert "too_deep" not in said and "accepted" not in said


def test_an_address_fills_the_filter_of_live_events() -> None:
    said = sign_in("developer").get("/studio/live/?person=%22%3E%3Cb%3E&name=Order").content.decode()
    assert 'value="Order"' in said and "&quot;&gt;&lt;b&gt;" in said
