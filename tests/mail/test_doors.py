"""The doors that links of messages lead to: what is opened, clicked, viewed and unsubscribed is an event, and nobody is
led anywhere the message did not say."""

import re
from typing import Any

import httpx
import pytest

from personalization.mail.doors import PIXEL
from personalization.mail.stamps import Door, Stamp, Stamper
from personalization.sealing import Sealer
from profiles.clients import Client
from tests.mail.conftest import Post

BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
NAVIGATES = {"User-Agent": BROWSER, "Sec-Fetch-Mode": "navigate"}


class Letter:
    """A message of Anna's, and where its links lead."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.id, self.decision, self.html = message["messageId"], message["decisionId"], message["html"]
        self.pixel, self.click, self.view, self.unsubscribe = (
            self.find(rf"http[^\"]+/t/{door}/[^\"]+") for door in ("o", "c", "v", "u")
        )

    def find(self, pattern: str) -> str:
        found = re.search(pattern, self.html)
        assert found is not None
        return found[0]


@pytest.fixture
def letter(post: Post) -> Letter:
    post.know("u1", name="Anna", city="Rome")
    return Letter(post.message({"userId": "u1"}, utm={"source": "letter", "campaign": "week 23"}))


def about(letter: Letter) -> dict[str, Any]:
    """What every event of the message says of it."""
    return {
        "email_id": "letter",
        "messageId": letter.id,
        "decisionId": letter.decision,
        "campaign_name": "week 23",
    }


def test_a_pixel_is_a_picture_and_an_event(post: Post, letter: Letter) -> None:
    answer = httpx.get(letter.pixel, headers={"User-Agent": BROWSER})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.content == PIXEL and len(PIXEL) == 43
    assert "no-store" in answer.headers["cache-control"]
    [event] = post.events()
    assert (event.name, event.type, event.source, event.user_id) == ("Email Opened", "track", "shop", "u1")
    assert event.properties == {**about(letter), "by": "human", "reasons": ["browser_agent"]}
    assert event.context == {"channel": "email", "userAgent": BROWSER}


def test_each_opening_is_an_event_of_its_own(post: Post, letter: Letter) -> None:
    for _ in range(3):
        httpx.get(letter.pixel)
    assert len({event.id for event in post.events()}) == 3


def test_a_click_leads_to_the_page_with_its_campaign_and_is_an_event(post: Post, letter: Letter) -> None:
    answer = httpx.get(letter.click, headers=NAVIGATES)
    page = "https://shop.example/tents?size=2&colour=green&utm_source=letter&utm_campaign=week%2023#top"
    assert (answer.status_code, answer.headers["location"]) == (302, page)
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    [event] = post.events()
    assert event.name == "Email Link Clicked"
    assert event.properties == {
        **about(letter),
        "link_url": page,
        "by": "likely_machine",
        "reasons": ["soon_after_sending"],
    }


def test_filters_that_follow_every_link_are_told_apart_and_not_dropped(post: Post) -> None:
    body = "".join(f'<p><a href="https://shop.example/{number}">Page {number}</a></p>' for number in range(4))
    message = post.message({"userId": "u1"}, template={"subject": "S", "html": body})
    for link in re.findall(r"http[^\"]+/t/c/[^\"]+", message["html"]):
        httpx.get(link, headers=NAVIGATES)
    reasons = [event.properties["reasons"] for event in post.events()]
    assert len(reasons) == 4
    assert "many_links_at_once" in reasons[-1]


@pytest.mark.parametrize("path", ["pixel", "click"])
def test_a_head_request_is_a_program(post: Post, letter: Letter, path: str) -> None:
    answer = httpx.head(getattr(letter, path), headers=NAVIGATES)
    assert answer.status_code in (200, 302)
    assert answer.content == b""
    [event] = post.events()
    assert event.properties["by"] == "likely_machine"
    assert "head_request" in event.properties["reasons"]


def test_a_look_at_the_page_unsubscribes_nobody(post: Post, letter: Letter) -> None:
    answer = httpx.get(letter.unsubscribe)
    assert answer.status_code == 200
    assert answer.text.count("<button") == 1
    assert "Unsubscribe</button>" in answer.text
    assert '<form method="post">' in answer.text
    assert post.events() == []


@pytest.mark.parametrize("form", [{}, {"List-Unsubscribe": "One-Click"}])
def test_a_post_unsubscribes_once_however_often_it_comes(post: Post, letter: Letter, form: dict[str, str]) -> None:
    for _ in range(2):
        answer = httpx.post(letter.unsubscribe, data=form)
        assert answer.status_code == 200
        assert "You are unsubscribed" in answer.text
    first, second = post.events()
    assert (first.name, first.properties) == ("Unsubscribed", {**about(letter), "purpose": "email"})
    assert first.id == second.id  # by which the processor knows that it is the same


def test_an_unsubscription_is_for_its_purpose(post: Post) -> None:
    letter = Letter(post.message({"anonymousId": "d1"}, purpose="offers"))
    assert "offers" in httpx.get(letter.unsubscribe).text
    httpx.post(letter.unsubscribe)
    [event] = post.events()
    assert (event.anonymous_id, event.user_id, event.properties["purpose"]) == ("d1", None, "offers")


def test_an_unsubscription_that_cannot_be_stored_is_not_acknowledged(
    post: Post, letter: Letter, redis_client: Client
) -> None:
    redis_client.execute_command("CLIENT", "PAUSE", 4_000, "ALL")
    answer = httpx.post(letter.unsubscribe, timeout=20)
    assert redis_client.ping()  # it is back
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "still subscribed" in answer.text


def test_a_click_leads_on_while_redis_is_away_and_is_stored_with_the_next(
    post: Post, letter: Letter, redis_client: Client
) -> None:
    redis_client.execute_command("CLIENT", "PAUSE", 4_000, "ALL")
    answer = httpx.get(letter.click, timeout=20)
    assert redis_client.ping()  # it is back
    assert answer.status_code == 302
    assert httpx.get(letter.pixel).status_code == 200
    assert {event.name for event in post.events()} == {"Email Link Clicked", "Email Opened"}


def test_viewing_shows_the_message_and_lets_nothing_run(post: Post, letter: Letter) -> None:
    answer = httpx.get(letter.view)
    assert answer.text == letter.html
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy and "allow-scripts" not in policy and "default-src 'none'" in policy
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["x-robots-tag"] == "noindex"


@pytest.mark.parametrize("door", ["pixel", "click", "view", "unsubscribe"])
def test_what_was_tampered_with_is_refused_with_a_page_and_never_led_on(post: Post, letter: Letter, door: str) -> None:
    address = getattr(letter, door).removesuffix(".gif")
    start, _, token = address.rpartition("/")
    wrong = [token[:-1], token + "A", token[::-1], token[:-1] + ("A" if token[-1] != "A" else "B"), "", "x" * 9_000]
    wrong += [token[: len(token) // 2] + ("A" if token[len(token) // 2] != "A" else "B") + token[len(token) // 2 + 1 :]]
    for said in wrong:
        answer = httpx.get(f"{start}/{said}", headers=NAVIGATES)
        assert answer.status_code == 404, said
        assert "location" not in answer.headers
        assert "This link does not work" in answer.text
    assert post.events() == []


def test_a_token_is_good_at_its_own_door_alone(post: Post, letter: Letter) -> None:
    tokens = {door: getattr(letter, door).rpartition("/")[2].removesuffix(".gif") for door in ("pixel", "click")}
    tokens |= {door: getattr(letter, door).rpartition("/")[2] for door in ("view", "unsubscribe")}
    doors = {"pixel": "o", "click": "c", "view": "v", "unsubscribe": "u"}
    for made_for, token in tokens.items():
        for other, path in doors.items():
            if other != made_for:
                assert httpx.get(f"{post.url}/t/{path}/{token}").status_code == 404
    assert post.events() == []


@pytest.mark.parametrize("path", ["/t/", "/t/x/abc", "/t/o", "/t/c/", "/t/v/%00", "/t/u/ä"])
def test_there_is_nothing_else_under_the_prefix(post: Post, path: str) -> None:
    assert httpx.get(post.url + path).status_code == 404


@pytest.mark.parametrize("door", ["pixel", "click", "view"])
def test_other_methods_are_not_taken(post: Post, letter: Letter, door: str) -> None:
    assert httpx.post(getattr(letter, door)).status_code == 405
    assert httpx.delete(letter.unsubscribe).status_code == 405
    assert post.events() == []


def test_an_old_view_is_gone(post: Post, settings: Any) -> None:
    stamp = Stamp(b"d" * 16, "u:u1", "shop", "letter", "email", "", 1)
    address = Stamper(Sealer([settings.SECRET_KEY])).seal(post.url, Door.VIEW, stamp, expires=1_000)
    answer = httpx.get(address)
    assert answer.status_code == 410
    assert "too old" in answer.text
