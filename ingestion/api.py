"""The HTTP doors any Segment or RudderStack SDK sends to: raw ASGI, because they look at bytes, not at Content-Type."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from ingestion.append import RETRY_S, Appender, Overloaded
from ingestion.directory import Directory, Source
from ingestion.http import (
    NO_CONTENT,
    PROBLEM,
    Answer,
    Message,
    Receive,
    Scope,
    Send,
    encode,
    make_problem,
    read_basic_user,
    read_permission,
    receive_body,
    refuse,
    refuse_for_now,
    refuse_method,
    serve,
)
from ingestion.log import LogUnavailable
from ingestion.parse import BATCH, Body, Limits, Parsed, Sender, open_body, parse_messages
from ingestion.parse_body import read_body
from ingestion.refusals import HARMLESS, Refusal, Refused, heed_consent
from ingestion.sdk_settings import rudderstack_settings, segment_settings
from profiles.consent import Permission

THREAD_BYTES = 65_536  # larger bodies are parsed in a thread, so that no decision waits for them
TOLD_REFUSALS = 100  # named in one answer
HELD_BYTES = 32_000_000  # of bodies that are not whole or not stored, of all calls together

NAMED = {name: name for name in ("track", "identify", "page", "screen", "group", "alias", BATCH)}
LETTERS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": BATCH}
KINDS: dict[str, str] = {
    **{f"/v1/{name}": kind for name, kind in (NAMED | LETTERS).items()},
    "/v1/import": BATCH,
    "/beacon/v1/batch": BATCH,
}
SETTINGS_PREFIX, SETTINGS_SUFFIX = "/v1/projects/", "/settings"
SOURCE_CONFIG = "/sourceConfig"

# Status of a body that is refused as a whole; every other reason is 400.
STATUS: dict[Refused, int] = {
    Refused.UNKNOWN_KEY: 401,
    Refused.ORIGIN_REFUSED: 403,
    Refused.TOO_LARGE_BODY: 413,
    Refused.TOO_LARGE_EVENT: 413,
    Refused.TOO_MANY_EVENTS: 413,
}

DONE = Answer(200, b'{"success": true}')


class IngestApp:
    """The raw ASGI application behind /v1/*, /beacon/* and /sourceConfig. `clock` gives Unix milliseconds."""

    def __init__(
        self,
        *,
        directory: Callable[[], Directory],
        appender: Appender,
        limits: Limits,
        clock: Callable[[], int],
        held_bytes: int = HELD_BYTES,
    ) -> None:
        self._directory = directory
        self._held_bytes = held_bytes
        self._held = 0
        self._appender = appender
        self._limits = limits
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def receive_counted() -> Message:
            nonlocal size
            message = await receive()
            part = min(len(message.get("body", b"")), max(0, self._limits.batch_bytes - size))  # more is not kept
            size += part
            self._held += part
            if self._held > self._held_bytes:
                raise Overloaded(RETRY_S)
            return message

        try:
            await serve(send, self._answer_or_refuse(scope, receive_counted))
        finally:
            self._held -= size

    async def _answer_or_refuse(self, scope: Scope, receive: Receive) -> Answer:
        try:
            return await self._answer(scope, receive)
        except Overloaded as overloaded:
            message = "too many events at the moment; send again later"
            return refuse_for_now(429, "server_busy", message, retry_after=overloaded.retry_after)
        except LogUnavailable:
            message = "events cannot be stored at the moment; send again later"
            return refuse_for_now(503, "unavailable", message, retry_after=1)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"].rstrip("/")
        if method == "OPTIONS":
            return NO_CONTENT
        if path == SOURCE_CONFIG or path.startswith(SETTINGS_PREFIX):
            return self._settings(scope, path) if method == "GET" else refuse_method(b"GET, OPTIONS")
        kind = KINDS.get(path)
        if kind is None:
            return refuse(404, "not_found", "there is no such path; see docs/reference/http-api.md")
        if method != "POST":
            return refuse_method(b"POST, OPTIONS")
        return await self._take(scope, receive, kind)

    def _settings(self, scope: Scope, path: str) -> Answer:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if path == SOURCE_CONFIG:
            source = self._directory().source_of(_said_key(scope, headers) or "")
            return refuse(*NO_SUCH_KEY) if source is None else Answer(200, encode(rudderstack_settings(source)))
        if not path.endswith(SETTINGS_SUFFIX):
            return refuse(404, "not_found", "there is no such path; see docs/reference/http-api.md")
        source = self._directory().source_of(path.removeprefix(SETTINGS_PREFIX).removesuffix(SETTINGS_SUFFIX))
        if source is None:
            return refuse(*NO_SUCH_KEY)
        return Answer(200, encode(segment_settings(source, scheme=scope["scheme"], host=host)))

    async def _take(self, scope: Scope, receive: Receive, kind: str) -> Answer:
        """A body of events, answered when all of them are stored."""
        headers = dict(scope["headers"])
        directory = self._directory()
        said = _said_key(scope, headers)
        raw = await receive_body(receive, self._limits.batch_bytes)
        received = self._clock()
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        body = await self._open(raw, encoding, kind, received)
        key = said if isinstance(body, Refusal) else said or body.write_key
        source = directory.source_of(key) if key else None
        if isinstance(body, Refusal):
            return self._refuse(heed_consent(body, read_permission(scope)), source)
        origin = headers.get(b"origin")
        if (refusal := _admit(source, key, origin, received)) is not None:
            return self._refuse(refusal, source)
        assert source is not None  # _admit has refused an unknown one
        parsed = await self._parse(body, source, directory, received, len(raw), read_permission(scope, body.consent))
        await self._appender.append(parsed.events, [(source.slug, refusal) for refusal in parsed.refusals])
        if parsed.refusals and (source.strict or headers.get(b"x-strict-mode") == b"1"):
            return _strict(parsed)
        return DONE

    async def _open(self, raw: bytes, encoding: str, kind: str, received: int) -> Body | Refusal:
        def open_it() -> Body | Refusal:
            content = read_body(raw, encoding, self._limits.batch_bytes, received)
            return content if isinstance(content, Refusal) else open_body(content, kind, received, self._limits)

        return await asyncio.to_thread(open_it) if _is_large(raw) else open_it()

    async def _parse(
        self, body: Body, source: Source, directory: Directory, received: int, size: int, permission: Permission
    ) -> Parsed:
        def parse() -> Parsed:
            return parse_messages(
                body.messages,
                sender=Sender(source.slug, permission=permission),
                received=received,
                limits=self._limits,
                kind=body.kind,
                sent_at=body.sent_at,
                schemas=directory.schemas,
            )

        large = size > THREAD_BYTES or len(body.messages) > 100
        return await asyncio.to_thread(parse) if large else parse()

    def _refuse(self, refusal: Refusal, source: Source | None) -> Answer:
        self._appender.note([("-" if source is None else source.slug, refusal)])
        return refuse(STATUS.get(refusal.reason, 400), refusal.reason, refusal.message)


NO_SUCH_KEY = (
    401,
    Refused.UNKNOWN_KEY,
    "send the source's write key as Basic user, as writeKey in the body or the query",
)


def _admit(source: Source | None, key: str | None, origin: bytes | None, at: int) -> Refusal | None:
    if source is None:
        hint = "no write key was sent" if key is None else "the write key is not known"
        return Refusal(Refused.UNKNOWN_KEY, f"{hint}; {NO_SUCH_KEY[2]}", at)
    if not source.admits(None if origin is None else origin.decode("latin-1")):
        return Refusal(Refused.ORIGIN_REFUSED, "pages of this origin may not send to this source; add it there", at)
    return None


def _is_large(raw: bytes) -> bool:
    """Compressed bodies may be ten times and more of what they seem."""
    return len(raw) > (THREAD_BYTES if raw[:1] in (b"{", b" ") else THREAD_BYTES // 16)


def _said_key(scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
    """The write key from the Basic user, else from the query."""
    if user := read_basic_user(headers.get(b"authorization", b"")):
        return user
    query = scope["query_string"]
    if b"writeKey" not in query:
        return None
    try:
        said = parse_qs(query.decode("latin-1")).get("writeKey")
    except ValueError:
        return None  # more fields than the standard library reads
    return said[0] if said else None


def _strict(parsed: Parsed) -> Answer:
    """What strict mode says of invalid events: the others are stored all the same."""
    wrong = [refusal for refusal in parsed.refusals if refusal.reason not in HARMLESS]
    if not wrong:
        return DONE
    told = [
        {"messageId": refusal.message_id, "reason": refusal.reason, "message": refusal.message}
        for refusal in wrong[:TOLD_REFUSALS]
    ]
    message = f"{len(wrong)} of {len(parsed.events) + len(parsed.refusals)} events were refused: {wrong[0].message}"
    body = make_problem(400, wrong[0].reason, message, stored=len(parsed.events), refusals=told)
    return Answer(400, encode(body), kind=PROBLEM)
