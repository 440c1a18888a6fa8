"""`POST /graphql`: raw ASGI, so that no middleware it does not need stands before it. For secret keys and tokens."""

import asyncio
import inspect
from typing import Any

import msgspec
from graphql import ExecutionContext, ExecutionResult, GraphQLError

from ingestion.http import (
    Answer,
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    encode,
    read_address,
    read_permission,
    receive_body,
)
from personalization.callers import Caller, read_credentials
from personalization.doors import DOORS
from personalization.errors import tell
from personalization.gate import HotGate
from personalization.graphql.asked import Asked, Engine
from personalization.graphql.loaders import Archive, Loaders, People
from personalization.graphql.plans import TOLD_ERRORS, Invalid, Plan, Plans
from personalization.graphql.problems import (
    BadRequest,
    OneOperation,
    TooCostly,
    TooLarge,
    UnknownMediaType,
    WrongMethod,
)
from personalization.graphql.schema import schema
from personalization.graphql.telling import say, say_error
from profiles.consent import Permission

PATHS = ("/graphql", "/graphql/")
DOOR = DOORS["POST /graphql"]
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
        except ClientGone:
            return
        headers = [*HEADERS, *answer.headers, (b"content-length", b"%d" % len(answer.body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def stop(self) -> None:
        self._archive.stop()

    async def _answer_or_refuse(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return _refuse(WrongMethod("use POST"), [(b"allow", b"POST")])
        asked = dict(scope["headers"])
        limit: Headers = ()
        try:
            raw = await receive_body(receive, MAX_BODY)
            said = read_credentials(asked.get(b"authorization", b""))
            caller, limit = await self._gate.admit(said, DOOR, read_address(scope))
            call = parse_call(raw, asked.get(b"content-type", b""))
            return Answer(200, await self._answer(call, caller, read_permission(scope)), limit)
        except ClientGone:
            raise
        except Exception as error:
            return _refuse(error, limit)

    async def _answer(self, call: Call, caller: Caller, permission: Permission) -> bytes:
        plan = await self._plans.find(call.query)
        asked = Asked(caller, Loaders(people=self._people, archive=self._archive), self._engine, permission)
        async with asyncio.timeout(self._deadline):
            result = await self._execute(plan, call, asked)
        said: dict[str, Any] = {"data": result.data}
        if result.errors:
            said["errors"] = [say_error(error) for error in result.errors]
        return encode(said)

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
            raise TooCostly(f"the query costs {cost}, {self._most_cost} are allowed; ask for less at once")
        try:
            data = context.execute_operation(plan.operation, None)
            if inspect.isawaitable(data):
                data = await data
        except GraphQLError as error:
            context.collected_errors.add(error, None)
            data = None
        return context.build_response(data, context.collected_errors.errors)


def parse_call(raw: bytes, content_type: bytes) -> Call:
    """The call in a body; raises UnknownMediaType, TooLarge, OneOperation, BadRequest."""
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise UnknownMediaType("send the call as application/json")
    if len(raw) > MAX_BODY:
        raise TooLarge(f"a call has at most {MAX_BODY} bytes")
    if raw.lstrip()[:1] == b"[":
        raise OneOperation("send one operation at a time")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("the body is not a JSON object with query, variables and operationName") from None


def _refuse(error: Exception, headers: Headers) -> Answer:
    """The answer to a call of which nothing was executed."""
    told = tell(error)
    errors = list(map(say_error, error.errors)) if isinstance(error, Invalid) else [say(error)]
    return Answer(told.status, encode({"errors": errors}), [*told.headers, *headers])
