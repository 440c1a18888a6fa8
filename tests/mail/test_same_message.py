"""Sent, sent as a test, previewed or viewed in the browser: the same message is the same, to the last byte."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec
import pytest
import redis.asyncio
from django.utils import timezone

from personalization.answering import show
from personalization.decide import Answer, Personal
from personalization.mail.calls import parse_call
from personalization.mail.letters import Writer
from personalization.mail.rendering import Renderer
from personalization.mail.shelf import Shelf
from personalization.mail.stamps import Stamper
from personalization.sealing import Sealer
from personalization.snapshot import announce
from profiles import keys
from profiles.clients import Client
from profiles.profile import Profile, Trait
from rules.book import load_book
from rules.engine import Choice, Facts, Reason
from rules.models import Book
from tests.mail.conftest import BOOK, HTML, SUBJECT, TEXT, Post
from tests.product import wait_until

ANNA = Profile(id="1" * 32, user_id="u1", traits={"name": Trait("Anna & <Co>", 1), "city": Trait("Rome", 1)})
NOW = 1_800_000_000_000
LIVE = load_book(json.dumps(BOOK).encode())
CHOICE = Choice(Reason.RULE_MATCHED, "for-rome", "rome")


class OneDecision:
    """Decides once, and says the same again: what differs then is not the decision."""

    async def decide_for(
        self, identifier: str, slots: Sequence[str], context: Mapping[str, Any], **more: str
    ) -> Personal:
        facts = Facts(ANNA, context, NOW)
        shown = {slot: show(LIVE, slot, CHOICE, facts) for slot in slots}
        return Personal(Answer("d" * 32, 7, shown), facts, LIVE)


async def test_four_ways_make_one_message(redis_client: Client, settings: Any) -> None:
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    writer = Writer(Stamper(Sealer(["secret"])))
    renderer = Renderer(decider=OneDecision(), shelf=Shelf(client, lambda: LIVE), writer=writer)  # type: ignore[arg-type]

    async def render(template: Any) -> dict[str, Any]:
        body = {"template": template, "recipients": [{"userId": "u1", "data": {"points": 3}}], "utm": {"source": "x"}}
        made = await renderer.render(parse_call(json.dumps(body).encode()), source="shop", base="https://e.example")
        [message] = json.loads(msgspec.json.encode(made.messages))
        return dict(message)

    sent = await render("letter")
    again = await render("letter")
    assert sent == again
    token = sent["html"].partition("https://e.example/t/v/")[2].partition('"')[0]
    assert await renderer.view(token, now=NOW) == sent["html"]
    previewed = await renderer.write_again(writer.read_view(token, now=NOW))
    assert {**sent, **previewed._asdict()} == sent

    tested = await render({"subject": SUBJECT, "html": HTML, "text": TEXT})
    token = tested["html"].partition("https://e.example/t/v/")[2].partition('"')[0]
    assert await renderer.view(token, now=NOW) == tested["html"]
    # A template that is not published has no name; given the name, all else is the same.
    letter = writer.read_view(token, now=NOW)
    named = msgspec.structs.replace(letter, inline="", stamp=msgspec.structs.replace(letter.stamp, template="letter"))
    assert (await renderer.write_again(named))._asdict() == previewed._asdict()
    await client.aclose()


def test_a_view_shows_what_was_sent_whatever_has_happened_since(post: Post) -> None:
    post.know("u1", name="Anna", city="Rome")
    message = post.message({"userId": "u1", "data": {"points": 40}})
    post.know("u1", name="Somebody else", city="Oslo", email=False)
    address = message["html"].partition('href="' + post.url + "/t/v/")[2].partition('"')[0]
    assert httpx.get(f"{post.url}/t/v/{address}").text == message["html"]


def test_a_view_shows_the_code_that_was_granted(post: Post, redis_client: Client) -> None:
    redis_client.rpush(keys.codes("spring"), "SPRING-1", "SPRING-2")
    post.know("u1", city="Oslo")
    message = post.message({"userId": "u1"})
    assert "Your code: SPRING-1" in message["html"]
    address = message["html"].partition('href="' + post.url + "/t/v/")[2].partition('"')[0]
    assert httpx.get(f"{post.url}/t/v/{address}").text == message["html"]
    assert redis_client.llen(keys.codes("spring")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_view_finds_a_book_that_is_no_longer_in_force(post: Post, redis_client: Client) -> None:
    message = post.message({"userId": "u1"})
    address = message["html"].partition('href="' + post.url + "/t/v/")[2].partition('"')[0]
    changed = {**BOOK, "number": 8, "blocks": {**BOOK["blocks"], "letter": {**BOOK["blocks"]["letter"], "source": "x"}}}
    Book.objects.create(number=7, payload=BOOK, published=timezone.now())
    announce(redis_client, keys.BOOK, 8, json.dumps(changed).encode())
    wait_until(lambda: post.render({"userId": "u1"}).json()["book"] == 8)
    assert httpx.get(f"{post.url}/t/v/{address}").text == message["html"]
