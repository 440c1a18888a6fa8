"""The doors that events go in by; `send(messages)` of each answers whether they were acknowledged.

The clients share the machine with the product, so they are as plain as they can be.
"""

import time
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.faults.journal import Journal, Message

PATIENCE_S = 30.0
IDLE_S = 3.0  # the server closes a connection that nobody has used for five seconds, perhaps at this very moment

_encode = msgspec.json.encode
_decode = msgspec.json.decode


class Door(Protocol):
    most: int  # messages that one call had better not exceed

    def send(self, messages: Sequence[Message]) -> bool:
        """Sends them once. False: not acknowledged, and to be sent again."""

    def close(self) -> None: ...


class Batch:
    """`POST /v1/batch` over one connection."""

    most = 100

    def __init__(self, url: str, write_key: str, journal: Journal) -> None:
        parts = urlsplit(url)
        self._client = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
        key = b64encode(f"{write_key}:".encode()).decode()
        self._headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}
        self._journal = journal
        self._used = 0.0

    def send(self, messages: Sequence[Message]) -> bool:
        return self._post("/v1/batch", {"batch": list(messages), "sentAt": now()}, messages)

    def _post(self, path: str, body: Any, messages: Sequence[Message]) -> bool:
        self._journal.note_sent(messages)
        started = time.monotonic()
        if started - self._used > IDLE_S:
            self._client.close()
        try:
            self._client.request("POST", path, _encode(body), self._headers)
            answer = self._client.getresponse()
            said = answer.read()
        except (OSError, HTTPException):
            self._client.close()  # the next call opens another connection
            self._journal.note_answer("no answer", seconds=time.monotonic() - started)
            return False
        self._used = time.monotonic()
        self._journal.note_answer(
            str(answer.status), retry_after=is_patient(answer), seconds=time.monotonic() - started
        )
        assert answer.status in (200, 429, 503), said
        if answer.status == 200:
            self._journal.note_acknowledged(messages)
        return answer.status == 200

    def close(self) -> None:
        self._client.close()


class Single(Batch):
    """`POST /v1/track`, one message a call, up to the first that is not acknowledged."""

    most = 4

    def send(self, messages: Sequence[Message]) -> bool:
        return all(self._post(f"/v1/{each['type']}", {**each, "sentAt": now()}, [each]) for each in messages)


class Socket:
    """Batches over `/ws/v1/`; a socket that ends is opened again with the next batch."""

    most = 100

    def __init__(self, url: str, write_key: str, journal: Journal) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/ws/v1/"
        self._hello = {"type": "hello", "v": 1, "writeKey": write_key, "anonymousId": "faults", "consent": "granted"}
        self._journal = journal
        self._socket: ClientConnection | None = None
        self._open = ExitStack()
        self._number = 0

    def send(self, messages: Sequence[Message]) -> bool:
        self._journal.note_sent(messages)
        self._number += 1
        started = time.monotonic()
        try:
            if self._socket is None:
                self._socket = self._open.enter_context(
                    connect(self._url, open_timeout=PATIENCE_S, close_timeout=1, compression=None)
                )
                self._socket.send(_encode(self._hello).decode())
            frame = {"type": "batch", "id": self._number, "batch": list(messages), "sentAt": now()}
            self._socket.send(_encode(frame).decode())
            answer = self._hear()
        except (OSError, WebSocketException) as error:
            self._journal.note_answer(_say(error), seconds=time.monotonic() - started)
            self.close()
            return False
        patient = answer["type"] == "ack" or "retryAfter" in answer
        self._journal.note_answer(answer["type"], retry_after=patient, seconds=time.monotonic() - started)
        if answer["type"] != "ack":
            return False
        refused = {each["messageId"]: each["reason"] for each in answer["refused"]}
        stored = set(answer["messageIds"])
        self._journal.note_acknowledged([each for each in messages if each["messageId"] in stored], refused)
        return True

    def _hear(self) -> dict[str, Any]:
        """The answer to the newest batch; pushes and answers to older ones are passed over."""
        assert self._socket is not None
        while True:
            frame: dict[str, Any] = _decode(self._socket.recv(timeout=PATIENCE_S))
            if frame["type"] in ("ack", "slow") and frame["id"] == self._number:
                return frame
            if frame["type"] == "error":  # says why before it closes
                assert frame["code"] == "server_busy", frame
                self._socket.recv(timeout=PATIENCE_S)

    def close(self) -> None:
        self._socket = None
        self._open.close()


def now() -> str:
    return datetime.now(UTC).isoformat()


def is_patient(answer: HTTPResponse) -> bool:
    """Whether an answer that sends the caller away says when to come back."""
    return answer.status == 200 or answer.headers.get("Retry-After") is not None


def _say(error: Exception) -> str:
    closed = getattr(error, "rcvd", None)
    return f"closed {closed.code}" if closed is not None else "no answer"
