"""A recording peer for pz.js: speaks the socket protocol and the POST doors, and misbehaves on request."""

import asyncio
import gzip
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn

Message = MutableMapping[str, Any]
Json = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

TRACKER = Path(__file__).parents[2] / "static" / "tracker"
WRITE_KEY = "wk_test"
KINDS = {".js": "text/javascript", ".css": "text/css"}


@dataclass
class Behaviour:
    """What the peer does; a test sets it before or while the page is open.

    `socket`: welcome, refuse (403 before the handshake), mute (takes frames, never answers) or a close code to send
    after the hello. `slow`: so many batches are answered with a slow frame first. `hold`: decisions wait for release().
    `refuse`: names of events that are refused; with `nameless` without telling the messageId.
    """

    socket: str | int = "welcome"
    acks: bool = True
    refuse: set[str] = field(default_factory=set)
    nameless: bool = False
    slow: int = 0
    hold: bool = False
    post_status: int = 200
    decide_status: int = 200
    slots: dict[str, Json] = field(default_factory=dict)


@dataclass
class Page:
    html: str
    headers: dict[str, str]


class Peer:
    """The server of one test, in a thread of its own; stop() and start() keep the port."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.other_origin = f"http://localhost:{self.port}"
        self.behaviour = Behaviour()
        self.pages: dict[str, Page] = {}
        self.hellos: list[Json] = []
        self.batches: list[tuple[str, Json]] = []  # (socket | post | beacon, envelope)
        self.asks: list[tuple[str, Json]] = []  # (socket | post, question)
        self.requests: list[tuple[str, str]] = []  # (method, path)
        self.closed = 0
        self._sockets: list[Send] = []
        self._held: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    # --- Life ---

    def start(self) -> None:
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            host="127.0.0.1",
            port=self.port,
            log_level="error",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(self._server,), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        """As a server that goes away: sockets break, the port answers nobody."""
        assert self._server and self._thread
        self._server.should_exit = True
        self._thread.join()
        self._sockets.clear()

    def _run(self, server: uvicorn.Server) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await server.serve()

        asyncio.run(serve())

    # --- What a test reads ---

    @property
    def messages(self) -> list[Json]:
        """Every message received, in order, repetitions left out as the product does."""
        seen: dict[str, Json] = {}
        for _, message in self.deliveries:
            seen.setdefault(message["messageId"], message)
        return list(seen.values())

    @property
    def deliveries(self) -> list[tuple[str, Json]]:
        """(door, message), repetitions included."""
        return [(door, message) for door, envelope in self.batches for message in envelope["batch"]]

    def events(self, name: str) -> list[Json]:
        return [message for message in self.messages if message.get("event", message["type"]) == name]

    # --- What a test causes ---

    def add_page(self, path: str, html: str, headers: dict[str, str] | None = None) -> str:
        self.pages[path] = Page(html, headers or {})
        return self.url + path

    def push(self, frame: Json) -> None:
        """Sends a frame to every open socket."""
        for send in self._sockets:
            self._call(send({"type": "websocket.send", "text": json.dumps(frame)}))

    def release(self) -> None:
        """Lets held decisions go, and answers later ones at once."""
        self.behaviour.hold = False
        assert self._loop
        for let_go in self._held:
            self._loop.call_soon_threadsafe(let_go)
        self._held.clear()

    def _call(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        assert self._loop
        asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=5)

    # --- The ASGI application ---

    async def _app(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _socket(self, receive: Receive, send: Send) -> None:
        await receive()
        if self.behaviour.socket == "refuse":
            await send({"type": "websocket.close", "code": 1013})
            return
        await send({"type": "websocket.accept"})
        self._sockets.append(send)
        while (message := await receive())["type"] == "websocket.receive":
            await self._frame(json.loads(message["text"]), send)
        self.closed += 1
        if send in self._sockets:
            self._sockets.remove(send)

    async def _frame(self, frame: Json, send: Send) -> None:
        async def answer(reply: Json) -> None:
            await send({"type": "websocket.send", "text": json.dumps(reply)})

        behaviour = self.behaviour
        if frame["type"] == "hello":
            self.hellos.append(frame)
            if isinstance(behaviour.socket, int):
                await send({"type": "websocket.close", "code": behaviour.socket})
            elif behaviour.socket == "welcome":
                await answer({"type": "welcome", "v": 1, "ping": 25, "limits": {"batch": 100, "bytes": 512_000}})
        elif behaviour.socket == "mute":
            pass
        elif frame["type"] == "batch":
            self.batches.append(("socket", frame))
            if behaviour.slow:
                behaviour.slow -= 1
                await answer({"type": "slow", "id": frame["id"], "retryAfter": 1})
            elif behaviour.acks:
                await answer({"type": "ack", "id": frame["id"], **self._sort(frame["batch"])})
        elif frame["type"] == "decide":
            self.asks.append(("socket", frame))
            reply = {"type": "decision", "id": frame["id"], **self._decide(frame)}
            if behaviour.hold:
                self._tasks.append(asyncio.create_task(self._later(lambda: answer(reply))))
            else:
                await answer(reply)
        elif frame["type"] == "ping":
            await answer({"type": "pong"})

    async def _later(self, act: Callable[[], Awaitable[None]]) -> None:
        released = asyncio.Event()
        self._held.append(released.set)
        await released.wait()
        await act()

    def _sort(self, batch: list[Json]) -> Json:
        """The stored and refused parts of an ack."""
        refused = [
            {
                "messageId": None if self.behaviour.nameless else each["messageId"],
                "reason": "bad_field",
                "message": "refused by the test",
            }
            for each in batch
            if each.get("event") in self.behaviour.refuse
        ]
        stored = [each["messageId"] for each in batch if each.get("event") not in self.behaviour.refuse]
        return {"messageIds": stored, "refused": refused}

    def _decide(self, question: Json) -> Json:
        unknown = {"reason": "unknown_slot", "block": None}
        slots = {name: self.behaviour.slots.get(name, unknown) for name in question["slots"]}
        return {"decisionId": f"decision-{len(self.asks)}", "book": 3, "slots": slots}

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        self.requests.append((method, path))
        if method == "GET":
            await self._get(path, send)
            return
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        if method == "OPTIONS":
            await respond(send, 204, b"", "text/plain")
            return
        await self._post(path, scope, json.loads(body), send)

    async def _post(self, path: str, scope: Message, body: Json, send: Send) -> None:
        behaviour = self.behaviour
        status = behaviour.post_status
        answer: Json = {"success": True}
        if path == "/v1/b":
            assert body["writeKey"] == WRITE_KEY
            if status == 200:
                self.batches.append(("post", body))
        elif path == "/beacon/v1/batch":
            assert parse_qs(scope["query_string"].decode())["writeKey"] == [WRITE_KEY]
            self.batches.append(("beacon", body))
        elif path == "/api/v1/decide":
            assert body["writeKey"] == WRITE_KEY
            self.asks.append(("post", body))
            status = behaviour.decide_status
            answer = self._decide(body)
            if behaviour.hold:
                await self._later(lambda: respond(send, status, json.dumps(answer).encode(), "application/json"))
                return
        await respond(send, status, json.dumps(answer).encode(), "application/json")

    async def _get(self, path: str, send: Send) -> None:
        file = TRACKER / path.rpartition("/")[2]
        if path in self.pages:
            page = self.pages[path]
            await respond(send, 200, page.html.encode(), "text/html; charset=utf-8", page.headers)
        elif path.startswith("/static/tracker/") and file.exists():
            packed = {"content-encoding": "gzip"}
            await respond(send, 200, gzip.compress(file.read_bytes()), KINDS[file.suffix], packed)
        else:
            await respond(send, 404, b"", "text/plain")


async def respond(send: Send, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
    own = {"content-type": kind, "content-length": str(len(body)), "access-control-allow-origin": "*"}
    raw = [(name.encode(), value.encode()) for name, value in {**own, **(headers or {})}.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
