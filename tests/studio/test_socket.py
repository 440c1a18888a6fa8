"""The Studio's socket on the running web process: who is let in, the figures it tells, and events as they come."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock
from uuid import uuid4

import httpx
import pytest
import websockets.asyncio.client
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ingestion import closing
from ingestion.accepted import Applied
from personalization.arrivals import Arrival
from personalization.wiring import make_processor
from profiles.event import Event
from profiles.models import StoredProfile
from studio.live import socket as studio_socket
from studio.live.rows import Wanted
from studio.models import Member
from studio.roles import Ability, Visitor
from tests.doors.conftest import WRITE_KEY, open_doors, put_in_force, viewed
from tests.doors.conftest import Web as Process
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 15


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with open_doors() as port:
        yield port


@pytest.fixture
def web(port: int, redis_client: Any) -> Process:
    """A running web process before an otherwise empty Redis."""
    put_in_force(redis_client)
    return Process(port, make_processor("test"))


@asynccontextmanager
async def watch(web: Process, client: Client | None, **more: Any) -> AsyncIterator[ClientConnection]:
    """The socket, as a page of the Studio opens it."""
    headers = {} if client is None else {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"}
    address = f"ws://127.0.0.1:{web.port}/studio/live/"
    asked: dict[str, Any] = {"origin": web.url, "additional_headers": headers, **more}
    async with websockets.asyncio.client.connect(address, **asked) as socket:
        yield socket


async def act(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """In a thread that leaves no connection behind."""

    def do() -> Any:
        try:
            return call(*args, **kwargs)
        finally:
            connection.close()

    return await asyncio.to_thread(do)


async def hear(socket: ClientConnection, type: str, holds: Any = lambda frame: True) -> dict[str, Any]:
    """The next frame of that type for which it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] == type and holds(frame):
                return frame


async def hear_end(socket: ClientConnection) -> int | None:
    """The code it was closed with."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


async def hear_rows(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while len(rows) < count:
        rows += (await hear(socket, "events"))["rows"]
    return rows


async def ask(socket: ClientConnection, **wanted: Any) -> list[dict[str, Any]]:
    """Watches events from now on; answers what was there already."""
    await socket.send(json.dumps({"type": "watch", **wanted}))
    rows: list[dict[str, Any]] = (await hear(socket, "earlier"))["rows"]
    return rows


def send(web: Process, *events: dict[str, Any], key: str = WRITE_KEY) -> None:
    httpx.post(f"{web.url}/v1/batch", json={"batch": events}, auth=(key, ""), timeout=10)
    web.process()


def decide(web: Process) -> None:
    question = {"slots": ["hero"], "writeKey": WRITE_KEY, "anonymousId": "pulse-dora"}
    assert httpx.post(f"{web.url}/api/v1/decide", json=question).status_code == 200


# --- Who is let in ----------------------------------------------------------------------------------------------------


async def test_a_stranger_is_told_to_sign_in_and_nothing_else(web: Process) -> None:
    for cookie in ("", "sessionid=nonsense", "sessionid=; theme=dark"):
        async with watch(web, None, additional_headers={"Cookie": cookie}) as socket:
            assert await hear_end(socket) == closing.SIGNED_OUT[0]


async def test_a_foreign_page_is_refused_whoever_is_signed_in(web: Process) -> None:
    client = await act(sign_in, "owner")
    for origin in ("https://evil.example", "http://127.0.0.1", f"{web.url}.evil.example", "null", None):
        with pytest.raises(InvalidStatus) as refused:
            async with watch(web, client, origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_somebody_without_a_role_is_not_let_in(web: Process) -> None:
    client = Client()
    user = await act(User.objects.create_user, "nobody")
    await act(client.force_login, user)
    async with watch(web, client) as socket:
        assert await hear_end(socket) == closing.SIGNED_OUT[0]


async def test_a_role_without_events_sees_the_pulse_and_not_the_events(web: Process) -> None:
    for role in ("viewer", "marketer", "publisher", "analyst"):
        client = await act(sign_in, role)
        async with watch(web, client) as socket:
            await hear(socket, "pulse")
            await socket.send('{"type": "watch"}')
            assert await hear_end(socket) == closing.NOT_ALLOWED[0]


async def test_who_signs_out_or_loses_the_role_hears_no_more(web: Process, monkeypatch: Any) -> None:
    monkeypatch.setattr(studio_socket, "CHECK_S", 0.1)
    leaving, losing = [await act(sign_in, "developer", name=name) for name in ("leaving", "losing")]
    async with watch(web, leaving) as first, watch(web, losing) as second:
        await hear(first, "pulse")
        await ask(second)
        await act(leaving.logout)
        assert await hear_end(first) == closing.SIGNED_OUT[0]
        await act(Member.objects.filter(user__username="losing").update, role="viewer")
        assert await hear_end(second) == closing.NOT_ALLOWED[0]


async def test_a_changed_password_ends_the_session_of_the_socket_too(web: Process) -> None:
    client = await act(sign_in, "owner", name="changing")
    user = await act(User.objects.get, username="changing")
    user.set_password("another one")
    await act(user.save)
    async with watch(web, client) as socket:
        assert await hear_end(socket) == closing.SIGNED_OUT[0]


async def test_there_are_no_more_sockets_than_are_allowed(web: Process, monkeypatch: Any) -> None:
    monkeypatch.setattr(studio_socket, "OPEN", 1)
    client = await act(sign_in, "viewer")
    async with watch(web, client) as first:
        await hear(first, "pulse")
        async with watch(web, client) as second:
            assert await hear_end(second) == closing.BUSY[0]
        await hear(first, "pulse")


async def test_what_is_not_understood_ends_the_socket(web: Process) -> None:
    client = await act(sign_in, "owner")
    for said in ("nonsense", '{"type": "hello"}', '{"type": "watch", "name": 3}', '"' + "x" * 3_000):
        async with watch(web, client) as socket:
            await socket.send(said)
            assert await hear_end(socket) == closing.BAD_FRAME[0]
    async with watch(web, client) as socket:
        for _ in range(studio_socket.FRAMES + 1):
            await socket.send('{"type": "pause"}')
        assert await hear_end(socket) == closing.TOO_FAST[0]


# --- The pulse --------------------------------------------------------------------------------------------------------


async def test_the_pulse_tells_what_was_sent(web: Process) -> None:
    client = await act(sign_in, "viewer")
    async with watch(web, client) as socket:
        before = await hear(socket, "pulse", lambda beat: beat["events"] is not None)
        bad = {"type": "track", "anonymousId": "pulse-anna"}
        await act(send, web, *[viewed("pulse-anna") for _ in range(7)], bad, bad)
        for _ in range(3):
            await act(decide, web)
        grown, decided, events, refusals, decisions = 0, 0, 0.0, 0.0, 0.0
        while grown < 7 or decided < 3:
            beat = await hear(socket, "pulse")
            grown = beat["eventsToday"] - before["eventsToday"]
            decided = beat["decisionsToday"] - before["decisionsToday"]
            events, refusals = events + beat["events"], refusals + beat["refusals"]
            decisions += beat["decisions"]
        assert (grown, beat["refusalsToday"] - before["refusalsToday"], decided) == (7, 2, 3)
        # A beat is about a second, so that the rates of all of them add up to what was sent.
        assert (events, refusals, decisions) == pytest.approx((7, 2, 3), rel=0.4)
        assert (beat["source"], beat["sources"]) == ("Site", 1)
        assert 0 <= beat["freshness"] < 10_000


async def test_the_pulse_counts_who_is_here(web: Process) -> None:
    now = timezone.now()
    for minutes in (1, 4, 7):
        at = now - timedelta(minutes=minutes)
        await act(StoredProfile.objects.create, id=uuid4(), first_seen=at, last_seen=at, state=b"", updated=at)
    client = await act(sign_in, "viewer")
    async with watch(web, client) as socket:
        beat = await hear(socket, "pulse", lambda beat: beat["people"])
        assert (beat["people"], beat["peopleCut"]) == (2, False)
        assert (beat["processor"], beat["archiver"], beat["waiting"]) == (False, False, 0)


async def test_a_page_that_comes_later_is_shown_the_last_minute(web: Process) -> None:
    client = await act(sign_in, "viewer")
    async with watch(web, client) as first:
        await hear(first, "pulse")
        await hear(first, "pulse")
        async with watch(web, client) as second:
            assert len((await hear(second, "history"))["beats"]) >= 2


# --- Events -----------------------------------------------------------------------------------------------------------


async def test_events_and_refusals_are_shown_as_they_come(web: Process) -> None:
    client = await act(sign_in, "owner")
    async with watch(web, client) as socket:
        assert await ask(socket) == []
        good = viewed("pulse-anna", messageId="m1", properties={"product_id": "boots"})
        await act(send, web, good, {"type": "track", "anonymousId": "pulse-anna", "messageId": "m2"})
        rows = {row["kind"]: row for row in await hear_rows(socket, 2)}
        event, refusal = rows["event"], rows["refusal"]
        assert (event["id"], event["name"], event["source"], event["type"]) == ("m1", "Product Viewed", "site", "track")
        assert (event["person"], event["properties"], len(event["profile"])) == (
            "pulse-anna",
            {"product_id": "boots"},
            32,
        )
        assert event["committed"] >= event["received"]
        assert (refusal["reason"], refusal["messageId"], refusal["source"]) == ("missing_event", "m2", "site")
        assert "pulse-anna" in refusal["sample"]
    async with watch(web, client) as later:  # though the archiver has not come to the event yet
        assert {row["id"] for row in await ask(later) if row["kind"] == "event"} == {"m1"}
        assert [row["reason"] for row in await ask(later, events=False)] == ["missing_event"]


async def test_whose_they_are_is_masked_where_it_was_not_granted(web: Process) -> None:
    client = await act(sign_in, "developer")
    granted = await act(sign_in, "developer", personal=True, name="granted")
    sent = [
        {"type": "identify", "userId": "anna@example.com", "traits": {"name": "Anna", "plan": "gold", "age": 33}},
        {"type": "track", "userId": "anna@example.com", "properties": {"size": "XL"}},
    ]
    async with watch(web, client) as masked, watch(web, granted) as plain:
        await ask(masked)
        await ask(plain)
        await act(send, web, *sent)
        said = json.dumps(rows := await hear_rows(masked, 2))
        assert "anna" not in said.casefold() and "XL" not in said
        (event,) = [row for row in rows if row["kind"] == "event"]
        assert (event["person"], event["userId"], event["profile"]) == ("a•••@e•••", "a•••@e•••", None)
        assert event["traits"] == {"name": "A•••", "plan": "gold", "age": 33}
        assert "anna@example.com" in json.dumps(await hear_rows(plain, 2))


async def test_a_page_sees_what_it_asks_for(web: Process) -> None:
    wanted: list[tuple[dict[str, Any], set[str]]] = [
        ({"name": "order"}, {"Order Completed"}),
        ({"person": "pulse-bea"}, {"Order Completed", "Page Viewed"}),
        ({"person": "pulse"}, set()),
        ({"source": "site"}, {"Product Viewed", "Order Completed", "Page Viewed"}),
        ({"source": "debug"}, set()),
        ({"events": False}, set()),
    ]
    client = await act(sign_in, "owner")
    bea = {"anonymousId": "pulse-bea"}
    sent = [viewed("pulse-anna"), {"type": "track", "event": "Order Completed", **bea}, {"type": "page", **bea}]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(watch(web, client)) for _ in wanted]
        for socket, (said, _) in zip(sockets, wanted, strict=True):
            await ask(socket, **said)
        await act(send, web, *sent)
        for socket, (said, names) in zip(sockets, wanted, strict=True):
            assert {row["name"] for row in await hear_rows(socket, len(names))} == names, said


async def test_of_a_burst_some_are_shown_and_all_are_counted(web: Process) -> None:
    client = await act(sign_in, "owner")
    async with watch(web, client) as socket:
        await ask(socket)
        await hear(socket, "pulse", lambda beat: beat["events"] is not None)
        await act(send, web, *[viewed("pulse-anna") for _ in range(300)])
        shown = matched = 0
        while matched < 300:
            sampled = await hear(socket, "sampled")
            assert sampled["shown"] <= studio_socket.SHOWN
            shown, matched = shown + sampled["shown"], matched + sampled["matched"]
        assert matched == 300
        assert 0 < shown <= 2 * studio_socket.SHOWN  # it may come within two seconds


async def test_a_page_that_pauses_is_sent_nothing(web: Process) -> None:
    client = await act(sign_in, "owner")
    async with watch(web, client) as socket, watch(web, client) as other:
        await ask(socket)
        await ask(other)
        await socket.send('{"type": "pause"}')
        beats = await hear(socket, "pulse")
        await act(send, web, viewed("pulse-anna"))
        await hear_rows(other, 1)
        frames: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_S):
            while not frames or frames[-1].get("eventsToday", 0) <= beats["eventsToday"]:
                frames.append(json.loads(await socket.recv()))
        assert {frame["type"] for frame in frames} == {"pulse"}


async def test_what_waits_for_a_slow_reader_is_bounded() -> None:
    visitor = Visitor(User(username="slow"), "owner", frozenset(Ability))
    seat = studio_socket._Seat(Mock(), visitor, AsyncMock(), AsyncMock())
    seat._wanted = Wanted()
    event = Event(
        id="m1", source="shop", type="track", name="Big", at=1, received=1, user_id="u", properties={"x": "x" * 20_000}
    )
    arrivals = [Arrival(1, Applied(profile="0" * 32, event=event))] * 100
    for _ in range(50):  # seconds in which nothing is read
        seat.take(arrivals, ())
        seat._shown = 0
    assert studio_socket.WAITING_BYTES <= seat._bytes < studio_socket.WAITING_BYTES + 30_000
    assert len(seat._rows) < 30
