"""A back end that calls the REST door: with a key of some scopes, and each answer held against the document."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from django.test import Client

from ingestion.actions import create_secret_key, create_source
from ingestion.models import Source
from personalization import wiring
from personalization.announcing import announce_newest
from profiles.clients import Client as Redis
from tests.rest.contract import hold_against_document

ROOT = "/api/v1/"
ALL_SCOPES = (
    *("decide", "events", "profiles:read", "profiles:write", "segments:read", "segments:write", "content:read"),
    *("content:write", "publish", "decisions:read", "catalogue:read", "catalogue:write", "erase"),
)


class Answer:
    """An answer, read."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        self.media_type = response.headers.get("Content-Type", "").partition(";")[0]
        raw = b"".join(response)
        self.body: Any = json.loads(raw) if raw else None

    @property
    def items(self) -> list[Any]:
        found: list[Any] = self.body["items"]
        return found

    @property
    def etag(self) -> str:
        return str(self.headers["ETag"])

    @property
    def code(self) -> str:
        """Of a problem, which is in its form."""
        assert self.media_type == "application/problem+json", self.body
        assert self.body["status"] == self.status
        assert self.body["message"]
        return str(self.body["code"])

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Where something is wrong, and the code of what is."""
        return [(each["pointer"], each["code"]) for each in self.body["errors"]]


class BackEnd:
    """Calls with a key. `get("profiles", limit=2)`, `post("events", body)`; headers as `if_match="…"`."""

    def __init__(self, secret: str, source: Source) -> None:
        self.secret = secret
        self.source = source
        self._client = Client()

    def get(self, path: str, **query: Any) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body, headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("PUT", path, body, headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("PATCH", path, body, headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.call("DELETE", path, None, headers)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, query: Any = None
    ) -> Answer:
        sent = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        address = path if path.startswith("http") else ROOT + path
        response = self._client.generic(
            method, address, raw, content_type="application/json", headers=sent, query_params=query or None
        )
        answer = Answer(response)
        hold_against_document(urlsplit(address).path, method, answer.status, answer.media_type, answer.body)
        return answer


def let_know(client: Redis) -> None:
    """The doors know at once who may call by now; otherwise they look every half a second."""
    announce_newest(client)
    wiring.gate.cache_clear()


Connect = Callable[..., BackEnd]


@pytest.fixture
def connect(db: None, redis_client: Redis) -> Connect:
    """Makes back ends, each with a key of its own: `connect("events")` may send events and nothing else."""

    def make(*scopes: str) -> BackEnd:
        source = Source.objects.first() or create_source(slug="shop", name="Shop", kind="server")
        _, secret = create_secret_key(source, scopes=scopes)
        let_know(redis_client)
        return BackEnd(secret, source)

    return make


@pytest.fixture
def back_end(connect: Connect) -> BackEnd:
    """A back end that may do everything."""
    return connect(*ALL_SCOPES)
