"""Every door x every state of consent, as the table of docs/reference/consent.md says: without consent nothing anywhere
in Redis names who it was about, and no answer of a door for visitors sets a cookie."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
import websockets.asyncio.client
from django.test import RequestFactory, override_settings

from ingestion.accepted import unpack as unpack_accepted
from ingestion.log_redis import FIELD
from ingestion.scopes import Scope
from personalization.client import asking
from personalization.wiring import make_processor
from profiles import keys
from profiles.clients import Client
from profiles.consent import UPDATED
from profiles.decided import Decided
from profiles.event import derive_profile_id
from profiles.profile import Profile, Trait, pack
from tests.doors.conftest import SEGMENTS, WRITE_KEY, Web, put_in_force
from tests.doors.keyring import name_secret
from tests.product import ROOT, wait_until
from tests.rosters import make_roster

PAGE = Path(ROOT) / "docs/reference/consent.md"
GPC = {"Sec-GPC": "1"}
NO = {"consent": {"categoryPreferences": {"tracking": False, "marketing": True}}}
VIEWERS = {"v": 1, "root": {"id": "s", "kind": "segment", "segment": "viewers"}}
LETTER = """<!doctype html><html lang="en"><head><title>Letter</title></head><body><a href="https://shop.example/t">T</a>
<a href="{{ view_url }}">View</a> <a href="{{ unsubscribe_url }}">Out</a></body></html>"""
BOOK: dict[str, Any] = {
    "v": 1,
    "number": 5,
    "slots": {"hero": {"default": None}, "mail": {"default": None, "channel": "email"}},
    "blocks": {
        "gift": {"kind": "html", "source": "<p>For {{ profile.traits.name | default: 'you' }}</p>"},
        "letter": {"kind": "email", "subject": "A letter", "text": "A letter {{ unsubscribe_url }}", "source": LETTER},
    },
    "offers": {"spring": {"kind": "code", "name": "Spring"}},
    "rules": [
        {
            "slug": "gift",
            "name": "Gift",
            "slot": "hero",
            "priority": 5,
            "block": "gift",
            "condition": VIEWERS,
            "purpose": "marketing",
            "offer": "spring",
            "caps": [{"of": "person", "per": "campaign", "most": 3}],
        }
    ],
}


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


def _read(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 202, 302), answer.text
    assert "set-cookie" not in answer.headers
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def _post(web: Web, path: str, body: Any, case: Case, *, scope: Scope | None = None) -> Any:
    headers = {**case.headers, **({"Authorization": f"Bearer {name_secret(scope, has=True)}"} if scope else {})}
    return _read(httpx.post(web.url + path, json=body, headers=headers, auth=None if scope else (WRITE_KEY, "")))


def track(web: Web, device: str, case: Case) -> Any:
    return _post(web, "/v1/track", {**_track(device, case), **_state(case)}, case)


def batch(web: Web, device: str, case: Case) -> Any:
    return _post(web, "/v1/batch", {"batch": [_track(device, case)], **_state(case)}, case)


def beacon(web: Web, device: str, case: Case) -> Any:
    body = json.dumps({"batch": [_track(device, case)], **_state(case)})
    return _read(httpx.post(f"{web.url}/beacon/v1/batch?writeKey={WRITE_KEY}", content=body, headers=case.headers))


def events(web: Web, device: str, case: Case) -> Any:
    return _post(web, "/api/v1/events", {"batch": [_track(device, case)], **_state(case)}, case, scope=Scope.EVENTS)


def preferences(web: Web, device: str, case: Case) -> Any:
    return _post(web, "/v1/track", {**_track(device, case, UPDATED), **_state(case)}, case)


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
    return _read(httpx.get(f"{web.url}/edge/v1/{path}", params=asked, headers=headers))


def fragment(web: Web, device: str, case: Case) -> Any:
    return _edge(web, "slots/hero", device, case)


def facts(web: Web, device: str, case: Case) -> Any:
    return _edge(web, "facts", device, case)["profile"]


def key(web: Web, device: str, case: Case) -> Any:
    return _edge(web, "key", device, case)["key"]


def _letter(web: Web, device: str) -> str:
    call = {"template": "letter", "recipients": [{"anonymousId": device}]}
    return str(_post(web, "/api/v1/email/render", call, Case(), scope=Scope.EMAIL_SEND)["messages"][0]["html"])


def _follow(letter: str, door: str) -> str:
    found = re.search(rf'"(http://[^"]*/t/{door}/[^"]*)"', letter)
    assert found is not None
    return found[1]


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


def read_table() -> dict[str, list[str]]:
    """Door to what the page says of it in each column."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows if len(row) == len(COLUMNS) + 1 and row[0] != "Door"}


TABLE = read_table()


def cells(doors: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(door, case, said, id=f"{door}-{said}-{case.state}-{len(case.headers)}-{len(case.context)}")
        for door in doors
        for cases, said in zip(COLUMNS, TABLE[door], strict=True)
        for case in cases
        if said != "–"
    ]


def test_the_page_has_a_row_for_each_door_and_each_is_tried() -> None:
    assert TABLE.keys() == {*EVENTS, *DECIDING, *TELLING, *MAIL}
    words = {word for row in TABLE.values() for word in row}
    assert words == {"kept", "nothing", "person", "nobody", "its word", "–"}


@pytest.fixture(scope="module", autouse=True)
def named() -> Iterator[None]:
    with override_settings(PZ_CACHE_SEGMENTS=["viewers"], PZ_DEVICE_TRAITS=["name"]):
        yield


@pytest.fixture
def doors(port: int, redis_client: Client) -> Web:
    """The web process with the Book above, whose number stays, so that it is loaded once."""
    put_in_force(redis_client, BOOK)
    web = Web(port, make_processor("test"))
    wait_until(lambda: _ask_nobody(web)["book"] == 5)
    redis_client.rpush(keys.codes("spring"), "SPRING-1", "SPRING-2")
    for number in range(8):
        redis_client.delete(keys.accepted(number))
    return web


def _ask_nobody(web: Web) -> Any:
    return httpx.post(web.url + "/api/v1/decide", json={"slots": ["hero"], "writeKey": WRITE_KEY}).json()


def know(client: Client, device: str, said: bool | None = True) -> str:
    """Puts somebody into the store who is in the segment, and has said yes, no or nothing to the rule's purpose."""
    profile = Profile(
        id=derive_profile_id(f"a:{device}"),
        identifiers=(f"a:{device}",),
        traits={"name": Trait(f"Name of {device}", 1)},
        segments={make_roster(SEGMENTS).answers["viewers"]: 1},
        consent={} if said is None else {"marketing": Trait(said, 1)},
    )
    client.set(keys.profile(profile.id), pack(profile))
    return profile.id


def find_traces(client: Client, device: str) -> dict[str, Any]:
    """All of Redis that names the device or its profile, by key."""
    id = derive_profile_id(f"a:{device}")
    words = (device.encode(), id.encode(), UUID(id).bytes)
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1, withscores=True),
        b"stream": client.xrange,
        b"none": lambda name: None,  # has expired since it was listed
    }
    found = {}
    for name in client.scan_iter(count=1_000):
        held = readers[client.type(name)](name)
        if any(word in piece for word in words for piece in (name, *_pieces(held))):
            found[name.decode()] = held
    return found


def _pieces(held: Any) -> Iterator[bytes]:
    if isinstance(held, bytes):
        yield held
    elif isinstance(held, dict):
        yield from _pieces([*held, *held.values()])
    elif isinstance(held, (list, tuple, set)):
        for each in held:
            yield from _pieces(each)


def decisions(client: Client) -> list[Decided]:
    found = [fields[FIELD] for number in range(8) for _, fields in client.xrange(keys.accepted(number))]
    return [record for record in map(unpack_accepted, found) if isinstance(record, Decided)]


@pytest.mark.parametrize(("door", "case", "said"), cells(EVENTS))
def test_events(doors: Web, redis_client: Client, door: str, case: Case, said: str) -> None:
    EVENTS[door](doors, "device-of-events", case)
    doors.process()
    traces = find_traces(redis_client, "device-of-events")
    told = b"".join(piece for held in traces.values() for piece in _pieces(held))
    if said == "nothing":
        assert traces == {}
        assert any(b"no_consent" in name for name in redis_client.hgetall(keys.OUTCOMES))
    else:
        assert keys.profile(derive_profile_id("a:device-of-events")) in traces
        assert (b"of device-of-events" in told) is (said == "kept")
        assert (b"/device-of-events" in told) is (said == "kept")


@pytest.mark.parametrize(("door", "case", "said"), cells({**DECIDING, **TELLING}))
def test_decisions(doors: Web, redis_client: Client, door: str, case: Case, said: str) -> None:
    id = know(redis_client, "device-that-is-known")
    before = find_traces(redis_client, "device-that-is-known")
    shown = json.dumps({**DECIDING, **TELLING}[door](doors, "device-that-is-known", case))
    after = find_traces(redis_client, "device-that-is-known")
    recorded = [each.profile for each in decisions(redis_client)]
    left = redis_client.llen(keys.codes("spring"))
    if said == "nobody":
        assert "Name of" not in shown and "viewers~" not in shown
        assert after == before and left == 2 and not redis_client.exists(keys.tally(id))
        assert recorded == ([""] if door in DECIDING else [])
    elif door in DECIDING:
        assert "Name of device-that-is-known" in shown
        assert recorded == [id] and left == 1
        assert len(redis_client.hgetall(keys.tally(id))) == 2  # a cap and a grant
    else:
        assert "Name of" in shown or "viewers~" in shown


@pytest.mark.parametrize("said", [True, False, None])
@pytest.mark.parametrize("door", DECIDING)
def test_a_rules_purpose(doors: Web, redis_client: Client, door: str, said: bool | None) -> None:
    id = know(redis_client, "device-with-a-word", said)
    shown = json.dumps(DECIDING[door](doors, "device-with-a-word", Case()))
    assert ("Name of" in shown) is (said is True)
    assert redis_client.llen(keys.codes("spring")) == (1 if said else 2)
    assert redis_client.exists(keys.tally(id)) == (1 if said else 0)
    if not said:
        [decision] = decisions(redis_client)
        assert [each.why for answer in decision.answers for each in answer.suppressed] == ["no_consent"]


@pytest.mark.parametrize(("door", "case", "said"), cells(MAIL))
def test_mail(doors: Web, redis_client: Client, door: str, case: Case, said: str) -> None:
    if case.state is not None:
        return  # a link says no state
    letter = _letter(doors, "device-with-mail")
    before = find_traces(redis_client, "device-with-mail")
    address = _follow(letter, MAIL[door])
    _read(httpx.request("POST" if MAIL[door] == "u" else "GET", address, headers=case.headers))
    doors.process()
    after = find_traces(redis_client, "device-with-mail")
    assert (after == before) is (said == "nothing")
    assert (keys.profile(derive_profile_id("a:device-with-mail")) in after) is (said != "nothing")


def test_a_site_that_asks_from_its_server_heeds_what_the_browser_asks(doors: Web, redis_client: Client) -> None:
    know(redis_client, "device-of-a-site")
    request = RequestFactory().get("/", headers=GPC)
    request.COOKIES["pz_id"] = "device-of-a-site"
    site = {"PERSONALIZE_URL": doors.url, "PERSONALIZE_WRITE_KEY": WRITE_KEY, "PERSONALIZE_TIMEOUT": 5}
    with override_settings(**site):
        nobody = asking.decide(request, "hero")
    assert nobody is not None and nobody["reason"] == "no_rule_matched"
    del request._personalize_decisions  # type: ignore[attr-defined]  # set by the client, to ask once a page
    with override_settings(**site, PERSONALIZE_GPC="ignore"):
        known = asking.decide(request, "hero")
    assert known is not None and known["reason"] == "rule_matched"


def test_a_state_there_is_none_of_is_refused_and_never_taken_for_a_yes(doors: Web) -> None:
    question = {"slots": ["hero"], "anonymousId": "anna", "consent": "yes", "writeKey": WRITE_KEY}
    assert httpx.post(doors.url + "/api/v1/decide", json=question).status_code == 400
    assert httpx.get(f"{doors.url}/edge/v1/facts?writeKey={WRITE_KEY}&consent=yes").status_code == 400
