"""`POST /api/v1/decide`, the hot door: raw ASGI, so that no middleware it does not need stands before it."""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec

from ingestion.directory import Directory
from ingestion.log import LogUnavailable
from personalization.decide import MAX_SLOTS, Decider
from profiles.event import anonymous_key, user_key

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

DECIDE_PATHS = ("/api/v1/decide", "/api/v1/decide/")
MAX_BODY = 64_000
MAX_ID = 255
CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
    (b"access-control-max-age", b"7200"),
]


class Question(msgspec.Struct, rename="camel", kw_only=True):
    """The body of a decide call. A write key may name an anonymousId only; naming a userId takes a secret key."""

    slots: list[str]
    anonymous_id: str | None = None
    user_id: str | None = None
    context: dict[str, Any] = {}
    write_key: str | None = None


class DecideRefused(Exception):
    """The call cannot be answered: HTTP status, code and a message that says how to mend it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


_decoder = msgspec.json.Decoder(Question)
_encoder = msgspec.json.Encoder()


class DecideApp:
    """The raw ASGI application behind the decide path."""

    def __init__(self, *, directory: Callable[[], Directory], decider: Decider) -> None:
        self._directory = directory
        self._decider = decider

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await respond(send, 204, b"")
            return
        try:
            if scope["method"] != "POST":
                raise DecideRefused(405, "method_not_allowed", "ask with POST and a JSON body")
            question = parse_question(await _read(receive))
            identifier = self._identify(scope, question)
            answer = await self._decider.decide(identifier, question.slots, question.context)
        except LogUnavailable:
            await _respond_unavailable(send)
            return
        except DecideRefused as refused:
            problem = {"type": "about:blank", "title": refused.code, "status": refused.status, "code": refused.code}
            await respond(send, refused.status, _encoder.encode({**problem, "message": refused.message}))
            return
        await respond(send, 200, _encoder.encode(answer))

    def _identify(self, scope: Mapping[str, Any], question: Question) -> str | None:
        """The identifier the caller may ask for; raises DecideRefused for a wrong key."""
        scheme, credentials = _authorization(scope)
        directory = self._directory()
        if scheme == "bearer":
            if directory.secret(credentials) is None:
                raise DecideRefused(401, "unknown_key", "the secret key is not known or was revoked")
        else:
            if directory.source_of(credentials or question.write_key or "") is None:
                raise DecideRefused(401, "unknown_key", "send the source's write key as Basic user or as writeKey")
            if question.user_id is not None:
                raise DecideRefused(403, "secret_key_needed", "a userId may be named with a secret key only")
        if question.user_id is not None:
            return user_key(question.user_id)
        return None if question.anonymous_id is None else anonymous_key(question.anonymous_id)


def parse_question(raw: bytes) -> Question:
    """The call's body, checked; raises DecideRefused."""
    try:
        question = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DecideRefused(400, "bad_request", f"the body is not a decide call: {error}") from error
    if not 0 < len(question.slots) <= MAX_SLOTS:
        raise DecideRefused(400, "bad_request", f"name 1 to {MAX_SLOTS} slots")
    for id in (question.anonymous_id, question.user_id):
        if id is not None and not 0 < len(id) <= MAX_ID:
            raise DecideRefused(400, "bad_request", f"an id has 1 to {MAX_ID} characters")
    return question


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DecideRefused(400, "bad_request", "the body did not arrive whole")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise DecideRefused(413, "too_large", f"a decide call has at most {MAX_BODY} bytes")
        if not message.get("more_body"):
            return body


def _authorization(scope: Mapping[str, Any]) -> tuple[str, str]:
    """(scheme in lower case, credentials): the token of Bearer, the user of Basic; ("", "") without either."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, rest = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer":
                return "bearer", rest.strip()
            if scheme.lower() == "basic":
                return "basic", _basic_user(rest.strip())
    return "", ""


def _basic_user(encoded: str) -> str:
    try:
        return b64decode(encoded).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


async def _respond_unavailable(send: Send) -> None:
    """The store or the definitions are away: come back in a second."""
    body = _encoder.encode({"code": "unavailable", "message": "the service is not ready; try again in a second"})
    await respond(send, 503, body, [(b"retry-after", b"1")])


async def respond(send: Send, status: int, body: bytes, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """One JSON answer that any origin may read and nobody may keep."""
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *CORS, *more]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
