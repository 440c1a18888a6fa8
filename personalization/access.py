"""Callers, doors and limits for Django's side: what the REST framework and plain views ask before they answer."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from ingestion.http import PROBLEM
from personalization.callers import Caller, make_session_caller
from personalization.doors import Door, find_door, let_in, name_door
from personalization.errors import find_problem, problem_body, tell
from personalization.limits import Verdict
from personalization.wiring import gate

Respond = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


class CallerAuthentication(BaseAuthentication):
    """`request.auth` is the Caller: by the Authorization header, or without one by an operator's session."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        said = request.META.get("HTTP_AUTHORIZATION", "")
        if said:
            return AnonymousUser(), gate().find(said.encode("latin-1", "replace"))
        found = SessionAuthentication().authenticate(request)  # checks the form's own token too
        caller = None if found is None else make_session_caller(cast(Any, found[0]))
        return None if found is None or caller is None else (found[0], caller)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class DoorPermission(BasePermission):
    """Asks the table of doors; a route without a row lets nobody in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method not in view.allowed_methods or request.method == "OPTIONS":
            raise MethodNotAllowed(str(request.method))
        let_in(cast(Caller | None, request.auth), door_of(request))
        return True


class CallerThrottle(BaseThrottle):
    """Takes the call from the caller's limit. Where anybody may come in, a call without a key is not counted."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.auth is not None:
            request._request.limit = take_call(request, caller_of(request))  # type: ignore[attr-defined]
        return True


class CallerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document says it; the schemes are described in personalization/openapi.py."""

    target_class = CallerAuthentication
    name = ["secretKey", "oauth2"]

    def get_security_definition(self, auto_schema: Any) -> Any:
        return [{}, {}]


def caller_of(request: Request) -> Caller:
    """Who was let in; for views whose door is not open to everybody."""
    return cast(Caller, request.auth)


def door_of(request: HttpRequest | Request) -> Door:
    """The door that a request of Django's has come to; raises NoDoor."""
    match = request.resolver_match
    return find_door(name_door(str(request.method), "" if match is None else match.route))


def take_call(request: HttpRequest | Request, caller: Caller) -> Verdict:
    """Raises TooManyCalls."""
    return gate().take(caller, request.META.get("REMOTE_ADDR", ""))


def answer_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """The REST framework's handler of exceptions; None for a fault of ours, which Django writes down and answers."""
    if find_problem(error) is None:
        return None
    told = tell(error)
    headers = {name.decode(): value.decode() for name, value in told.headers}
    return Response(problem_body(told), told.status, headers=headers, content_type=PROBLEM.decode())


@sync_and_async_middleware
def tell_limits(respond: Any) -> Any:
    """Middleware: an answer says how many calls its caller has left, if `request.limit` was set on the way."""

    def say(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        verdict: Verdict | None = getattr(request, "limit", None)
        for name, value in () if verdict is None else verdict.headers:
            response.headers[HEADERS[name]] = value.decode()
        return response

    if iscoroutinefunction(respond):

        async def answer_soon(request: HttpRequest) -> HttpResponse:
            return say(request, await respond(request))

        return answer_soon

    def answer(request: HttpRequest) -> HttpResponse:
        return say(request, respond(request))

    return answer


HEADERS = {b"ratelimit-policy": "RateLimit-Policy", b"ratelimit": "RateLimit"}
