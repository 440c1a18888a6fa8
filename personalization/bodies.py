"""Bodies of forms are bounded before Django keeps them: it writes a body of any size to disk, whoever sends it."""

from collections.abc import Mapping
from typing import Any

from django.template import loader

from ingestion.http import Message, Receive, Send

FORM_BYTES = 1_000_000  # around a file, for the other fields of its form
DRAINED_BYTES = 2_000_000_000  # read of an oversize body and thrown away, so that a browser comes to see the answer


class TooLarge(Exception):
    """The body has more bytes than are taken."""


class BoundedBody:
    """Passes a body on until it has too many bytes, and then says that the client has gone."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._size = 0
        self._is_whole = False
        self.is_too_large = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._is_whole = not message.get("more_body")
            if self._size > self._most:
                self.is_too_large = True
                return {"type": "http.disconnect"}
        return message

    async def drain(self) -> None:
        while not self._is_whole and self._size < DRAINED_BYTES:
            message = await self._receive()
            if message["type"] != "http.request":
                return
            self._size += len(message.get("body", b""))
            self._is_whole = not message.get("more_body")


async def serve_bounded(application: Any, scope: Mapping[str, Any], receive: Receive, send: Send, *, most: int) -> None:
    """Runs an ASGI application on a body of at most so many bytes; a larger one is answered with 413."""
    body = BoundedBody(receive, most)
    said = dict(scope["headers"]).get(b"content-length", b"")
    if said.isdigit() and int(said[:20]) > most:
        await body.drain()
    else:
        await application(dict(scope), body, send)
        if not body.is_too_large:
            return
        await body.drain()
    page = loader.get_template("too_large.html").render({"most": most - FORM_BYTES}).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(page)),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": page})
