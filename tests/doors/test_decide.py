"""`POST /api/v1/decide` on the running web process: the answer, the reason, the keys, and what is not taken."""

import json
from typing import Any

import httpx
import pytest

from profiles.clients import Client
from tests.doors.agents import PHONE
from tests.doors.conftest import OTHER_SECRET, SECRET, WRITE_KEY, Web, viewed

PATH = "/api/v1/decide"
BEARER = {"Authorization": f"Bearer {SECRET}"}


def ask(web: Web, headers: dict[str, str] | None = None, **question: Any) -> httpx.Response:
    auth = None if headers or "writeKey" in question else (WRITE_KEY, "")
    return httpx.post(web.url + PATH, json={"slots": ["hero"], **question}, headers=headers, auth=auth)


def send(web: Web, *messages: dict[str, Any]) -> None:
    answer = httpx.post(f"{web.url}/v1/batch", json={"batch": messages}, auth=(WRITE_KEY, ""))
    assert answer.json() == {"success": True}
    web.process()


def test_events_change_the_answer_and_the_answer_says_why(web: Web) -> None:
    before = ask(web, anonymousId="anna").json()
    assert before["slots"] == {"hero": {"reason": "no_rule_matched", "block": None}}
    send(web, viewed(), viewed())
    after = ask(web, anonymousId="anna").json()
    assert after["book"] == 4
    assert after["slots"]["hero"] == {
        "reason": "rule_matched",
        "rule": "viewers-hero",
        "segments": ["viewers"],
        "block": {"slug": "hello", "kind": "html", "html": "<h1>Hello you</h1>"},
    }
    assert before["decisionId"] != after["decisionId"]


def test_several_slots_are_answered_at_once(web: Web) -> None:
    slots = ask(web, anonymousId="anna", slots=["hero", "bar", "nowhere"]).json()["slots"]
    assert {name: slot["reason"] for name, slot in slots.items()} == {
        "hero": "no_rule_matched",
        "bar": "no_rule_matched",
        "nowhere": "unknown_slot",
    }
    assert slots["bar"]["block"] == {"slug": "plain", "kind": "json", "json": {"text": "plain"}}


def test_a_rule_can_ask_for_the_device(web: Web) -> None:
    def rule(headers: dict[str, str], **question: Any) -> str | None:
        answer = httpx.post(web.url + PATH, json={"slots": ["foot"], **question}, headers=headers)
        return str(answer.json()["slots"]["foot"].get("rule"))

    phone = {"User-Agent": PHONE}
    assert rule(phone, writeKey=WRITE_KEY) == "phones"
    assert rule({}, writeKey=WRITE_KEY) == "None"
    assert rule({**BEARER, **phone}) == "None"  # the server's own agent is nobody's browser
    assert rule(BEARER, context={"userAgent": PHONE}) == "phones"


def test_somebody_unknown_and_nobody_at_all_get_an_answer(web: Web) -> None:
    assert ask(web, anonymousId="stranger").status_code == 200
    assert ask(web).json()["slots"]["hero"]["reason"] == "no_rule_matched"


def test_a_block_that_fails_costs_its_own_slot_only(web: Web) -> None:
    slots = ask(web, slots=["hero", "bar"], context={"page": {"path": "/broken"}}).json()["slots"]
    assert (slots["hero"]["reason"], slots["hero"]["rule"]) == ("render_failed", "broken")
    assert slots["bar"]["block"]["json"] == {"text": "plain"}


def test_a_back_end_asks_by_user_id_with_its_secret_key(web: Web) -> None:
    identify = {"type": "identify", "anonymousId": "anna", "userId": "u1", "traits": {"name": "<i>Anna</i>"}}
    send(web, viewed(), viewed(), identify)
    answer = ask(web, BEARER, userId="u1").json()
    assert answer["slots"]["hero"]["block"]["html"] == "<h1>Hello &lt;i&gt;Anna&lt;/i&gt;</h1>"


@pytest.mark.parametrize(
    ("headers", "question", "status", "code"),
    [
        ({"Authorization": "Bearer sk-wrong"}, {"userId": "u1"}, 401, "unknown_key"),
        ({"Authorization": f"Bearer {OTHER_SECRET}"}, {"userId": "u1"}, 403, "scope_missing"),
        ({"Authorization": "Basic !!!"}, {}, 401, "unknown_key"),
        ({"X-None": "1"}, {}, 401, "unknown_key"),
        ({"X-None": "1"}, {"writeKey": "wrong"}, 401, "unknown_key"),
        ({"X-None": "1"}, {"writeKey": WRITE_KEY, "userId": "u1"}, 403, "secret_key_needed"),
        (None, {"userId": "u1"}, 403, "secret_key_needed"),
        (None, {"slots": []}, 400, "bad_request"),
        (None, {"slots": ["a"] * 51}, 400, "bad_request"),
        (None, {"slots": "hero"}, 400, "bad_request"),
        (None, {"anonymousId": ""}, 400, "bad_request"),
        (None, {"anonymousId": "x" * 300}, 400, "bad_request"),
        (None, {"context": []}, 400, "bad_request"),
        (None, {"context": {"x": "y" * 70_000}}, 413, "too_large"),
    ],
)
def test_what_is_not_taken_is_said(
    web: Web, headers: dict[str, str] | None, question: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(web, headers, **question)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"slots": ["\\ud800"]}', b"[" * 60_000])
def test_bytes_that_are_no_question_are_never_a_server_error(web: Web, body: bytes) -> None:
    answer = httpx.post(web.url + PATH, content=body, auth=(WRITE_KEY, ""))
    assert answer.status_code in (200, 400)


def test_pages_of_other_origins_may_ask_without_a_preflight_or_with_one(web: Web) -> None:
    plain = httpx.post(
        web.url + PATH,
        content=json.dumps({"slots": ["hero"], "writeKey": WRITE_KEY}),
        headers={"Content-Type": "text/plain", "Origin": "https://shop.example"},
    )
    assert (plain.status_code, plain.headers["access-control-allow-origin"]) == (200, "*")
    preflight = httpx.options(web.url + PATH)
    assert preflight.status_code == 204
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert httpx.get(web.url + PATH).status_code == 405


def test_an_answer_says_how_many_calls_are_left_and_pages_may_read_it(web: Web) -> None:
    answer = ask(web, anonymousId="anna")
    assert answer.headers["RateLimit-Policy"] == '"visitor";q=1200;w=60'
    assert answer.headers["RateLimit"].startswith('"visitor";r=')
    assert ask(web, BEARER).headers["RateLimit-Policy"] == '"key";q=60000;w=60'
    assert "RateLimit" in answer.headers["access-control-expose-headers"]


def test_a_visitors_address_that_calls_too_often_has_to_wait(web: Web) -> None:
    headers = {"X-Forwarded-For": "203.0.113.7"}
    with httpx.Client(auth=(WRITE_KEY, ""), headers=headers) as crowd:
        answers = (crowd.post(web.url + PATH, json={"slots": ["hero"]}) for _ in range(3_000))
        refused = next(answer for answer in answers if answer.status_code != 200)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_calls")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    assert ask(web, anonymousId="anna").status_code == 200  # from another address


def test_a_store_that_does_not_answer_costs_the_deadline_and_no_more(web: Web, redis_client: Client) -> None:
    assert ask(web, anonymousId="anna").status_code == 200
    redis_client.execute_command("CLIENT", "PAUSE", 2_000, "ALL")
    answer = ask(web, anonymousId="anna")
    assert answer.status_code == 200
    assert answer.json()["slots"]["hero"] == {"reason": "timeout", "block": None}


def test_what_no_store_takes_of_a_context_costs_nobody_a_decision(web: Web) -> None:
    """Numbers beyond all bounds are rounded, and what is nested beyond all use is left out: decisions share a write."""
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    for context in ({"n": 10**30, "m": [-(10**30)]}, {"n": 10**400}, {"deep": deep}):
        answer = ask(web, anonymousId="anna", context=context)
        assert answer.status_code == 200, answer.text
        assert answer.json()["slots"]["hero"]["reason"] == "no_rule_matched"
