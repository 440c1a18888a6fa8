"""`POST /api/v1/decide/batch`: what up to 500 people see, for back ends; one who cannot be answered disturbs nobody."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from ingestion.http import (
    Answer,
    Receive,
    Scope,
    Send,
    encode,
    read_address,
    read_permission,
    receive_body,
    refuse_method,
    serve,
)
from personalization.answering import Answered
from personalization.callers import read_credentials
from personalization.decide import MAX_SLOTS, Decider
from personalization.doors import DOORS
from personalization.errors import CallRefused, answer_or_refuse
from personalization.gate import HotGate
from profiles.consent import Permission, State, may_keep
from profiles.event import anonymous_key, user_key
from profiles.identity import MAX_ID_LENGTH

BATCH_PATHS = ("/api/v1/decide/batch", "/api/v1/decide/batch/")
DOOR = DOORS["POST /api/v1/decide/batch"]
MAX_PEOPLE = 500
MAX_BODY = 1_000_000
AT_ONCE = 100  # people whose round trips are shared

Json = dict[str, Any]


class BatchQuestion(msgspec.Struct, rename="camel", kw_only=True):
    """The body. `people` are looked at one by one; each may have a `context` of its own besides everybody's."""

    people: list[Any]
    slots: list[str]
    context: Json = {}


class Person(msgspec.Struct, rename="camel", kw_only=True):
    user_id: str | None = None
    anonymous_id: str | None = None
    context: Json = {}
    consent: State | None = None


class Failure(msgspec.Struct):
    code: str
    message: str


class PersonAnswer(msgspec.Struct, rename="camel", omit_defaults=True):
    """What one person sees, or why that cannot be said."""

    decision_id: str = ""
    book: int = 0
    slots: dict[str, Answered] = {}
    error: Failure | None = None


class BatchAnswer(msgspec.Struct):
    """In the order of `people`."""

    answers: list[PersonAnswer]


_decoder = msgspec.json.Decoder(BatchQuestion)


class DecideBatchApp:
    """The raw ASGI application behind the path. `decider` has more time than that of a page."""

    def __init__(self, *, gate: HotGate, decider: Decider) -> None:
        self._gate = gate
        self._decider = decider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(send, answer_or_refuse(self._answer(scope, receive)))

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return refuse_method(b"POST")
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        caller, headers = await self._gate.admit(read_credentials(authorization), DOOR, read_address(scope))
        question = parse_batch(await receive_body(receive, MAX_BODY))
        browser, answers = read_permission(scope), list[PersonAnswer]()
        for start in range(0, len(question.people), AT_ONCE):
            some = question.people[start : start + AT_ONCE]
            answers += await asyncio.gather(*(self._decide(each, question, caller.source, browser) for each in some))
        return Answer(200, encode(BatchAnswer(answers)), headers)

    async def _decide(self, said: Any, question: BatchQuestion, source: str, browser: Permission) -> PersonAnswer:
        try:
            person = msgspec.convert(said, Person)
            identifier = _identify(person)
        except (msgspec.ValidationError, ValueError) as error:
            return PersonAnswer(error=Failure("bad_person", str(error)))
        context = {**question.context, **person.context}
        permission = browser._replace(state=person.consent)
        answer = await self._decider.decide(
            identifier, question.slots, context, door="batch", source=source, permission=permission
        )
        return PersonAnswer(answer.decision_id, answer.book, answer.slots)


def parse_batch(raw: bytes) -> BatchQuestion:
    """The call's body, checked but for its people; raises CallRefused."""
    if len(raw) > MAX_BODY:
        raise CallRefused("too_large", f"a batch has at most {MAX_BODY} bytes; send fewer people at once")
    try:
        question = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CallRefused("bad_request", f"the body is not a batch of decide calls: {error}") from error
    if not 0 < len(question.slots) <= MAX_SLOTS:
        raise CallRefused("bad_request", f"name 1 to {MAX_SLOTS} slots")
    if not 0 < len(question.people) <= MAX_PEOPLE:
        raise CallRefused("too_large", f"name 1 to {MAX_PEOPLE} people in each call, not {len(question.people)}")
    return question


def _identify(person: Person) -> str | None:
    """None for somebody who is not to be known; raises ValueError."""
    given: Sequence[str] = [id for id in (person.user_id, person.anonymous_id) if id is not None]
    if not given and not may_keep(Permission(person.consent)):
        return None
    if not given:
        raise ValueError("name the person by userId or anonymousId")
    if not all(0 < len(id) <= MAX_ID_LENGTH for id in given):
        raise ValueError(f"an id has 1 to {MAX_ID_LENGTH} characters")
    return user_key(person.user_id) if person.user_id is not None else anonymous_key(given[0])
