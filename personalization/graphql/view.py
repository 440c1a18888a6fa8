"""`POST /graphql`: raw ASGI, so that no middleware it does not need stands before it. No cookie counts here."""

import asyncio
import inspect
from typing import Any

import msgspec
from graphql import ExecutionContext, ExecutionResult, GraphQLError

from ingestion.http import (
    BODY_TOO_SLOW,
    Answer,
    BodyTooSlow,
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    encode,
    receive_body,
)
from personalization.callers import read_credentials
from personalization.doors import DOORS
from personalization.errors import tell
from personalization.gate import HotGate
from personalization.graphql.asked import Asked, Engine
from personalization.graphql.loaders import Archive, Loaders, People
from personalization.graphql.plans import TOLD_ERRORS, Invalid, Plan, Plans
from personalization.graphql.problems import BAD_REQUEST, BadCall, say_error, say_fault, say_problem
from personalization.graphql.schema import schema

DOOR = DOORS["POST /graphql"]
PATHS = ("/graphql", "/graphql/")
MAX_BODY = 64_000
DEADLINE_S = 5.0  # for one answer
HEADERS: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class Call(msgspec.Struct, rename="camel"):
    """The body of a call."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


_decoder = msgspec.json.Decoder(Call)


class GraphqlApp:
    """The raw ASGI application behind the GraphQL path."""

    def __init__(
        self,
        engine: Engine,
        *,
        gate: HotGate,
        people: People,
        introspection: bool,
        most_cost: int,
        deadline: float = DEADLINE_S,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._people = people
        self._archive = Archive()
        self._plans = Plans(schema.graphql_schema, introspection=introspection)
        self._most_cost = most_cost
        self._deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer_or_refuse(scope, receive)
        except BodyTooSlow:
            answer = _refuse(BODY_TOO_SLOW[0], say_problem(*BODY_TOO_SLOW[1:]))
        except ClientGone:
            return
        headers = [*HEADERS, *answer.headers, (b"content-length", b"%d" % len(answer.body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def stop(self) -> None:
        self._archive.stop()

    async def _answer_or_refuse(self, scope: Scope, receive: Receive) -> Answer:
        try:
            return await self._answer(scope, receive)
        except BadCall as refused:
            return _refuse(refused.status, say_problem(refused.code, refused.message))
        except Invalid as invalid:
            return _refuse(400, *map(say_error, invalid.errors))
        except (BodyTooSlow, ClientGone):
            raise
        except TimeoutError as late:
            return _refuse(503, say_fault(late))
        except Exception as fault:
            told = tell(fault)
            return _refuse(told.status, say_fault(fault), headers=told.headers)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        if scope["method"] != "POST":
            said = say_problem("method_not_allowed", "use POST")
            return _refuse(405, said, headers=[(b"allow", b"POST")])
        raw = await receive_body(receive, MAX_BODY)
        credentials = read_credentials(headers.get(b"authorization", b""))
        caller, limits = await self._gate.admit(credentials, DOOR, (scope["client"] or ("", 0))[0])
        call = parse_call(raw, headers.get(b"content-type", b""))
        plan = await self._plans.find(call.query)
        asked = Asked(caller, Loaders(people=self._people, archive=self._archive), self._engine)
        async with asyncio.timeout(self._deadline):
            result = await self._execute(plan, call, asked)
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [say_error(error) for error in result.errors]
        return Answer(200, encode(answer), limits)

    async def _execute(self, plan: Plan, call: Call, asked: Asked) -> ExecutionResult:
        context = ExecutionContext.build(
            schema.graphql_schema,
            plan.document,
            context_value=asked,
            raw_variable_values=call.variables,
            operation_name=call.operation_name,
            max_coercion_errors=TOLD_ERRORS,
            hide_suggestions=self._plans.hides,
        )
        if isinstance(context, list):
            raise Invalid(context)
        cost = plan.price.pay(context.variable_values)
        if cost > self._most_cost:
            raise BadCall("too_costly", f"the query costs {cost}, {self._most_cost} are allowed; ask for less at once")
        try:
            data = context.execute_operation(plan.operation, None)
            if inspect.isawaitable(data):
                data = await data
        except GraphQLError as error:
            context.collected_errors.add(error, None)
            data = None
        return context.build_response(data, context.collected_errors.errors)


def parse_call(raw: bytes, content_type: bytes) -> Call:
    """The call in a body; raises BadCall."""
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise BadCall("unsupported_media_type", "send the call as application/json", status=415)
    if len(raw) > MAX_BODY:
        raise BadCall("too_large", f"a call has at most {MAX_BODY} bytes", status=413)
    if raw.lstrip()[:1] == b"[":
        raise BadCall("one_operation", "send one operation at a time")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadCall(BAD_REQUEST, "the body is not a JSON object with query, variables and operationName") from None


def _refuse(status: int, *errors: dict[str, Any], headers: Headers = ()) -> Answer:
    return Answer(status, encode({"errors": errors}), headers)
