"""`POST /api/v1/email/render`: a message for each recipient, and what is wrong with one is told of that one alone."""

import re
from typing import Any

import httpx
import pytest

from personalization.mail.calls import MAX_RECIPIENTS
from profiles import keys
from profiles.clients import Client
from tests.mail.conftest import BEARER, HTML, OTHER_SECRET, PATH, Post


def links(html: str) -> dict[str, str]:
    """The address of each link, by what it says."""
    return {name: link for link, name in re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>([^<]+)</a>', html)}


def test_a_message_is_personal_in_every_part(post: Post) -> None:
    post.know("u1", name="Anna", city="Rome")
    message = post.message({"userId": "u1", "data": {"points": 40}})
    assert message["subject"] == "A letter for Anna"
    assert re.search(r'<h1 style="color: ?#123456;?">Hello Anna</h1>', message["html"])
    assert "For Rome, Anna" in message["html"]
    assert "Your points: 40" in message["html"]
    assert message["text"].startswith("Hello Anna\n")


def test_somebody_unknown_gets_what_is_for_everybody(post: Post) -> None:
    message = post.message({"anonymousId": "nobody-knows"})
    assert message["subject"] == "A letter for you"
    assert "For all:" in message["html"]
    assert "Your points: none yet" in message["html"]


def test_links_lead_through_the_click_door_but_for_those_that_cannot_or_must_not(post: Post) -> None:
    found = links(post.message({"userId": "u1"})["html"])
    assert found["Tents"].startswith(f"{post.url}/t/c/")
    assert found["everything"].startswith(f"{post.url}/t/c/")  # of the slot's block
    assert found["Plain"] == "https://shop.example/plain"
    assert found["Write"] == "mailto:help@shop.example"
    assert found["Call"] == "tel:+31201234567"
    assert found["Up"] == "#top"
    assert found["Unsubscribe"].startswith(f"{post.url}/t/u/")
    assert found["View in the browser"].startswith(f"{post.url}/t/v/")


def test_links_of_the_text_do_too(post: Post) -> None:
    text = post.message({"userId": "u1"})["text"]
    assert re.search(rf"Tents: {post.url}/t/c/[\w-]+\.\n", text)
    assert re.search(rf"Unsubscribe: {post.url}/t/u/[\w-]+$", text)


def test_the_pixel_is_the_last_of_the_body(post: Post) -> None:
    html = post.message({"userId": "u1"})["html"]
    assert re.search(rf'<img src="{post.url}/t/o/[\w-]+\.gif" width="1" height="1" [^>]+></body>', html)


def test_the_headers_let_mail_programs_unsubscribe(post: Post) -> None:
    message = post.message({"userId": "u1"}, utm={"campaign": "week 23:\N{SNOWMAN}"})
    assert message["headers"] == {
        "List-Unsubscribe": f"<{links(message['html'])['Unsubscribe']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "week-23-:letter:email:shop",
    }


def test_no_id_can_be_read_in_any_link(post: Post) -> None:
    html = post.message({"userId": "anna@example.org"})["html"]
    assert "anna" not in html


def test_links_lead_back_to_the_address_that_is_said(post: Post) -> None:
    html = post.message({"userId": "u1"}, baseUrl="https://mail.shop.example/")["html"]
    assert html.count("https://mail.shop.example/t/") >= 4
    assert post.url not in html


def test_a_message_is_a_decision_that_is_recorded(post: Post) -> None:
    post.know("u1", city="Rome")
    post.forget_decisions()
    message = post.message({"userId": "u1"})
    [decided] = post.decisions()
    assert (decided.id, decided.door, decided.source) == (message["decisionId"], "email", "shop")
    assert [(answer.slot, answer.block, answer.rule) for answer in decided.answers] == [
        ("email-banner", "for-rome", "rome")
    ]


def test_whoever_does_not_want_it_gets_none_and_no_code_either(post: Post, redis_client: Client) -> None:
    post.know("u1", city="Oslo", consent={"email": False, "offers": True})
    post.know("u2", consent={"email": True})
    redis_client.rpush(keys.codes("spring"), "SPRING-1")
    post.forget_decisions()
    assert post.error({"userId": "u1"}) == "no_consent"
    assert post.decisions() == []
    assert redis_client.llen(keys.codes("spring")) == 1
    assert post.message({"userId": "u1"}, purpose="offers")
    assert post.message({"userId": "u2"})


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ({}, "missing_identity"),
        ({"email": "anna@example.org"}, "missing_identity"),
        ({"userId": ""}, "bad_recipient"),
        ({"userId": "x" * 256}, "bad_recipient"),
        ({"userId": 7}, "bad_recipient"),
        ({"userId": "u1", "email": "a@b\r\nBcc: c@d"}, "bad_recipient"),
        ({"userId": "u1", "context": []}, "bad_recipient"),
        ({"userId": "u1", "adress": "x"}, "bad_recipient"),
        ("u1", "bad_recipient"),
        (None, "bad_recipient"),
        ({"userId": "u1", "data": {"text": "x" * 20_000}}, "too_much_data"),
    ],
)
def test_one_bad_recipient_never_disturbs_the_others(post: Post, recipient: Any, code: str) -> None:
    answer = post.render({"userId": "first"}, recipient, {"userId": "last"})
    first, wrong, last = answer.json()["messages"]
    assert first["subject"] == last["subject"] == "A letter for you"
    assert wrong.keys() == {"error"}
    assert wrong["error"]["code"] == code
    assert wrong["error"]["message"]


def test_one_of_five_hundred_is_told_apart(post: Post) -> None:
    recipients: list[dict[str, Any]] = [{"userId": f"u{number}"} for number in range(MAX_RECIPIENTS)]
    recipients[321] = {"email": "who@example.org"}
    messages = post.render(*recipients).json()["messages"]
    assert [number for number, message in enumerate(messages) if "error" in message] == [321]
    assert len({message["messageId"] for message in messages if "error" not in message}) == MAX_RECIPIENTS - 1


def test_whoever_is_named_twice_gets_one(post: Post) -> None:
    messages = post.render({"userId": "u1"}, {"userId": "u1"}, {"anonymousId": "u1"}).json()["messages"]
    assert ["error" in message for message in messages] == [False, True, False]
    assert messages[1]["error"]["code"] == "duplicate_recipient"


def test_what_a_link_cannot_carry_is_said(post: Post) -> None:
    noise = {f"field{number}": f"{number * 7919 % 10_007}-{number * 104_729 % 99_991}" for number in range(600)}
    assert post.error({"userId": "u1", "data": noise}) == "too_much_data"
    inline = {"subject": "S", "html": "<p>{{ data.field1 | default: 'x' }}</p>"}
    assert post.message({"userId": "u1", "data": noise}, template=inline)["html"].startswith("<")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 | times: 7 }}"])
def test_a_name_is_a_name_whatever_is_in_it(post: Post, name: str) -> None:
    post.know("u1", name=name, city="Rome")
    message = post.message({"userId": "u1"})
    assert "<script" not in message["html"]
    assert "<img src=x" not in message["html"]
    assert message["subject"] == f"A letter for {name}"
    assert "49" not in message["subject"]


def test_a_name_cannot_add_headers(post: Post) -> None:
    post.know("u1", name="Anna\r\nBcc: everybody@example.org")
    assert "\n" not in post.message({"userId": "u1"})["subject"]


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ({"template": "no-such"}, 404, "unknown_template"),
        ({"template": "for-all"}, 400, "bad_template"),
        ({"template": {"subject": "S", "html": "{% if %}"}}, 400, "bad_template"),
        ({"template": {"subject": "{{ x | nofilter }}", "html": "<p></p>"}}, 400, "bad_template"),
        ({"template": {"subject": "S", "html": "x" * 70_000}}, 400, "bad_template"),
        ({"template": {"html": "<p></p>"}}, 400, "bad_request"),
        ({"template": 7}, 400, "bad_request"),
        ({"purpose": ""}, 400, "bad_request"),
        ({"purpose": "a b"}, 400, "bad_request"),
        ({"utm": {"campain": "x"}}, 400, "bad_request"),
        ({"utm": {"campaign": "x" * 201}}, 400, "bad_request"),
        ({"utm": {"campaign": "a\r\nb"}}, 400, "bad_request"),
        ({"baseUrl": "javascript:alert(1)"}, 400, "bad_request"),
        ({"baseUrl": "https://a.example/?x="}, 400, "bad_request"),
        ({"baseUrl": "//a.example"}, 400, "bad_request"),
        ({"recipients": []}, 400, "bad_request"),
        ({"recipients": [{}] * 501}, 413, "too_many_recipients"),
        ({"recipients": [{"userId": "u", "data": {"x": "y" * 4_000_000}}]}, 413, "too_large"),
        ({"headers": {"Authorization": f"Bearer {OTHER_SECRET}"}}, 403, "scope_missing"),
        ({"headers": {"Authorization": "Bearer nobody"}}, 401, "unknown_key"),
        ({"headers": {"Authorization": "Basic d2stc2l0ZTo="}}, 403, "secret_key_needed"),
        ({"headers": {}}, 401, "unknown_key"),
    ],
)
def test_what_makes_no_message_is_refused_with_what_to_do(
    post: Post, call: dict[str, Any], status: int, code: str
) -> None:
    headers = call.pop("headers", BEARER)
    body = {"template": "letter", "recipients": [{"userId": "u1"}], **call}
    answer = httpx.post(post.url + PATH, json=body, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]


def test_answers_say_how_often_one_may_call(post: Post) -> None:
    for answer in (post.render({"userId": "u1"}), post.render()):
        assert answer.headers["ratelimit-policy"].startswith('"key";q=')


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 60_000, b'{"recipients": [{]}'])
def test_bytes_that_are_no_call_are_never_a_server_error(post: Post, body: bytes) -> None:
    answer = httpx.post(post.url + PATH, content=body, headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_only_post_renders(post: Post) -> None:
    assert httpx.get(post.url + PATH).status_code == 405


def test_an_inline_template_needs_no_publication(post: Post) -> None:
    post.know("u1", name="Anna")
    message = post.message({"userId": "u1"}, template={"subject": "Draft", "html": HTML})
    assert message["subject"] == "Draft"
    assert "Hello Anna" in message["html"]
    assert "Hello Anna" in message["text"]
