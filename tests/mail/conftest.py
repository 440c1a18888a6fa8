"""The web process as it is, with a Book that has e-mails, people who are known, and a key that may render for them."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest
import redis

from ingestion.accepted import unpack as unpack_accepted
from ingestion.directory import Directory, SecretKey, Source, hash_secret
from ingestion.log_redis import FIELD, RedisLog
from personalization.snapshot import announce
from profiles import keys
from profiles.clients import Client
from profiles.decided import Decided
from profiles.event import Event, derive_profile_id, unpack
from profiles.profile import Profile, Trait, pack
from tests.product import wait_until
from tests.web_process import run_web_process

SECRET, OTHER_SECRET, WRITE_KEY = "sk-mailer", "sk-that-may-not-send", "wk-site"
BEARER = {"Authorization": f"Bearer {SECRET}"}
PATH = "/api/v1/email/render"


def lives_in(city: str) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "c", "kind": "trait", "trait": "city", "op": "is", "value": city}}


HTML = """<!doctype html>
<html lang="en"><head><title>Letter</title><style>h1 { color: #123456 }</style></head>
<body>
<h1>Hello {{ profile.traits.name | default: "you" }}</h1>
{% slot "email-banner" %}
<p><a href="https://shop.example/tents?size=2&amp;colour=green#top">Tents</a>
<a href="https://shop.example/plain" data-pz-no-track>Plain</a>
<a href="mailto:help@shop.example">Write</a> <a href="tel:+31201234567">Call</a> <a href="#top">Up</a></p>
<p>Your points: {{ data.points | default: "none yet" }}</p>
<p><a href="{{ view_url }}">View in the browser</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</body></html>"""
TEXT = """Hello {{ profile.traits.name | default: "you" }}

Tents: https://shop.example/tents.
Unsubscribe: {{ unsubscribe_url }}"""
SUBJECT = 'A letter for {{ profile.traits.name | default: "you" }}'
BOOK: dict[str, Any] = {
    "v": 1,
    "number": 7,
    "slots": {"email-banner": {"default": "for-all", "channel": "email"}},
    "blocks": {
        "letter": {"kind": "email", "source": HTML, "subject": SUBJECT, "text": TEXT},
        "for-all": {"kind": "html", "source": "<p>For all: <a href='https://shop.example/all'>everything</a></p>"},
        "with-code": {
            "kind": "html",
            "source": "<p>{% if offer.code %}Your code: {{ offer.code }}{% else %}No code{% endif %}</p>",
        },
        "for-rome": {"kind": "html", "source": "<p>For Rome, {{ profile.traits.name | default: 'you' }}</p>"},
    },
    "offers": {"spring": {"kind": "code", "name": "Spring"}},
    "rules": [
        {
            "slug": "rome",
            "name": "Rome",
            "slot": "email-banner",
            "priority": 5,
            "block": "for-rome",
            "condition": lives_in("Rome"),
        },
        {
            "slug": "oslo",
            "name": "Oslo",
            "slot": "email-banner",
            "priority": 4,
            "block": "with-code",
            "condition": lives_in("Oslo"),
            "offer": "spring",
        },
    ],
}


class Post:
    """The running web process, and what it has written to the log."""

    def __init__(self, port: int, client: Client) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._client = client

    def render(self, *recipients: Any, headers: dict[str, str] = BEARER, **call: Any) -> httpx.Response:
        body = {"template": "letter", "recipients": list(recipients), **call}
        return httpx.post(self.url + PATH, json=body, headers=headers, timeout=30)

    def message(self, recipient: dict[str, Any], **call: Any) -> dict[str, Any]:
        """The one message of a call that has to work."""
        answer = self.render(recipient, **call)
        assert answer.status_code == 200, answer.text
        [message] = answer.json()["messages"]
        assert "error" not in message, message
        return dict(message)

    def error(self, recipient: Any, **call: Any) -> str:
        """The code of what is wrong with a recipient."""
        [message] = self.render(recipient, **call).json()["messages"]
        assert message.keys() == {"error"}
        return str(message["error"]["code"])

    def events(self) -> list[Event]:
        """All that was appended, partition by partition."""
        log = RedisLog(self._client)
        records = [unpack(raw) for partition in range(8) for _, raw in log.read(partition, "0-0", 1_000)]
        return [record for record in records if isinstance(record, Event)]

    def decisions(self) -> list[Decided]:
        """All that was decided."""
        found = [fields[FIELD] for number in range(8) for _, fields in self._client.xrange(keys.accepted(number))]
        return [record for record in map(unpack_accepted, found) if isinstance(record, Decided)]

    def forget_decisions(self) -> None:
        for number in range(8):
            self._client.delete(keys.accepted(number))

    def know(self, user_id: str, *, consent: dict[str, bool] | None = None, **traits: Any) -> None:
        """Puts a person into the store."""
        key = f"u:{user_id}"
        profile = Profile(
            id=derive_profile_id(key),
            user_id=user_id,
            identifiers=(key,),
            traits={name: Trait(value, 1) for name, value in traits.items()},
            consent={purpose: Trait(value, 1) for purpose, value in (consent or {}).items()},
        )
        self._client.set(keys.profile(profile.id), pack(profile))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a web process that serves one module of tests."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        put_in_force(client)
    with run_web_process() as port:
        wait_until(lambda: _is_ready(port))
        yield port


@pytest.fixture
def post(port: int, redis_client: Client) -> Post:
    """The web process before an otherwise empty Redis."""
    put_in_force(redis_client)
    wait_until(lambda: _is_ready(port))
    return Post(port, redis_client)


def _is_ready(port: int) -> bool:
    """Whether the process answers, by the Book and the keys above."""
    with suppress(httpx.TransportError):
        body = {"template": "letter", "recipients": [{"userId": "nobody"}]}
        answer = httpx.post(f"http://127.0.0.1:{port}{PATH}", json=body, headers=BEARER)
        return answer.status_code == 200 and answer.json()["book"] == BOOK["number"]
    return False


def put_in_force(client: Client) -> None:
    directory = Directory(
        number=1,
        sources={WRITE_KEY: Source(slug="shop", name="Shop", write_key=WRITE_KEY)},
        secret_keys={
            hash_secret(SECRET): SecretKey(source="shop", scopes=("email:send",)),
            hash_secret(OTHER_SECRET): SecretKey(source="shop", scopes=("decide",)),
        },
    )
    announce(client, keys.DIRECTORY, 1, msgspec.json.encode(directory))
    announce(client, keys.BOOK, 7, json.dumps(BOOK).encode())
