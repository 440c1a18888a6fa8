"""The doors that events go in by; `send(messages)` of each answers whether they were acknowledged."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.faults.journal import Journal, Message

PATIENCE_S = 30.0


class Door(Protocol):
    def send(self, messages: Sequence[Message]) -> bool:
        """Sends them once. False: not acknowledged, and to be sent again."""

    def close(self) -> None: ...


class Batch:
    """`POST /v1/batch` over one connection."""

    def __init__(self, url: str, write_key: str, journal: Journal) -> None:
        self._client = httpx.Client(base_url=url, auth=(write_key, ""), timeout=PATIENCE_S)
        self._journal = journal

    def send(self, messages: Sequence[Message]) -> bool:
        return self._post("/v1/batch", {"batch": list(messages), "sentAt": now()}, messages)

    def _post(self, path: str, body: Any, messages: Sequence[Message]) -> bool:
        self._journal.note_sent(messages)
        try:
            answer = self._client.post(path, json=body)
        except httpx.TransportError:
            self._journal.note_answer("no answer")
            return False
        self._journal.note_answer(str(answer.status_code), retry_after=is_patient(answer))
        assert answer.status_code in (200, 429, 503), answer.text
        if answer.status_code == 200:
            self._journal.note_acknowledged(messages)
        return answer.status_code == 200

    def close(self) -> None:
        self._client.close()


class Single(Batch):
    """`POST /v1/track`, one message a call, up to the first that is not acknowledged."""

    def send(self, messages: Sequence[Message]) -> bool:
        return all(self._post(f"/v1/{each['type']}", {**each, "sentAt": now()}, [each]) for each in messages)


class Socket:
    """Batches over `/ws/v1/`; a socket that ends is opened again with the next batch."""

    def __init__(self, url: str, write_key: str, journal: Journal) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/ws/v1/"
        self._hello = {"type": "hello", "v": 1, "writeKey": write_key, "anonymousId": "faults", "consent": "granted"}
        self._journal = journal
        self._socket: ClientConnection | None = None
        self._number = 0

    def send(self, messages: Sequence[Message]) -> bool:
        self._journal.note_sent(messages)
        self._number += 1
        try:
            if self._socket is None:
                self._socket = connect(self._url, open_timeout=PATIENCE_S)
                self._socket.send(json.dumps(self._hello))
            frame = {"type": "batch", "id": self._number, "batch": list(messages), "sentAt": now()}
            self._socket.send(json.dumps(frame))
            answer = self._hear()
        except (OSError, WebSocketException) as error:
            self._journal.note_answer(_say(error))
            self.close()
            return False
        self._journal.note_answer(answer["type"], retry_after=answer["type"] == "ack" or "retryAfter" in answer)
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
            frame: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if frame["type"] in ("ack", "slow") and frame["id"] == self._number:
                return frame
            assert frame["type"] != "error", frame

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def now() -> str:
    return datetime.now(UTC).isoformat()


def is_patient(answer: httpx.Response) -> bool:
    """Whether an answer that sends the caller away says when to come back."""
    return answer.status_code == 200 or "retry-after" in answer.headers


def _say(error: Exception) -> str:
    closed = getattr(error, "rcvd", None)
    return f"closed {closed.code}" if closed is not None else "no answer"
