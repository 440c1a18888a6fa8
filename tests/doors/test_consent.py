"""Every door x every state of consent, as the table of docs/reference/consent.md says: without consent nothing anywhere
in Redis names who it was about, and no answer of a door for visitors sets a cookie."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.test import RequestFactory, override_settings

from ingestion.accepted import unpack as unpack_accepted
from ingestion.log_redis import FIELD
from personalization.client import asking
from personalization.doors import DOORS
from personalization.wiring import make_processor
from profiles import keys
from profiles.clients import Client
from profiles.decided import Decided
from profiles.event import derive_profile_id
from profiles.profile import Profile, Trait, pack
from tests.doors.conftest import SEGMENTS, WRITE_KEY, Web, put_in_force
from tests.doors.every_door import (
    COLUMNS,
    DECIDING,
    EVENTS,
    GPC,
    MAIL,
    MORE,
    TELLING,
    Case,
    follow,
    read_answer,
    write_letter,
)
from tests.product import ROOT, wait_until
from tests.rosters import make_roster

PAGE = Path(ROOT) / "docs/reference/consent.md"
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
    letter = write_letter(doors, "device-with-mail")
    before = find_traces(redis_client, "device-with-mail")
    address = follow(letter, MAIL[door])
    read_answer(httpx.request("POST" if MAIL[door] == "u" else "GET", address, headers=case.headers))
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


def test_no_door_sets_a_cookie_whatever_it_answers(port: int) -> None:
    """Of every call that there is, by nobody: refused or not."""
    calls = [name.split(" ") for name in (*DOORS, *MORE) if "/" in name]
    assert len(calls) > 90
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Origin": "https://shop.example"}) as nobody:
        answers = [nobody.request(method, re.sub(r"{[^}]*}", "x", path)) for method, path in calls]
    assert [answer.request.url.path for answer in answers if "set-cookie" in answer.headers] == []
    assert {answer.status_code // 100 for answer in answers} == {2, 4}
