"""`POST /graphql`: raw ASGI, so that no middleware it does not need stands before it. Only secret keys count here."""

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
from personalization.graphql.asked import Asked, Engine
from personalization.graphql.caller import find_caller
from personalization.graphql.loaders import Archive, Loaders, People
from personalization.graphql.plans import TOLD_ERRORS, Invalid, Plan, Plans
from personalization.graphql.problems import BAD_REQUEST, Problem, say_error, say_fault, say_problem
from personalization.graphql.schema import schema

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
        self, engine: Engine, *, people: People, introspection: bool, most_cost: int, deadline: float = DEADLINE_S
    ) -> None:
        self._engine = engine
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
        except Problem as problem:
            return _refuse(problem.status, say_problem(problem.code, problem.message))
        except Invalid as invalid:
            return _refuse(400, *map(say_error, invalid.errors))
        except (BodyTooSlow, ClientGone):
            raise
        except Exception as fault:
            said = say_fault(fault)
            return _refuse(500 if "id" in said["extensions"] else 503, said)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        if scope["method"] != "POST":
            said = say_problem("method_not_allowed", "use POST")
            return _refuse(405, said, headers=[(b"allow", b"POST")])
        raw = await receive_body(receive, MAX_BODY)
        caller = find_caller(self._engine.directory(), headers.get(b"authorization", b""))
        call = parse_call(raw, headers.get(b"content-type", b""))
        plan = await self._plans.find(call.query)
        asked = Asked(caller, Loaders(people=self._people, archive=self._archive), self._engine)
        async with asyncio.timeout(self._deadline):
            result = await self._execute(plan, call, asked)
        said = {"data": result.data}
        if result.errors:
            said["errors"] = [say_error(error) for error in result.errors]
        return Answer(200, encode(said))

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
            raise Problem("too_costly", f"the query costs {cost}, {self._most_cost} are allowed; ask for less at once")
        try:
            data = context.execute_operation(plan.operation, None)
            if inspect.isawaitable(data):
                data = await data
        except GraphQLError as error:
            context.collected_errors.add(error, None)
            data = None
        return context.build_response(data, context.collected_errors.errors)


def parse_call(raw: bytes, content_type: bytes) -> Call:
    """The call in a body; raises Problem."""
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise Problem("unsupported_media_type", "send the call as application/json", status=415)
    if len(raw) > MAX_BODY:
        raise Problem("too_large", f"a call has at most {MAX_BODY} bytes", status=413)
    if raw.lstrip()[:1] == b"[":
        raise Problem("one_operation", "send one operation at a time")
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(BAD_REQUEST, "the body is not a JSON object with query, variables and operationName") from None


def _refuse(status: int, *errors: dict[str, Any], headers: Headers = ()) -> Answer:
    return Answer(status, encode({"errors": errors}), headers)
