"""The socket: hello, acknowledgements, limits, close codes, and readers that do not read."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from ingestion.consumers import Decide, EventConsumer, SocketLimits
from tests.ingestion.doors import Doors, LogServer, track, wait_until

HELLO: dict[str, Any] = {"type": "hello", "v": 1, "writeKey": "WK", "anonymousId": "anna", "consent": "granted"}


def say(client: ClientConnection, frame: Any) -> None:
    client.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))


def hear(client: ClientConnection) -> dict[str, Any]:
    frame = json.loads(client.recv(timeout=20))
    assert isinstance(frame, dict)
    return frame


def ask(client: ClientConnection, frame: Any) -> dict[str, Any]:
    say(client, frame)
    return hear(client)


@contextmanager
def greeted(doors: Doors, **hello: Any) -> Iterator[ClientConnection]:
    with doors.connect() as client:
        assert ask(client, {**HELLO, **hello})["type"] == "welcome"
        yield client


def end_of(client: ClientConnection) -> tuple[str, int]:
    """(code of the error frame, close code)."""
    error = hear(client)
    assert error["type"] == "error" and error["message"]
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=20)
    assert closed.value.rcvd is not None
    return error["code"], closed.value.rcvd.code


def batch(*messages: Any, id: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "batch", "id": id, "batch": list(messages), **more}


def test_hello_batch_and_ping(doors: Doors) -> None:
    with doors.connect() as client:
        welcome = ask(client, {**HELLO, "context": {"page": {"path": "/"}}, "unknown": 1})
        assert welcome == {"type": "welcome", "v": 1, "ping": 25, "limits": {"batch": 100, "bytes": 512_000}}
        frame = batch(track(messageId="m1"), {"type": "x", "messageId": "m2"}, track(messageId="m3"), id=7)
        ack = ask(client, frame)
        assert (ack["type"], ack["id"], ack["messageIds"]) == ("ack", 7, ["m1", "m3"])
        assert [(each["messageId"], each["reason"]) for each in ack["refused"]] == [("m2", "bad_type")]
        assert [event.id for event in doors.log.events()] == ["m1", "m3"]
        assert doors.log.outcomes() == {"shop|bad_type": 1}
        assert ask(client, {"type": "ping"}) == {"type": "pong"}
        assert ask(client, batch(id=8)) == {"type": "ack", "id": 8, "messageIds": [], "refused": []}
        say(client, json.dumps(batch(track(messageId="m4"))).encode())
        assert hear(client)["messageIds"] == ["m4"]


def test_frames_may_follow_the_hello_without_waiting(doors: Doors) -> None:
    with doors.connect() as client:
        for frame in (HELLO, batch(track(messageId="m1")), {"type": "ping"}):
            say(client, frame)
        assert [hear(client)["type"] for _ in range(3)] == ["welcome", "ack", "pong"]


def test_the_socket_lends_its_ids_and_the_envelope_its_clock(doors: Doors) -> None:
    with greeted(doors, userId="u1") as client:
        message = {"type": "page", "timestamp": "2020-01-01T00:00:00Z"}
        assert ask(client, batch(message, sentAt="2020-01-01T00:01:00Z"))["refused"] == []
    (event,) = doors.log.events()
    assert (event.anonymous_id, event.user_id) == ("anna", "u1")
    assert event.at == event.received - 60_000


@pytest.mark.parametrize("consent", ["pending", "denied"])
def test_without_consent_nothing_is_stored(doors: Doors, consent: str) -> None:
    with greeted(doors, consent=consent, anonymousId=None) as client:
        ack = ask(client, batch(track(messageId="m1")))
        assert (ack["messageIds"], [each["reason"] for each in ack["refused"]]) == ([], ["no_consent"])
    assert doors.log.events() == []


@pytest.mark.parametrize(
    ("hello", "end"),
    [
        ({**HELLO, "writeKey": "NO"}, ("unknown_key", 4401)),
        ({**HELLO, "v": 2}, ("bad_frame", 4400)),
        ({**HELLO, "anonymousId": None}, ("bad_frame", 4400)),
        ({**HELLO, "anonymousId": ""}, ("bad_frame", 4400)),
        ({**HELLO, "anonymousId": "a\0"}, ("bad_frame", 4400)),
        ({**HELLO, "anonymousId": "a" * 256}, ("bad_frame", 4400)),
        ({**HELLO, "consent": "maybe"}, ("bad_frame", 4400)),
        ({"type": "ping"}, ("bad_frame", 4400)),
        ({"type": "unknown"}, ("bad_frame", 4400)),
        ("{", ("bad_frame", 4400)),
        ("", ("bad_frame", 4400)),
        (b"\xff", ("bad_frame", 4400)),
        ("[" * 10_000, ("bad_frame", 4400)),
        ("x" * 600_000, ("too_large", 1009)),
        ("é" * 300_000, ("too_large", 1009)),
    ],
    ids=lambda value: "frame" if isinstance(value, (str, bytes)) else None,
)
def test_a_bad_hello_ends_the_socket(doors: Doors, hello: Any, end: tuple[str, int]) -> None:
    with doors.connect() as client:
        say(client, hello)
        assert end_of(client) == end
    wait_until(lambda: doors.sockets.open == 0)


@pytest.mark.parametrize(
    ("frame", "end"),
    [
        (HELLO, ("bad_frame", 4400)),
        ("{", ("bad_frame", 4400)),
        ({"type": "batch", "batch": {}}, ("bad_frame", 4400)),
        (batch(*[track()] * 101), ("bad_frame", 4400)),
        (batch(track(properties={"a": "x" * 520_000})), ("too_large", 1009)),
        ('{"type":"batch","batch":' + "[" * 10_000 + "]" * 10_000 + "}", ("bad_frame", 4400)),
        ({"type": "decide", "slots": ["home"]}, ("bad_frame", 4400)),
    ],
    ids=lambda value: "frame" if isinstance(value, (str, bytes)) else None,
)
def test_a_bad_frame_ends_the_socket(doors: Doors, frame: Any, end: tuple[str, int]) -> None:
    with greeted(doors) as client:
        say(client, frame)
        assert end_of(client) == end
    assert doors.log.events() == []


def test_pages_of_other_origins_are_turned_away(doors: Doors) -> None:
    hello = {**HELLO, "writeKey": "CLOSED"}
    with doors.connect(origin="https://www.shop.example") as client:
        assert ask(client, hello)["type"] == "welcome"
    with doors.connect(origin="https://elsewhere.example") as client:
        say(client, hello)
        assert end_of(client) == ("origin_refused", 4403)
    wait_until(lambda: doors.log.outcomes() == {"closed|origin_refused": 1})


def test_a_socket_without_hello_ends(shared_log: LogServer) -> None:
    with Doors(shared_log, sockets=SocketLimits(hello_s=0.1)) as doors, doors.connect() as client:
        assert end_of(client) == ("no_hello", 4408)


def test_a_socket_that_is_too_fast_ends(shared_log: LogServer) -> None:
    limits = SocketLimits(frames_per_second=0.001, burst=5)
    with Doors(shared_log, sockets=limits) as doors, greeted(doors) as client:
        for _ in range(5):
            assert ask(client, {"type": "ping"})["type"] == "pong"
        say(client, {"type": "ping"})
        assert end_of(client) == ("too_fast", 4429)


def test_there_is_a_limit_of_open_sockets(shared_log: LogServer) -> None:
    with Doors(shared_log, sockets=SocketLimits(open=1)) as doors:
        with greeted(doors), doors.connect() as client:
            assert end_of(client) == ("server_busy", 1013)
        wait_until(lambda: doors.sockets.open == 0)
        with greeted(doors):
            pass


def test_a_full_log_slows_the_client_down_and_then_ends_it(shared_log: LogServer) -> None:
    shared_log.client.flushall()
    with Doors(shared_log, max_length=1, sockets=SocketLimits(slow_answers=3)) as doors, greeted(doors) as client:
        assert ask(client, batch(track()))["type"] == "ack"
        for number in (2, 3):
            assert ask(client, batch(track(), id=number)) == {"type": "slow", "id": number, "retryAfter": 2}
        shared_log.client.flushall()
        assert ask(client, batch(track(), id=4))["type"] == "ack"  # the count begins anew
        for number in (5, 6, 7):
            assert ask(client, batch(track(), id=number))["type"] == "slow"
        assert end_of(client) == ("server_busy", 1013)
    assert len(shared_log.events()) == 1


def test_redis_away_is_slow_and_never_an_ack(own_log: LogServer) -> None:
    with Doors(own_log) as doors, greeted(doors) as client:
        assert ask(client, batch(track()))["type"] == "ack"
        own_log.stop()
        assert ask(client, batch(track(), id=2)) == {"type": "slow", "id": 2, "retryAfter": 1}
        own_log.start()
        wait_until(lambda: ask(client, batch(track(messageId="back"), id=3))["type"] == "ack")
        assert "back" in {event.id for event in own_log.events()}


class Talkative(EventConsumer):
    """Pushes as fast as it can once asked, and notes its life."""

    lives: ClassVar[list[str]] = []

    async def on_welcome(self) -> None:
        self.lives.append(f"welcome {self.anonymous_id}")

    async def on_decide(self, frame: Decide) -> None:
        if frame.slots == ["wait"]:
            while True:
                await self.send_frame({"type": "answer", "text": "x" * 50_000})
        for number in range(int(frame.slots[0])):
            self.push({"type": "pushed", "number": number, "text": "x" * 50_000})
            if number % 10 == 0:
                await asyncio.sleep(0)

    async def on_close(self) -> None:
        self.lives.append(f"close {self.anonymous_id}")


@pytest.fixture
def talkative(shared_log: LogServer) -> Iterator[Doors]:
    Talkative.lives = []
    limits = SocketLimits(write_s=0.3, waiting_pushes=50)
    with Doors(shared_log, consumer=Talkative, sockets=limits) as doors:
        yield doors


def test_a_subclass_decides_pushes_and_is_told_of_the_end(talkative: Doors) -> None:
    with greeted(talkative) as client:
        say(client, {"type": "decide", "id": 1, "slots": ["20"]})
        assert [hear(client)["number"] for _ in range(20)] == list(range(20))
        assert ask(client, {"type": "ping"})["type"] == "pong"
    wait_until(lambda: Talkative.lives == ["welcome anna", "close anna"])


@pytest.mark.parametrize("slots", ["1000", "wait"])
def test_a_reader_that_does_not_read_is_cut_off(talkative: Doors, slots: str) -> None:
    deaf = open_deaf_socket(talkative.port)
    try:
        send_text(deaf, HELLO)
        send_text(deaf, {"type": "decide", "id": 1, "slots": [slots]})
        wait_until(lambda: Talkative.lives == ["welcome anna", "close anna"])
        assert talkative.sockets.open == 0
        with greeted(talkative, anonymousId="bea"):
            pass  # nobody else has noticed
    finally:
        deaf.close()


def open_deaf_socket(port: int) -> socket.socket:
    """A client after its handshake that will read nothing more."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.connect(("127.0.0.1", port))
    deaf.sendall(
        b"GET /ws/v1/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 101 " in deaf.recv(1_024)
    return deaf


def send_text(deaf: socket.socket, frame: dict[str, Any]) -> None:
    """One masked text frame; the mask is zero."""
    text = json.dumps(frame).encode()
    head = bytes([0x81, 0x80 | len(text)]) if len(text) < 126 else bytes([0x81, 0xFE, *len(text).to_bytes(2, "big")])
    deaf.sendall(head + b"\0\0\0\0" + text)


def test_many_sockets_at_once(doors: Doors) -> None:
    def visit(number: int) -> None:
        with greeted(doors, anonymousId=f"visitor-{number}") as client:
            for turn in range(5):
                ack = ask(client, batch(track(messageId=f"{number}-{turn}", anonymousId=None), id=turn))
                assert ack["messageIds"] == [f"{number}-{turn}"]

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(event.id for event in doors.log.events()) == sorted(f"{a}-{b}" for a in range(20) for b in range(5))
    assert {event.anonymous_id for event in doors.log.events()} == {f"visitor-{number}" for number in range(20)}
    wait_until(lambda: doors.sockets.open == 0)
