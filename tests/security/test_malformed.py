"""Bodies that are not what they should be, at every door that takes one: a clear refusal, never a failure, and nothing
that is good beside them is lost."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets.asyncio.client
from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from ingestion.api import KINDS
from personalization.doors import DOORS
from profiles.clients import Client
from tests.doors.conftest import WRITE_KEY, Web
from tests.doors.keyring import EVERY, name_secret
from tests.rest.test_profiles import read_log
from tests.security.malformed import NO_CALL, NO_JSON, VALUES, put_into
from tests.security.routes import Guard, Route, list_routes
from tests.studio.people import sign_in

WRONG = {**NO_JSON, **NO_CALL}
BEARER = {"Authorization": f"Bearer {name_secret(*EVERY, has=True)}"}
EVENT = {
    "type": "track",
    "event": "Seen",
    "anonymousId": "anna",
    "userId": "u1",
    "properties": {"a": 1},
    "context": {"page": {"path": "/"}},
    "timestamp": "2026-06-01T10:00:00Z",
}
BATCH = {"batch": [EVENT], "context": {"a": 1}, "sentAt": "2026-06-01T10:00:00Z"}
QUESTION = {"slots": ["hero"], "anonymousId": "anna", "context": {"page": {"path": "/"}}, "explain": True}
# Of each raw door a body that is good; doors of events have the write key in the header.
RAW: dict[str, Any] = {
    **{path: BATCH if kind == "batch" else {**EVENT, "type": kind} for path, kind in KINDS.items()},
    "/api/v1/decide": QUESTION,
    "/api/v1/decide/batch": {"people": [{"userId": "u1", "context": {"a": 1}}], "slots": ["hero"], "context": {"a": 1}},
    "/api/v1/email/render": {
        "template": {"subject": "Hi", "html": "<p>Hi</p>", "text": "Hi"},
        "recipients": [{"userId": "u1", "email": "a@b.example", "context": {"a": 1}, "data": {"b": 2}}],
        "utm": {"campaign": "c"},
        "purpose": "email",
    },
    "/graphql": {"query": "query Q { __typename }", "variables": {"a": 1}, "operationName": "Q"},
}
VALUES_AT = ("/v1/track", "/v1/identify", "/v1/alias", "/v1/batch", *(path for path in RAW if path not in KINDS))


class Door:
    """A client of the running doors, with something good to send in between: what of it was acknowledged is kept."""

    def __init__(self, web: Web) -> None:
        self.client = httpx.Client(base_url=web.url, timeout=60)
        self.acknowledged: set[str] = set()
        self._numbers = itertools.count()

    def send(self, path: str, body: bytes) -> httpx.Response:
        if path in KINDS:  # where in strict mode alone it is told of a single event that is refused
            return self.client.post(path, content=body, auth=(WRITE_KEY, ""), headers={"X-Strict-Mode": "1"})
        return self.client.post(path, content=body, headers=BEARER)

    def make_good(self) -> dict[str, Any]:
        return {"type": "track", "event": "Good", "anonymousId": "ben", "messageId": f"good-{next(self._numbers)}"}

    def send_good(self) -> None:
        event = self.make_good()
        answer = self.client.post("/v1/track", json=event, auth=(WRITE_KEY, ""))
        assert answer.status_code == 200, answer.text
        self.acknowledged.add(event["messageId"])


@pytest.fixture
def door(web: Web) -> Iterator[Door]:
    door = Door(web)
    yield door
    door.client.close()


def read_good(client: Client) -> set[str]:
    return {event.id for event in read_log(client) if event.name == "Good"}


def is_told(answer: httpx.Response) -> bool:
    """Whether a refusal says what is wrong, for programs and for people."""
    said = answer.json()
    if "errors" in said and "code" not in said:  # GraphQL's form
        said = {**said["errors"][0], **said["errors"][0].get("extensions", {})}
    return bool(said.get("code")) and bool(said.get("message"))


def test_every_door_with_a_body_is_tried() -> None:
    raw = {name.partition(" ")[2] for name in DOORS if name.startswith("POST") and not DOORS[name].session}
    rest = {route.path.rstrip("/") for route in list_routes() if route.guard is Guard.TABLE}
    missing = raw - RAW.keys() - {"/api/v1/events", "/api/v1/back-tests"}
    assert {name for name in missing if "{" not in name and name not in rest} == set()


def test_a_raw_door_refuses_what_is_no_call(door: Door, redis_client: Client) -> None:
    wrong = []
    for path in RAW:
        for name, body in WRONG.items():
            answer = door.send(path, body)
            if not 400 <= answer.status_code < 500 or not is_told(answer):
                wrong.append(f"{path}: {name}: {answer.status_code} {answer.text[:200]}")
        door.send_good()
    assert "\n".join(wrong) == ""
    # Nothing of it has become an event, and all that was acknowledged in between is there.
    assert {event.id for event in read_log(redis_client)} == read_good(redis_client) == door.acknowledged


@pytest.mark.parametrize("path", VALUES_AT)
def test_a_raw_door_takes_or_refuses_a_value_and_never_fails(door: Door, path: str) -> None:
    wrong = []
    for name, value in VALUES.items():
        for body in put_into(json.dumps(RAW[path]).encode(), value):
            answer = door.send(path, body)
            if answer.status_code >= 500 or (answer.status_code >= 400 and not is_told(answer)):
                wrong.append(f"{name}: {answer.status_code} {body[:300]!r} {answer.text[:200]}")
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize("path", ["/v1/batch", "/api/v1/events"])
def test_what_is_good_beside_it_in_a_batch_is_stored(door: Door, redis_client: Client, path: str) -> None:
    sent = set()
    for value in VALUES.values():
        before, after = door.make_good(), door.make_good()
        body = f'{{"batch": [{json.dumps(before)}, {value}, {json.dumps(after)}]}}'.encode()
        answer = door.send(path, body)
        assert answer.status_code in (200, 207, 400), (value[:80], answer.text)  # of the one in the middle it is told
        sent |= {before["messageId"], after["messageId"]}
    assert read_good(redis_client) == sent


# --- The socket of the snippet ----------------------------------------------------------------------------------------

HELLO = {"type": "hello", "v": 1, "writeKey": WRITE_KEY, "anonymousId": "anna", "context": {"a": 1}}
FRAMES: tuple[dict[str, Any], ...] = (
    {"type": "batch", "id": 1, **BATCH},
    {"type": "decide", "id": 1, "slots": ["hero"], "context": {"page": {}}, "live": ["hero"]},
    {"type": "ping"},
)
CLOSED_WELL = {4400, 4401, 4403, 1009, 1007}


def hear_all(socket: ClientConnection) -> int | None:
    """The code with which it is closed; None when it goes on."""
    try:
        socket.send('{"type": "ping"}')
        while json.loads(socket.recv(20))["type"] != "pong":
            pass
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006
    return None


def test_the_socket_closes_on_what_is_no_frame_and_keeps_what_it_acknowledged(web: Web, redis_client: Client) -> None:
    wrong, sent = [], set()
    for number, (name, body) in enumerate(WRONG.items()):
        with connect(web.socket_url) as socket:
            socket.send(json.dumps(HELLO))
            good = {"type": "track", "event": "Good", "messageId": f"good-{number}"}
            socket.send(json.dumps({"type": "batch", "id": 1, "batch": [good]}))
            assert json.loads(socket.recv(20))["type"] == "welcome"
            assert json.loads(socket.recv(20))["messageIds"] == [good["messageId"]]
            sent.add(good["messageId"])
            socket.send(body)
            if (code := hear_all(socket)) not in CLOSED_WELL:
                wrong.append(f"{name}: {code}")
    assert wrong == []
    assert {event.id for event in read_log(redis_client)} == sent


def test_the_socket_never_fails_on_a_value(web: Web) -> None:
    wrong = []
    for name, value in VALUES.items():
        for frame in (HELLO, *FRAMES):
            for body in put_into(json.dumps(frame).encode(), value):
                with connect(web.socket_url) as socket:
                    if frame is not HELLO:
                        socket.send(json.dumps(HELLO))
                    socket.send(body)
                    if (code := hear_all(socket)) not in {*CLOSED_WELL, None}:
                        wrong.append(f"{name}: {code} {body[:200]!r}")
    assert wrong == []


# --- The doors behind Django ------------------------------------------------------------------------------------------

CONDITION = {"v": 1, "root": {"id": "n1", "kind": "event", "event": "Seen", "op": "at_least", "value": 1}}
REST: dict[str, dict[str, Any]] = {
    "POST /api/v1/segments": {"slug": "s1", "name": "S", "condition": CONDITION},
    "POST /api/v1/slots": {"slug": "s2", "name": "S", "default": "nothing"},
    "POST /api/v1/blocks": {"slug": "b1", "name": "B", "kind": "html", "source": "Hi"},
    "POST /api/v1/offers": {"slug": "o1", "name": "O", "kind": "points", "points": 5},
    "POST /api/v1/rules": {"slug": "r1", "name": "R", "slot": "nothing", "block": "nothing", "condition": CONDITION},
    "PATCH /api/v1/segments/{slug}": {"name": "S", "condition": CONDITION},
    "POST /api/v1/events": BATCH,
    "POST /api/v1/publish": {"note": "now"},
    "POST /api/v1/publications": {"at": "2030-01-01T00:00:00Z", "note": "then"},
    "POST /api/v1/back-tests": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "slots": ["nothing"]},
    "POST /api/v1/definitions": {"v": 1, "slots": [{"slug": "s3", "name": "S"}], "segments": []},
    "PATCH /api/v1/profiles/{id}": {"traits": {"a": 1}, "consent": {"marketing": True}},
    "POST /api/v1/profiles/{id}/points/add": {"points": 1, "key": "k", "note": "n"},
    "POST /api/v1/offers/{slug}/codes/generate": {"count": 1, "length": 8},
    "PATCH /api/v1/catalogue/{name}": {"label": "Seen", "properties": [{"path": "a", "type": "number"}]},
}


def call(browser: Browser, method: str, path: str, body: bytes, **headers: str) -> Any:
    sent = {"If-Match": "*", "Idempotency-Key": "", **headers}
    said = {name: value for name, value in sent.items() if value}
    return browser.generic(method, path, body, content_type="application/json", headers=said)


# Of doors that share one parser, one has all of them.
FEW = {
    **NO_CALL,
    **{name: NO_JSON[name] for name in ("nothing", "cut short", "no UTF-8", "NaN", "UTF-16", "a gzip bomb")},
}


def list_rest() -> list[tuple[str, Route]]:
    return [
        (method, route)
        for route in list_routes()
        if route.guard is Guard.TABLE
        for method in route.methods
        if method in ("POST", "PUT", "PATCH")
    ]


@pytest.mark.django_db
def test_rest_refuses_what_is_no_call(web: Web, things: None, settings: Any) -> None:
    """Some calls need no body, so that of `nothing` they may do what they are for."""
    browser, wrong = Browser(raise_request_exception=False), []
    assert len(list_rest()) >= 25
    for method, route in list_rest():
        has_own_parser = route.path.endswith(("/codes", "/definitions", "/events"))
        for name, body in (WRONG if has_own_parser else FEW).items():
            answer = call(browser, method, route.path, body, **BEARER)
            is_refused = 400 <= answer.status_code < 500 and answer["Content-Type"] == "application/problem+json"
            if not is_refused and not (answer.status_code < 300 and body in (b"", b"[]")):
                wrong.append(f"{method} {route.path}: {name}: {answer.status_code} {answer.content[:200]!r}")
    assert "\n".join(wrong) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("name", REST)
def test_rest_takes_or_refuses_a_value_and_never_fails(web: Web, things: None, name: str) -> None:
    method, _, path = name.partition(" ")
    path = path.replace("{slug}", "nothing").replace("{id}", "u:u1").replace("{name}", "Seen")
    browser, wrong = Browser(raise_request_exception=False), []
    for value in VALUES.values():
        for body in put_into(json.dumps(REST[name]).encode(), value):
            answer = call(browser, method, path, body, **BEARER)
            if answer.status_code >= 500 or (answer.status_code >= 400 and not json.loads(answer.content).get("code")):
                wrong.append(f"{answer.status_code} {body[:300]!r} {answer.content[:200]!r}")
    assert "\n".join(wrong) == ""


STUDIO = ("conditions/look/", "conditions/who/", "content/preview/", "content/drafted/", "content/rules/nothing/live/")
FIELDS = ("condition", "source", "sample", "data", "context", "shape", "document")  # that have JSON in them


@pytest.mark.django_db
@pytest.mark.parametrize("path", STUDIO)
def test_the_studio_refuses_what_is_no_question(web: Web, things: None, path: str) -> None:
    owner, wrong = sign_in("owner"), []
    owner.raise_request_exception = False
    for name, body in WRONG.items():
        said = body[:50_000].decode("latin-1")
        answers = [
            owner.generic("POST", f"/studio/{path}", body, content_type="application/json"),
            owner.post(f"/studio/{path}", dict.fromkeys(FIELDS, said)),
        ]
        wrong += [f"{name}: {answer.status_code}" for answer in answers if answer.status_code >= 500]
    assert wrong == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_the_doors_of_tokens_refuse_what_is_no_form(web: Web, settings: Any, path: str) -> None:
    settings.PZ_TOKEN_CALLS = 0
    browser, wrong = Browser(raise_request_exception=False), []
    for name, body in WRONG.items():
        for kind in ("application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"):
            answer = browser.generic("POST", path, body, content_type=kind)
            if not 400 <= answer.status_code < 500:
                wrong.append(f"{name} as {kind}: {answer.status_code}")
    assert wrong == []


# --- The socket of the Studio -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_the_studios_socket_closes_on_what_is_no_frame(web: Web) -> None:
    def enter() -> Any:
        try:
            return sign_in("owner").session.session_key
        finally:
            connection.close()

    cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={await asyncio.to_thread(enter)}"}
    address, wrong = f"ws://127.0.0.1:{web.port}/studio/live/", []
    for name, body in WRONG.items():
        async with websockets.asyncio.client.connect(address, origin=web.url, additional_headers=cookie) as socket:  # type: ignore[arg-type]
            await socket.send(body)
            try:
                async with asyncio.timeout(20):
                    while True:
                        await socket.recv()
            except ConnectionClosed as closed:
                if closed.rcvd is None or closed.rcvd.code not in CLOSED_WELL:
                    wrong.append(f"{name}: {closed.rcvd}")
    assert wrong == []
