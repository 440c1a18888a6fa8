"""What all hot HTTP doors do alike: read a body in bounded time, find the key, answer JSON to any origin."""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import msgspec

from profiles.consent import Permission

Message = MutableMapping[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

BODY_S = 30  # a body has to arrive whole within
DRAINED_BYTES = 16_000_000  # read of an oversize body before answering, so that the client sees the answer

CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, AnonymousId, X-Retry-Count, X-Strict-Mode"),
    (b"access-control-expose-headers", b"Retry-After, RateLimit, RateLimit-Policy"),
    (b"access-control-max-age", b"7200"),
]
ALWAYS: Headers = [(b"cache-control", b"no-store"), *CORS]
JSON, PROBLEM = b"application/json", b"application/problem+json"

encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Headers = ()
    kind: bytes = JSON


class ClientGone(Exception):
    """The client went away before its body was whole: there is nobody to answer."""


class BodyTooSlow(Exception):
    """The body did not arrive whole within BODY_S."""


NO_CONTENT = Answer(204, b"")
BODY_TOO_SLOW = (408, "body_too_slow", f"the body did not arrive within {BODY_S} s")


def make_problem(status: int, code: str, message: str, *, title: str = "", **more: Any) -> dict[str, Any]:
    """What was wrong, in the form of RFC 9457: `code` for programs, `message` for people, `more` members."""
    said = title or code.replace("_", " ").capitalize()
    return {"type": "about:blank", "title": said, "status": status, "code": code, "message": message, **more}


def refuse(status: int, code: str, message: str, headers: Headers = (), *, title: str = "", **more: Any) -> Answer:
    """An answer that says what was wrong."""
    return Answer(status, encode(make_problem(status, code, message, title=title, **more)), headers, PROBLEM)


def refuse_for_now(status: int, code: str, message: str, *, retry_after: int) -> Answer:
    """As `refuse`, for what may succeed after so many seconds."""
    return refuse(status, code, message, [(b"retry-after", b"%d" % retry_after)])


def refuse_method(allowed: bytes) -> Answer:
    return refuse(405, "method_not_allowed", f"use one of {allowed.decode()}", [(b"allow", allowed)])


async def serve(send: Send, answering: Awaitable[Answer]) -> None:
    """Sends what `answering` comes to, also when the body came too slowly or not at all."""
    try:
        answer = await answering
    except BodyTooSlow:
        answer = refuse(*BODY_TOO_SLOW)
    except ClientGone:
        return
    await send_answer(send, answer)


async def send_answer(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.kind), *ALWAYS, *answer.headers, (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def receive_body(receive: Receive, limit: int) -> bytes:
    """The whole body, or its beginning if it has more than `limit` bytes: enough to be refused.

    Raises ClientGone and BodyTooSlow.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return bytes(message.get("body", b""))
    try:
        async with asyncio.timeout(BODY_S):
            return await _receive_rest(message, receive, limit)
    except TimeoutError:
        raise BodyTooSlow from None


async def _receive_rest(message: Message, receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        if size <= limit:
            parts.append(part)
        size += len(part)
        if not message.get("more_body") or size > DRAINED_BYTES:
            return b"".join(parts)
        message = await receive()


def read_permission(scope: Scope, state: str | None = None) -> Permission:
    """What the call says of consent: the `state` that stands in it, and what the browser says by itself."""
    return Permission(state, dict(scope["headers"]).get(b"sec-gpc", b"").strip() == b"1")


def read_address(scope: Scope) -> str:
    """Where the call comes from, as the server and the proxy before it say; "" when nobody knows."""
    return str((scope["client"] or ("", 0))[0])


def read_basic_user(authorization: bytes) -> str:
    """The user of HTTP Basic credentials, with or without colon and password; "" without any."""
    scheme, _, credentials = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return ""
    try:
        return b64decode(credentials.strip()).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def read_bearer(authorization: bytes) -> str:
    """The token of Bearer credentials; "" without one."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""
