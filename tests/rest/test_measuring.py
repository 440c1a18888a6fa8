"""What became of rules, and what a draft would have shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from ingestion.archiving import moment
from personalization.celery import application
from personalization.tasks import try_draft
from profiles.clients import Client
from rules.models import BackTest
from tests.admin.operators import make_definitions
from tests.decisions.conftest import Deciding, deciding, rule
from tests.rest.conftest import BackEnd, Connect

__all__ = ["deciding"]  # a fixture

PERIOD = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-15T00:00:00Z"}


def test_rules_are_measured_between_two_moments(deciding: Deciding, back_end: BackEnd) -> None:
    deciding.publish([rule("usual")])
    began = deciding.now
    for name in ("a:anna", "a:ben", "a:anna"):
        deciding.decide(name, "hero")
    deciding.archive()
    since, until = moment(began).isoformat(), moment(deciding.now + 1).isoformat()
    answer = back_end.get("rules/performance", since=since, until=until)
    assert answer.body["rules"] == [
        {"rule": "usual", "shown": 3, "people": 2, "impressions": 0, "clicks": 0, "orders": 0, "value": 0.0}
    ]
    later = (moment(deciding.now) + timedelta(days=1)).isoformat()
    assert back_end.get("rules/performance", since=until, until=later).body["rules"] == []


def test_without_moments_the_last_thirty_days_are_measured(back_end: BackEnd, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        body = back_end.get("rules/performance").body
    assert body["rules"] == []
    assert body["since"] < body["until"]


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "yesterday"},
        {"since": "2026-11-01T00:00:00"},
        {"since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
        {"since": "2026-01-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
        {"until": "0001-01-01T00:00:00Z"},
        {"since": "9999-12-31T00:00:00Z", "until": "9999-12-31T01:00:00Z"},
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(back_end: BackEnd, asked: dict[str, str]) -> None:
    assert back_end.get("rules/performance", **asked).code == "bad_parameter"


def test_no_rule_takes_the_address(back_end: BackEnd) -> None:
    answer = back_end.post("rules", {"slug": "performance", "name": "X", "slot": "hero", "block": "b"})
    assert answer.errors == [("/slug", "reserved")]


def test_a_draft_is_tried_on_past_decisions(
    back_end: BackEnd, redis_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    make_definitions()
    with django_capture_on_commit_callbacks(execute=True):
        started = back_end.post("back-tests", PERIOD)
    assert (started.status, started.body["state"], started.body["result"]) == (201, "waiting", None)
    [queue] = [key for key in redis_client.keys("*celery") if redis_client.type(key) == b"list"]
    [task] = redis_client.lrange(queue, 0, -1)
    assert b"try_draft" in task
    path = f"back-tests/{started.body['id']}"
    try_draft(started.body["id"])
    done = back_end.get(path).body
    assert (done["state"], done["error"], done["result"]["decisions"]) == ("done", "", 0)
    assert back_end.post(f"{path}/cancel").code == "nothing_to_do"


def test_a_back_test_is_called_off(back_end: BackEnd) -> None:
    path = f"back-tests/{back_end.post('back-tests', PERIOD).body['id']}"
    assert back_end.post(f"{path}/cancel").body["state"] == "cancelled"
    assert back_end.post(f"{path}/cancel").code == "nothing_to_do"
    assert back_end.get("back-tests/999").code == "not_found"
    assert back_end.get("back-tests/99999999999999999999").code == "not_found"


def test_a_draft_that_makes_no_book_is_not_tried(back_end: BackEnd) -> None:
    _, block, *_ = make_definitions()
    type(block).objects.filter(pk=block.pk).update(source="{% if %}")
    answer = back_end.post("back-tests", PERIOD)
    assert answer.code == "cannot_publish"
    assert answer.errors
    assert not BackTest.objects.exists()


def test_a_period_is_two_moments_in_their_order(back_end: BackEnd) -> None:
    turned = {"since": PERIOD["until"], "until": PERIOD["since"]}
    assert back_end.post("back-tests", turned).errors == [("/until", "invalid")]
    assert back_end.post("back-tests", {}).errors == [("/since", "required"), ("/until", "required")]


def test_only_so_many_are_under_way(back_end: BackEnd) -> None:
    tests = [back_end.post("back-tests", PERIOD) for _ in range(6)]
    assert [each.status for each in tests] == [201] * 5 + [409]
    assert tests[-1].code == "too_many_open"
    back_end.post(f"back-tests/{tests[0].body['id']}/cancel")
    assert back_end.post("back-tests", PERIOD).status == 201


def test_a_back_test_that_no_worker_hears_of_says_so(
    back_end: BackEnd, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(application, "send_task", fail)
    with django_capture_on_commit_callbacks(execute=True):
        id = back_end.post("back-tests", PERIOD).body["id"]
    told = back_end.get(f"back-tests/{id}").body
    assert (told["state"], told["error"]) == ("failed", "The worker cannot be reached; start another one.")


def test_back_tests_are_for_whoever_may_read_content(connect: Connect) -> None:
    assert connect("content:write").post("back-tests", PERIOD).code == "scope_missing"
    assert connect("content:read").post("back-tests", PERIOD).status == 201


def test_questions_to_the_database_do_not_grow_with_back_tests(
    back_end: BackEnd, django_assert_num_queries: Any
) -> None:
    for _ in range(2):
        tests = [BackTest.objects.create(payload={}, created=timezone.now(), **PERIOD) for _ in range(3)]
        for path in ("back-tests", f"back-tests/{tests[0].pk}"):
            with django_assert_num_queries(1):
                assert back_end.get(path).status == 200
