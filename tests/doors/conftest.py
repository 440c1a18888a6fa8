"""The web process as it is, on a real server in a thread, with a directory and a Book in force."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import msgspec
import pytest
import redis

from ingestion.directory import Directory, SecretKey, Source, hash_secret
from ingestion.processor import Processor
from personalization.snapshot import announce
from personalization.wiring import make_processor
from profiles import keys
from profiles.clients import Client
from tests.doors.keyring import CLIENTS, secrets_of_every_kind
from tests.rosters import announce_segments
from tests.web_process import run_web_process

WRITE_KEY, DEBUG_KEY = "wk-site", "wk-debug"
SECRET, OTHER_SECRET = "sk-back-end", "sk-that-may-not-decide"
VIEWED = {"id": "v", "kind": "event", "event": "Product Viewed", "op": "at_least", "value": 2}
SEGMENTS = {"viewers": {"v": 1, "root": VIEWED}}
BOOK = {
    "v": 1,
    "number": 4,
    "slots": {"hero": {"default": None}, "bar": {"default": "plain"}, "foot": {"default": None}},
    "blocks": {
        "hello": {"kind": "html", "source": "<h1>Hello {{ profile.traits.name | default: 'you' }}</h1>"},
        "plain": {"kind": "json", "source": '{"text": "plain"}'},
        "endless": {"kind": "html", "source": "{% for n in (1..9999) %}{{ n }}{% endfor %}"},
    },
    "rules": [
        {
            "slug": "viewers-hero",
            "name": "Viewers",
            "slot": "hero",
            "priority": 5,
            "block": "hello",
            "condition": {"v": 1, "root": {"id": "s", "kind": "segment", "segment": "viewers"}},
        },
        {
            "slug": "broken",
            "name": "Broken",
            "slot": "hero",
            "priority": 9,
            "block": "endless",
            "condition": {
                "v": 1,
                "root": {"id": "c", "kind": "context", "field": "page.path", "op": "is", "value": "/broken"},
            },
        },
        {
            "slug": "phones",
            "name": "Phones",
            "slot": "foot",
            "priority": 5,
            "block": "plain",
            "condition": {
                "v": 1,
                "root": {"id": "c", "kind": "context", "field": "device.type", "op": "is", "value": "mobile"},
            },
        },
    ],
}


class Web:
    """The running web process: its port, and a processor that works when it is told to."""

    def __init__(self, port: int, processor: Processor) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.socket_url = f"ws://127.0.0.1:{port}/ws/v1/"
        self._processor = processor

    def process(self) -> int:
        return self._processor.drain(range(8))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a web process that serves one module of tests."""
    with open_doors() as port:
        yield port


@contextmanager
def open_doors() -> Iterator[int]:
    """A web process that knows the definitions of these tests."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        put_in_force(client)
    with run_web_process() as port:
        wait_until_ready(port)
        yield port


@pytest.fixture
def web(port: int, redis_client: Client) -> Web:
    """The web process before an otherwise empty Redis."""
    put_in_force(redis_client)
    return Web(port, make_processor("test"))


def wait_until_ready(port: int) -> None:
    """The doors are open, and the definitions have been seen."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            question = {"slots": ["hero"], "writeKey": WRITE_KEY}
            if httpx.post(f"http://127.0.0.1:{port}/api/v1/decide", json=question).status_code == 200:
                return
        time.sleep(0.02)
    raise TimeoutError("the web process did not answer within 60 s")


def put_in_force(client: Client, book: Mapping[str, Any] = BOOK) -> None:
    directory = Directory(
        number=1,
        sources={
            WRITE_KEY: Source(slug="site", name="Site", write_key=WRITE_KEY),
            DEBUG_KEY: Source(slug="debug", name="Debug", write_key=DEBUG_KEY, debug=True),
        },
        secret_keys={
            hash_secret(SECRET): SecretKey(source="site", scopes=("decide",), id=1),
            hash_secret(OTHER_SECRET): SecretKey(source="site", scopes=("export",), id=2),
            **secrets_of_every_kind(),
        },
        clients=CLIENTS,
    )
    announce(client, keys.DIRECTORY, 1, msgspec.json.encode(directory))
    announce(client, keys.BOOK, book["number"], json.dumps(book).encode())
    announce_segments(client, SEGMENTS)


def viewed(visitor: str = "anna", **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "anonymousId": visitor, **fields}
