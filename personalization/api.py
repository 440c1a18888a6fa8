"""`POST /api/v1/decide`, the hot door: raw ASGI, so that no middleware it does not need stands before it."""

from typing import Any

import msgspec

from ingestion.http import (
    NO_CONTENT,
    Answer,
    Headers,
    Receive,
    Scope,
    Send,
    encode,
    read_address,
    read_bearer,
    read_permission,
    receive_body,
    refuse_method,
    serve,
)
from personalization.callers import Caller, Kind, read_credentials
from personalization.decide import MAX_SLOTS, Decider
from personalization.doors import DOORS, SecretKeyNeeded
from personalization.errors import CallRefused, answer_or_refuse
from personalization.gate import HotGate
from personalization.sealing import BadToken, ExpiredToken
from personalization.visiting import Visits
from profiles.consent import State
from profiles.event import anonymous_key, user_key
from profiles.identity import MAX_ID_LENGTH

DECIDE_PATHS = ("/api/v1/decide", "/api/v1/decide/")
DOOR = DOORS["POST /api/v1/decide"]
MAX_BODY = 64_000


class Question(msgspec.Struct, rename="camel", kw_only=True):
    """The body of a decide call. A write key may name an anonymousId only; naming a userId takes a secret key. `visit`
    is the sealed token of a page that is visited as somebody (personalization.visiting). Without `consent` nobody is
    looked up, whoever is named."""

    slots: list[str]
    anonymous_id: str | None = None
    user_id: str | None = None
    context: dict[str, Any] = {}
    write_key: str | None = None
    visit: str | None = None
    explain: bool = False
    consent: State | None = None


_decoder = msgspec.json.Decoder(Question)


class DecideApp:
    """The raw ASGI application behind the decide path."""

    def __init__(self, *, gate: HotGate, decider: Decider, visits: Visits) -> None:
        self._gate = gate
        self._decider = decider
        self._visits = visits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(send, answer_or_refuse(self._answer(scope, receive)))

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] == "OPTIONS":
            return NO_CONTENT
        if scope["method"] != "POST":
            return refuse_method(b"POST, OPTIONS")
        question = parse_question(await receive_body(receive, MAX_BODY))
        identifier, caller, headers = await self._identify(scope, question)
        if question.visit is not None:
            return (await self._visit(question, question.visit, _read_agent(scope)))._replace(headers=headers)
        door = "web" if caller.kind is Kind.WRITE_KEY else "rest"
        decision = await self._decider.decide(
            identifier,
            question.slots,
            question.context,
            _read_agent(scope),
            door=door,
            source=caller.source,
            explain=question.explain,
            permission=read_permission(scope, question.consent),
        )
        return Answer(200, encode(decision), headers)

    async def _visit(self, question: Question, token: str, agent: str | None) -> Answer:
        try:
            answer = await self._visits.show(token, question.slots, question.context, agent)
        except ExpiredToken as error:
            raise CallRefused("visit_over", "this link is over; have another one made") from error
        except BadToken as error:
            raise CallRefused("bad_visit", "this is no link to a visit, or not a whole one") from error
        except ValueError as error:
            raise CallRefused("bad_draft", f"the draft cannot be shown: {error}") from error
        return Answer(200, encode(answer))

    async def _identify(self, scope: Scope, question: Question) -> tuple[str | None, Caller, Headers]:
        """The identifier the caller may ask for, who that is, and what is said of their limit; raises for who may not
        ask."""
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        said = read_credentials(authorization, question.write_key)
        caller, headers = await self._gate.admit(said, DOOR, read_address(scope))
        if question.user_id is not None:
            if caller.kind is Kind.WRITE_KEY:
                raise SecretKeyNeeded("a userId may be named with a secret key or a token only")
            return user_key(question.user_id), caller, headers
        identifier = None if question.anonymous_id is None else anonymous_key(question.anonymous_id)
        return identifier, caller, headers


def _read_agent(scope: Scope) -> str | None:
    """The browser's User-Agent; a server that asks with its secret key is no visitor's browser."""
    headers = dict(scope["headers"])
    if read_bearer(headers.get(b"authorization", b"")):
        return None
    return str(headers.get(b"user-agent", b""), "latin-1") or None


def parse_question(raw: bytes) -> Question:
    """The call's body, checked; raises CallRefused."""
    if len(raw) > MAX_BODY:
        raise CallRefused("too_large", f"a decide call has at most {MAX_BODY} bytes")
    try:
        question = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CallRefused("bad_request", f"the body is not a decide call: {error}") from error
    if not 0 < len(question.slots) <= MAX_SLOTS:
        raise CallRefused("bad_request", f"name 1 to {MAX_SLOTS} slots")
    for id in (question.anonymous_id, question.user_id):
        if id is not None and not 0 < len(id) <= MAX_ID_LENGTH:
            raise CallRefused("bad_request", f"an id has 1 to {MAX_ID_LENGTH} characters")
    return question
