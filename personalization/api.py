"""`POST /api/v1/decide`, the hot door: raw ASGI, so that no middleware it does not need stands before it."""

from collections.abc import Callable
from typing import Any

import msgspec

from ingestion.directory import Directory
from ingestion.http import (
    NO_CONTENT,
    Answer,
    Receive,
    Scope,
    Send,
    encode,
    read_basic_user,
    read_bearer,
    receive_body,
    refuse,
    refuse_for_now,
    refuse_method,
    serve,
)
from ingestion.log import LogUnavailable
from personalization.decide import MAX_SLOTS, Decider
from personalization.sealing import BadToken, ExpiredToken
from personalization.visiting import Visits
from profiles.event import anonymous_key, user_key

DECIDE_PATHS = ("/api/v1/decide", "/api/v1/decide/")
SCOPE = "decide"  # that a secret key needs
MAX_BODY = 64_000
MAX_ID = 255


class Question(msgspec.Struct, rename="camel", kw_only=True):
    """The body of a decide call. A write key may name an anonymousId only; naming a userId takes a secret key. `visit`
    is the sealed token of a page that is visited as somebody (personalization.visiting)."""

    slots: list[str]
    anonymous_id: str | None = None
    user_id: str | None = None
    context: dict[str, Any] = {}
    write_key: str | None = None
    visit: str | None = None


class DecideRefused(Exception):
    """The call cannot be answered: HTTP status, code and a message that says how to mend it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


_decoder = msgspec.json.Decoder(Question)


class DecideApp:
    """The raw ASGI application behind the decide path."""

    def __init__(self, *, directory: Callable[[], Directory], decider: Decider, visits: Visits) -> None:
        self._directory = directory
        self._decider = decider
        self._visits = visits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(send, self._answer_or_refuse(scope, receive))

    async def _answer_or_refuse(self, scope: Scope, receive: Receive) -> Answer:
        try:
            return await self._answer(scope, receive)
        except DecideRefused as refused:
            return refuse(refused.status, refused.code, refused.message)
        except LogUnavailable:
            message = "the service is not ready; try again in a second"
            return refuse_for_now(503, "unavailable", message, retry_after=1)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] == "OPTIONS":
            return NO_CONTENT
        if scope["method"] != "POST":
            return refuse_method(b"POST, OPTIONS")
        question = parse_question(await receive_body(receive, MAX_BODY))
        identifier = self._identify(scope, question)
        if question.visit is not None:
            return await self._visit(question, question.visit, _read_agent(scope))
        decision = await self._decider.decide(identifier, question.slots, question.context, _read_agent(scope))
        return Answer(200, encode(decision))

    async def _visit(self, question: Question, token: str, agent: str | None) -> Answer:
        try:
            answer = await self._visits.show(token, question.slots, question.context, agent)
        except ExpiredToken:
            return refuse(410, "visit_over", "this link is over; have another one made")
        except BadToken:
            return refuse(403, "bad_visit", "this is no link to a visit, or not a whole one")
        except ValueError as error:
            return refuse(422, "bad_draft", f"the draft cannot be shown: {error}")
        return Answer(200, encode(answer))

    def _identify(self, scope: Scope, question: Question) -> str | None:
        """The identifier the caller may ask for; raises DecideRefused for a wrong key."""
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        directory = self._directory()
        if secret := read_bearer(authorization):
            key = directory.secret(secret)
            if key is None:
                raise DecideRefused(401, "unknown_key", "the secret key is not known or was revoked")
            if SCOPE not in key.scopes:
                raise DecideRefused(403, "scope_missing", f"the secret key lacks the scope {SCOPE!r}")
        else:
            if directory.source_of(read_basic_user(authorization) or question.write_key or "") is None:
                raise DecideRefused(401, "unknown_key", "send the source's write key as Basic user or as writeKey")
            if question.user_id is not None:
                raise DecideRefused(403, "secret_key_needed", "a userId may be named with a secret key only")
        if question.user_id is not None:
            return user_key(question.user_id)
        return None if question.anonymous_id is None else anonymous_key(question.anonymous_id)


def _read_agent(scope: Scope) -> str | None:
    """The browser's User-Agent; a server that asks with its secret key is no visitor's browser."""
    headers = dict(scope["headers"])
    if read_bearer(headers.get(b"authorization", b"")):
        return None
    return str(headers.get(b"user-agent", b""), "latin-1") or None


def parse_question(raw: bytes) -> Question:
    """The call's body, checked; raises DecideRefused."""
    if len(raw) > MAX_BODY:
        raise DecideRefused(413, "too_large", f"a decide call has at most {MAX_BODY} bytes")
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
