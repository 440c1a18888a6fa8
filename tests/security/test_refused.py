"""Whoever is kept out is in the log: where, why and by which login, without a word of theirs; and not too often."""

import logging
from typing import Any

import httpx
import pytest
from django.test import Client as Browser

from personalization.refused import AtMost
from tests.studio.people import make_user, sign_in

LOGGER = "personalization.refused"


@pytest.fixture(autouse=True)
def quiet_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tests before were refused in this process, in this minute."""
    monkeypatch.setattr(logging.getLogger(LOGGER), "filters", [AtMost(60)])


def list_told(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.told for record in log.records if record.name == LOGGER]  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_page_that_is_not_for_a_member(caplog: pytest.LogCaptureFixture, redis_client: Any) -> None:
    member = make_user("viewer")
    client = Browser()
    client.force_login(member)
    assert client.get("/studio/people/01234567-89ab-cdef-0123-456789abcdef/").status_code == 403
    [told] = list_told(caplog)
    assert told["why"] == "403" and told["by"] == f"login {member.pk}"
    assert told["door"].startswith("studio/people/<") and "0123" not in str(told)


@pytest.mark.django_db
def test_the_admin_and_what_comes_without_its_token(caplog: pytest.LogCaptureFixture, redis_client: Any) -> None:
    sign_in("owner").get("/studio/")
    assert list_told(caplog) == []
    forged = Browser(enforce_csrf_checks=True)
    forged.force_login(make_user("owner", name="forged"))
    assert forged.post("/studio/sign-out/").status_code == 403
    assert [told["door"] for told in list_told(caplog)] == ["studio/sign-out/"]


@pytest.mark.django_db
def test_a_wrong_password_says_nothing_of_what_was_typed(caplog: pytest.LogCaptureFixture, redis_client: Any) -> None:
    for _ in range(5):
        Browser().post("/studio/sign-in/", {"username": "secret-name", "password": "secret-word"})
    reasons = [(told["door"], told["why"]) for told in list_told(caplog)]
    assert reasons == [("studio/sign-in/", "wrong_password")] * 5 + [("studio/sign-in/", "locked_out")]
    assert "secret" not in caplog.text


def test_keys_at_doors_of_every_kind(caplog: pytest.LogCaptureFixture, port: int) -> None:
    wrong = {"Authorization": "Bearer sk_wrong"}
    question = {"slots": ["hero"], "userId": "secret-name", "query": "{ __typename }"}
    for path in ("/api/v1/slots", "/edge/v1/slots/secret-slot?writeKey=wrong", "/graphql", "/api/v1/decide"):
        call = {"method": "GET"} if "slots" in path else {"method": "POST", "json": question}
        answer = httpx.request(url=f"http://127.0.0.1:{port}{path}", headers=wrong, **call)
        assert answer.status_code == 401, path
    told = list_told(caplog)
    assert [each["door"] for each in told] == ["api/v1/slots", "/edge/v1/", "/graphql", "/api/v1/decide"]
    assert [each["why"] for each in told] == ["unknown_key", "401", "401", "401"]
    assert {each["by"] for each in told} == {"nobody"}


def test_lines_are_bounded_and_those_left_out_are_counted() -> None:
    now = [0.0]
    at_most = AtMost(3, clock=lambda: now[0])

    def say() -> Any:
        record = logging.makeLogRecord({"told": {"door": "x"}})
        return record.told if at_most.filter(record) else None  # type: ignore[attr-defined]

    assert [say() for _ in range(10)] == [{"door": "x"}] * 3 + [None] * 7
    now[0] = 60.0
    assert [say(), say()] == [{"door": "x", "left_out": 7}, {"door": "x"}]
