"""A page that looks how fresh its profile is: it sends an event, and waits to be shown it."""

import json
import time
from contextlib import ExitStack
from typing import Any, Self
from uuid import uuid4

from websockets.sync.client import ClientConnection, connect

from tests.faults.traffic import make_message

PATIENCE_S = 60.0


class Watching:
    """A visitor of a source with debugging on. `waits` are the seconds from sending an event to seeing it in the
    profile, `acks` those to its acknowledgement."""

    def __init__(self, url: str, write_key: str) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/ws/v1/"
        self.name = f"watching-{uuid4().hex[:8]}"
        self._hello = {"type": "hello", "v": 1, "writeKey": write_key, "anonymousId": self.name}
        self._open = ExitStack()
        self.sent = 0
        self.waits: list[float] = []
        self.acks: list[float] = []

    def __enter__(self) -> Self:
        self._socket: ClientConnection = self._open.enter_context(connect(self._url, compression=None))
        self._socket.send(json.dumps(self._hello))
        assert self._hear()["type"] == "welcome"
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    def look(self) -> None:
        """One event there and back."""
        message = make_message(self.name, self.sent)
        self.sent += 1
        started = time.monotonic()
        self._socket.send(json.dumps({"type": "batch", "id": self.sent, "batch": [message]}))
        seen = acknowledged = False
        while not (seen and acknowledged):
            frame = self._hear()
            if frame["type"] == "ack":
                assert frame["messageIds"] == [message["messageId"]], frame
                acknowledged = True
                self.acks.append(time.monotonic() - started)
            elif frame["type"] == "changed" and frame.get("event", {}).get("messageId") == message["messageId"]:
                seen = True
                self.waits.append(time.monotonic() - started)
            else:
                assert frame["type"] == "changed", frame

    def _hear(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE_S))
        return told
