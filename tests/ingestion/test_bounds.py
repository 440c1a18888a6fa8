"""What clients cannot make the server's ends of connections hold: each bound, made small."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ingestion.api import HELD_BYTES
from ingestion.bounded_http import BoundedHttp, HeadLimits
from ingestion.bounded_socket import BoundedSocket, WireLimits
from ingestion.consumers import SocketLimits
from tests.faults.wire import BINARY, CLOSE, CONT, PING, PONG, TEXT, Wire, frame, text
from tests.ingestion.doors import Doors, LogServer, track, wait_until

HELLO: dict[str, Any] = {"type": "hello", "v": 1, "writeKey": "WK", "anonymousId": "anna", "consent": "granted"}
Act = Callable[[Wire], Awaitable[Any]]


@contextmanager
def bounded(
    log: LogServer, http: HeadLimits | None = None, held_bodies: int = HELD_BYTES, **limits: Any
) -> Iterator[Doors]:
    wire = type("Wire", (BoundedSocket,), {"limits": WireLimits(**limits)})
    web = type("Web", (BoundedHttp,), {"limits": http or HeadLimits()})
    with Doors(log, wire=wire, web=web, sockets=SocketLimits(write_s=0.3), held_bytes=held_bodies) as doors:
        yield doors


def play(port: int, act: Act, **how: Any) -> Any:
    """What `act` comes to, on a socket that was welcomed."""

    async def run() -> Any:
        async with await Wire.open(port, **how) as wire:
            assert (await wire.ask(HELLO))["type"] == "welcome"
            return await act(wire)

    return asyncio.run(run())


def sending(*data: bytes) -> Act:
    async def act(wire: Wire) -> Any:
        for each in data:
            await wire.send(each)
        return await wire.end()

    return act


@pytest.mark.parametrize(
    ("limits", "sent", "end"),
    [
        ({"parts": 10}, [frame(TEXT, whole=False) + frame(CONT, whole=False) * 10], ("too_large", 1009)),
        ({"parts": 10}, [frame(BINARY, b"a", whole=False) + frame(CONT, b"b", whole=False) * 10], ("too_large", 1009)),
        ({"message_s": 0.2}, [frame(TEXT, b'{"type"', whole=False)], ("too_slow", 4408)),
        ({"message_s": 0.2}, [text({"type": "ping"})[:-1]], ("too_slow", 4408)),
        ({"messages": 20}, [text({"type": "ping"}) * 40], ("too_fast", 4429)),
        ({"beside_burst": 20, "beside_per_second": 1}, [frame(PING, b"x") * 40], ("too_fast", 4429)),
        ({"beside_burst": 20, "beside_per_second": 1}, [frame(PONG, b"x") * 40], ("too_fast", 4429)),
        ({}, [frame(TEXT, b"\xff\xfe")], ("not_utf8", 1007)),
        ({}, [frame(TEXT, b"x" * 3_000_000)], (None, 1009)),
        ({}, [frame(CONT, b"x")], (None, 1002)),
        ({}, [frame(0x3, b"x")], (None, 1002)),
        ({}, [frame(PING, b"x", whole=False)], (None, 1002)),
        ({}, [b"\x81\x01x"], (None, 1002)),  # without a mask
        ({"ping_s": 0.1, "pong_s": 0.1}, [], ("no_pong", 1011)),
        ({"held_bytes": 50_000}, [frame(BINARY, b"x" * 60_000, whole=False)], ("server_busy", 1013)),
    ],
)
def test_a_client_without_manners_is_told_why_it_is_closed(
    shared_log: LogServer, limits: dict[str, Any], sent: list[bytes], end: tuple[str | None, int]
) -> None:
    with bounded(shared_log, **limits) as doors:
        assert play(doors.port, sending(*sent)) == end
        wait_until(lambda: doors.sockets.open == 0)


def test_a_message_in_parts_with_pings_between_them_is_one_message(doors: Doors) -> None:
    async def act(wire: Wire) -> Any:
        whole = json.dumps({"type": "batch", "id": 1, "batch": [track(messageId="m1")]}).encode()
        for number, byte in enumerate(whole):
            kind, last = (CONT if number else TEXT), number == len(whole) - 1
            await wire.send(frame(kind, bytes([byte]), whole=last) + frame(PING, b"?"))
        return await wire.hear_text()

    assert play(doors.port, act)["messageIds"] == ["m1"]


def test_who_holds_most_makes_room_and_others_go_on(shared_log: LogServer) -> None:
    async def run(port: int) -> None:
        async with await Wire.open(port) as good, await Wire.open(port) as greedy, await Wire.open(port) as modest:
            for wire in (good, greedy, modest):
                assert (await wire.ask(HELLO))["type"] == "welcome"
            await greedy.send(frame(BINARY, b"x" * 60_000, whole=False))
            await good.ask({"type": "ping"})
            await modest.send(frame(BINARY, b"x" * 50_000, whole=False))
            assert await greedy.end() == ("server_busy", 1013)
            for number in range(50):
                ack = await good.ask({"type": "batch", "id": number, "batch": [track()] * 10})
                assert len(ack["messageIds"]) == 10

    with bounded(shared_log, held_bytes=100_000) as doors:
        asyncio.run(run(doors.port))


def test_answers_to_pings_are_not_piled_up_for_a_client_that_does_not_read(shared_log: LogServer) -> None:
    async def act(wire: Wire) -> None:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(80):
            await wire.send(frame(PING, b"x" * 125) * 1_000)

    with bounded(shared_log, beside_burst=1_000_000_000) as doors:
        server = doors.server

        async def watched(wire: Wire) -> int:
            await act(wire)
            return max(each.transport.get_write_buffer_size() for each in tuple(server.server_state.connections))

        assert play(doors.port, watched, buffer=4_096) < 2_000_000  # of 10,000,000


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ({"ping_s": 0.1, "pong_s": 0.1}, b""),  # answers no ping
        ({"linger_s": 0.2}, text({"type": "unknown"})),  # does not take its close
        ({"linger_s": 0.2}, frame(CLOSE, b"\x03\xe8")),  # takes leave, and does not read the answer
    ],
)
def test_a_client_that_does_not_read_cannot_stay(shared_log: LogServer, limits: dict[str, Any], asked: bytes) -> None:
    async def act(wire: Wire) -> None:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(60):
            await wire.send(frame(PING, b"x" * 125) * 1_000)  # until its answers do not get through
        await wire.send(asked)
        for _ in range(400):
            if not doors.server.server_state.connections:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it stayed")

    with bounded(shared_log, beside_burst=1_000_000_000, **limits) as doors:
        play(doors.port, act, buffer=4_096)


@pytest.mark.parametrize(
    ("limits", "sent", "status"),
    [
        ({"head_bytes": 1_000}, [b"GET /" + b"x" * 100, *[b"x" * 20_000] * 20], b" 431 "),
        ({"head_bytes": 1_000}, [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n" * 5_000] * 20], b" 431 "),
        ({"head_s": 0.2}, [b"GET / HTTP/1.1\r\nX:"], b" 408 "),
        ({"head_s": 0.2}, [], b""),
        ({"pipelined": 5}, [b"GET /v1/none HTTP/1.1\r\n\r\n" * 50], b" 400 "),
    ],
    ids=["an endless line", "endless headers", "a slow head", "nothing", "many at once"],
)
def test_heads_of_requests_are_bounded(
    shared_log: LogServer, limits: dict[str, Any], sent: list[bytes], status: bytes
) -> None:
    async def run(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for each in sent:
                writer.write(each)
                await asyncio.sleep(0)
            return await reader.read()
        except OSError:
            return status  # it hung up while we were talking
        finally:
            writer.transport.abort()

    with bounded(shared_log, HeadLimits(**limits)) as doors:
        started = time.monotonic()
        assert status in asyncio.run(run(doors.port))
        assert time.monotonic() - started < 20
        assert doors.post("/v1/track", track()).status_code == 200


def test_bodies_under_way_are_bounded_together(shared_log: LogServer) -> None:
    async def run(port: int) -> None:
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        try:
            for _, writer in waiting:  # none of them is whole
                writer.write(b"POST /v1/batch HTTP/1.1\r\nContent-Length: 500000\r\n\r\n" + b"x" * 400_000)
            answers = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in waiting]
            done, _ = await asyncio.wait(answers, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            head = next(iter(done)).result().lower()
            assert b" 429 " in head and b"retry-after: " in head
            for each in answers:
                each.cancel()
        finally:
            for _, writer in waiting:
                writer.transport.abort()

    with bounded(shared_log, held_bodies=1_000_000) as doors:
        asyncio.run(run(doors.port))
        wait_until(lambda: doors.post("/v1/track", track()).status_code == 200)


def test_endless_trailers_end(shared_log: LogServer) -> None:
    async def run(port: int) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/batch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n")
        sent = 0
        try:
            while sent < 50_000_000 and not writer.is_closing():
                writer.write(b"X: y\r\n" * 5_000)
                await writer.drain()
                sent += 30_000
        except OSError:
            pass
        finally:
            writer.transport.abort()
        return sent

    with bounded(shared_log) as doors:
        assert asyncio.run(run(doors.port)) < 40_000_000
        assert doors.post("/v1/track", track()).status_code == 200
