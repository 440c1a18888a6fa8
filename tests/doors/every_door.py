"""Calls of every door, each saying of consent what a case says: the rows and columns of docs/reference/consent.md."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import websockets.asyncio.client

from ingestion.scopes import Scope
from profiles.consent import UPDATED
from tests.doors.conftest import WRITE_KEY, Web
from tests.doors.keyring import name_secret

GPC = {"Sec-GPC": "1"}
NO = {"consent": {"categoryPreferences": {"tracking": False, "marketing": True}}}


class Case(NamedTuple):
    """What a call says of consent: a state, the browser's header, and the context of the event or question."""

    state: str | None = None
    headers: dict[str, str] = {}
    context: dict[str, Any] = {}


# The columns of the table, each with everything that it speaks of.
COLUMNS: tuple[tuple[Case, ...], ...] = (
    (Case(), Case("granted")),
    (Case("pending"), Case("denied")),
    (Case(headers=GPC),),
    (Case("granted", GPC),),
    (Case(context=NO), Case("granted", context=NO)),
)
Call = Callable[[Web, str, Case], Any]  # with the id of a device; what it is answered


def _state(case: Case) -> dict[str, str]:
    return {} if case.state is None else {"consent": case.state}


def _track(device: str, case: Case, event: str = "Product Viewed") -> dict[str, Any]:
    context = {"page": {"path": f"/{device}"}, **case.context}
    about = {"size": "L", "note": f"of {device}"}
    return {"type": "track", "event": event, "anonymousId": device, "properties": about, "context": context}


def read_answer(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 202, 302), answer.text
    assert "set-cookie" not in answer.headers
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def _post(web: Web, path: str, body: Any, case: Case, *, scope: Scope | None = None) -> Any:
    headers = {**case.headers, **({"Authorization": f"Bearer {name_secret(scope, has=True)}"} if scope else {})}
    return read_answer(httpx.post(web.url + path, json=body, headers=headers, auth=None if scope else (WRITE_KEY, "")))


def track(web: Web, device: str, case: Case) -> Any:
    return _post(web, "/v1/track", {**_track(device, case), **_state(case)}, case)


def batch(web: Web, device: str, case: Case) -> Any:
    return _post(web, "/v1/batch", {"batch": [_track(device, case)], **_state(case)}, case)


def beacon(web: Web, device: str, case: Case) -> Any:
    body = json.dumps({"batch": [_track(device, case)], **_state(case)})
    return read_answer(
        httpx.post(f"{web.url}/beacon/v1/batch?writeKey={WRITE_KEY}", content=body, headers=case.headers)
    )


def events(web: Web, device: str, case: Case) -> Any:
    return _post(web, "/api/v1/events", {"batch": [_track(device, case)], **_state(case)}, case, scope=Scope.EVENTS)


def preferences(web: Web, device: str, case: Case) -> Any:
    message = _track(device, case, UPDATED)
    message["context"] = {"consent": {"categoryPreferences": {"email": False}}, **message["context"]}
    return _post(web, "/v1/track", {**message, **_state(case)}, case)


async def _talk(web: Web, device: str, case: Case, frame: dict[str, Any]) -> Any:
    async with websockets.asyncio.client.connect(web.socket_url, additional_headers=case.headers) as socket:
        hello = {"type": "hello", "v": 1, "writeKey": WRITE_KEY, "anonymousId": device, **_state(case)}
        for said in (hello, frame):
            await socket.send(json.dumps(said))
        assert "set-cookie" not in (socket.response.headers if socket.response else {})
        assert json.loads(await socket.recv())["type"] == "welcome"
        return json.loads(await socket.recv())


def socket_events(web: Web, device: str, case: Case) -> Any:
    return asyncio.run(_talk(web, device, case, {"type": "batch", "id": 1, "batch": [_track(device, case)]}))


def socket_decide(web: Web, device: str, case: Case) -> Any:
    frame = {"type": "decide", "id": 1, "slots": ["hero"], "context": case.context}
    return asyncio.run(_talk(web, device, case, frame))["slots"]["hero"]


def decide(web: Web, device: str, case: Case) -> Any:
    question = {"anonymousId": device, "slots": ["hero"], "context": case.context, **_state(case)}
    return _post(web, "/api/v1/decide", question, case)["slots"]["hero"]


def decide_batch(web: Web, device: str, case: Case) -> Any:
    people = [{"anonymousId": device, "context": case.context, **_state(case)}]
    answer = _post(web, "/api/v1/decide/batch", {"people": people, "slots": ["hero"]}, case, scope=Scope.DECIDE)
    return answer["answers"][0]["slots"]["hero"]


def graphql(web: Web, device: str, case: Case) -> Any:
    query = """query ($id: String, $context: JSON, $consent: String) {
      decide(anonymousId: $id, slots: ["hero"], context: $context, consent: $consent) { slots { reason block } } }"""
    variables = {"id": device, "context": case.context, **_state(case)}
    answer = _post(web, "/graphql", {"query": query, "variables": variables}, case, scope=Scope.DECIDE)
    return answer["data"]["decide"]["slots"][0]


def _edge(web: Web, path: str, device: str, case: Case) -> Any:
    asked = {"writeKey": WRITE_KEY, **_state(case)}
    headers = {**case.headers, "Cookie": f"pz_id={device}"}
    return read_answer(httpx.get(f"{web.url}/edge/v1/{path}", params=asked, headers=headers))


def fragment(web: Web, device: str, case: Case) -> Any:
    return _edge(web, "slots/hero", device, case)


def facts(web: Web, device: str, case: Case) -> Any:
    return _edge(web, "facts", device, case)["profile"]


def key(web: Web, device: str, case: Case) -> Any:
    return _edge(web, "key", device, case)["key"]


def write_letter(web: Web, device: str) -> str:
    call = {"template": "letter", "recipients": [{"anonymousId": device}]}
    return str(_post(web, "/api/v1/email/render", call, Case(), scope=Scope.EMAIL_SEND)["messages"][0]["html"])


def follow(letter: str, door: str) -> str:
    found = re.search(rf'"(http://[^"]*/t/{door}/[^"]*)"', letter)
    assert found is not None
    return found[1]


# Addresses that stand in no table of doors: they ask for no scope.
MORE = (
    *(f"{method} /v1/track" for method in ("POST", "OPTIONS", "GET")),
    *("POST /beacon/v1/batch", "GET /beacon/v1/batch", f"GET /sourceConfig/?writeKey={WRITE_KEY}"),
    *(
        f"GET /v1/projects/{WRITE_KEY}/settings",
        "OPTIONS /api/v1/decide",
        f"GET /edge/v1/bundle.json?writeKey={WRITE_KEY}",
    ),
    *(f"{method} /t/{door}/x" for door in "ocvu" for method in ("GET", "HEAD", "POST")),
    *("GET /static/tracker/pz.js", "GET /health/live"),
)

# The rows of the table: what a door of events is asked, and one that decides.
EVENTS: dict[str, Call] = {
    "`POST /v1/track`": track,
    "`POST /v1/batch`": batch,
    "`POST /beacon/v1/batch`": beacon,
    "`POST /api/v1/events`": events,
    "events by `/ws/v1/`": socket_events,
    "the event *Segment Consent Preference Updated*": preferences,
}
DECIDING: dict[str, Call] = {
    "`decide` by `/ws/v1/`": socket_decide,
    "`POST /api/v1/decide`": decide,
    "`POST /api/v1/decide/batch`": decide_batch,
    "`decide` by `POST /graphql`": graphql,
    "`GET /edge/v1/slots/{slot}`": fragment,
}
TELLING: dict[str, Call] = {"`GET /edge/v1/facts`": facts, "`GET /edge/v1/key`": key}
MAIL = {
    "`GET /t/o/…`, an opening": "o",
    "`GET /t/c/…`, a click": "c",
    "`GET /t/v/…`, view in the browser": "v",
    "`POST /t/u/…`, unsubscribe": "u",
}
