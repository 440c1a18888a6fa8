"""Callers, doors and limits for Django's side: what the REST framework and plain views ask before they answer."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.decorators import sync_and_async_middleware
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from personalization.callers import Caller, Kind, make_session_caller
from personalization.doors import Door, find_door, let_in, name_door
from personalization.limits import Verdict
from personalization.wiring import gate

Respond = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


class OperatorAuthentication(SessionAuthentication):
    """By the session of the admin. The token against forged calls has to be in the header: the body is the view's."""

    def enforce_csrf(self, request: Any) -> None:
        request._request.POST = QueryDict()
        super().enforce_csrf(request._request)


class CallerAuthentication(BaseAuthentication):
    """`request.auth` is the Caller: by the Authorization header, or without one by an operator's session."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        said = request.META.get("HTTP_AUTHORIZATION", "")
        if said:
            caller = gate().find(said.encode("latin-1", "replace"))
            request._request.caller = caller  # type: ignore[attr-defined]  # for the log (personalization.refused)
            return AnonymousUser(), caller
        found = OperatorAuthentication().authenticate(request)
        operator = None if found is None else make_session_caller(cast(Any, found[0]))
        return None if found is None or operator is None else (found[0], operator)

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


def caller_of(request: Request) -> Caller:
    """Who was let in; for views whose door is not open to everybody."""
    return cast(Caller, request.auth)


def operator_of(request: Request) -> User | None:
    """The operator who calls, whose name stays beside what is changed; None for keys and tokens, which have none."""
    return cast(User, request.user) if caller_of(request).kind is Kind.SESSION else None


def say_caller(request: Request) -> str:
    """What stays beside a change of which the caller says nothing. An operator's name stays there in any case."""
    caller = caller_of(request)
    return "" if caller.kind is Kind.SESSION else f"With {caller.words}"


def door_of(request: HttpRequest | Request) -> Door:
    """The door that a request of Django's has come to; raises NoDoor."""
    match = request.resolver_match
    return find_door(name_door(str(request.method), "" if match is None else match.route))


def take_call(request: HttpRequest | Request, caller: Caller) -> Verdict:
    """Raises TooManyCalls."""
    return gate().take(caller, request.META.get("REMOTE_ADDR", ""))


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
