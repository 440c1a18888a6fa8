"""Load on loopback: a fixed number of calls over keep-alive connections, each answered before the next is sent."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import websockets.asyncio.client


@dataclass(frozen=True)
class Measured:
    """Calls per second, and latencies in seconds, sorted."""

    rate: float
    latencies: list[float]

    def quantile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class _Caller(asyncio.Protocol):
    """One HTTP connection that repeats its request until it has been answered `calls` times: at once, or with `pause`
    seconds from one to the next, the first at `start` of the loop's clock. A late call counts from when it was due."""

    def __init__(self, request: Callable[[], bytes], calls: int, *, pause: float = 0.0, start: float = 0.0) -> None:
        self._pause = pause
        self._due = start
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self._request = request
        self._calls = calls
        self._buffer = b""
        self._needed = -1
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send_when_due()

    def _send_when_due(self) -> None:
        if not self._pause:
            self._send(time.perf_counter())
            return
        loop = asyncio.get_running_loop()
        late = loop.time() - self._due
        loop.call_at(self._due, lambda: self._send(time.perf_counter() - max(late, 0.0)))
        self._due += self._pause

    def _send(self, due: float) -> None:
        self._buffer, self._needed = b"", -1
        self._sent = due
        self._transport.write(self._request())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._needed < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            if not head.startswith(b"http/1.1 2"):
                self.done.set_exception(RuntimeError(f"answered {head[:200]!r} {self._buffer[end:][:300]!r}"))
                return
            length = head.split(b"content-length:")[1].split(b"\r\n")[0]
            self._needed = end + 4 + int(length)
        if len(self._buffer) >= self._needed:
            self.latencies.append(time.perf_counter() - self._sent)
            self._calls -= 1
            if self._calls > 0:
                self._send_when_due()
            elif not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"the connection was closed: {error}"))


def post(path: str, body: bytes, headers: str = "", kind: str = "text/plain") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n{headers}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def call_http(port: int, request: Callable[[], bytes], *, connections: int, calls: int) -> Measured:
    """`calls` calls in all, spread over `connections`; a bad answer ends the run."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    callers = []
    for _ in range(connections):
        _, caller = await loop.create_connection(lambda: _Caller(request, calls // connections), "127.0.0.1", port)
        callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))
    elapsed = time.perf_counter() - started
    for caller in callers:
        caller._transport.close()
    latencies = sorted(latency for caller in callers for latency in caller.latencies)
    return Measured(len(latencies) / elapsed, latencies)


async def pace_http(
    port: int, request: Callable[[], bytes], *, connections: int, rate: float, seconds: float
) -> Measured:
    """`rate` calls a second for so many seconds, spread evenly over time and connections."""
    loop = asyncio.get_running_loop()
    started, pause = time.perf_counter(), connections / rate
    callers = []
    for number in range(connections):
        start = loop.time() + 0.1 + number / rate
        caller = _Caller(request, round(rate * seconds / connections), pause=pause, start=start)
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)  # type: ignore[misc]
        callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))
    elapsed = time.perf_counter() - started
    for caller in callers:
        caller._transport.close()
    latencies = sorted(latency for caller in callers for latency in caller.latencies)
    return Measured(len(latencies) / elapsed, latencies)


async def call_socket(
    port: int, path: str, hello: str | None, frames: Sequence[Callable[[], str]], *, calls: int
) -> Measured:
    """`calls` frames per connection (one connection per entry of `frames`), each acknowledged before the next."""

    async def talk(frame: Callable[[], str]) -> list[float]:
        latencies = []
        url = f"ws://127.0.0.1:{port}{path}"
        async with websockets.asyncio.client.connect(url, max_size=None, compression=None) as socket:
            if hello is not None:
                await socket.send(hello)
                await socket.recv()
            for _ in range(calls):
                sent = time.perf_counter()
                await socket.send(frame())
                answer = await socket.recv()
                latencies.append(time.perf_counter() - sent)
                if b'"ack"' not in (answer if isinstance(answer, bytes) else answer.encode()):
                    raise RuntimeError(f"not acknowledged: {answer[:300]!r}")
        return latencies

    started = time.perf_counter()
    found = await asyncio.gather(*(talk(frame) for frame in frames))
    elapsed = time.perf_counter() - started
    latencies = sorted(latency for each in found for latency in each)
    return Measured(len(latencies) / elapsed, latencies)
