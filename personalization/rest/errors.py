"""What a call that is not answered is told: one table of codes, one form (RFC 9457), one place that makes it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import redis
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from ingestion.append import Overloaded
from ingestion.log import LogUnavailable
from personalization.people import UnknownPerson
from personalization.replaying import NotExplainable
from profiles.store import StoreUnavailable
from rules.actions import CannotPublish

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 100  # told of one call
RETRY_AFTER_S = 1

# Every code there is: its status, and when it is answered. docs/reference/rest.md says how to mend each.
CODES: Mapping[str, tuple[int, str]] = {
    "bad_json": (400, "the body is not JSON that can be stored"),
    "bad_parameter": (400, "a parameter of the address or a header cannot be read"),
    "bad_cursor": (400, "the cursor is none of this list"),
    "unknown_key": (401, "no key was sent, or it is not known, or was revoked"),
    "scope_missing": (403, "the key lacks the scope that this call takes"),
    "not_found": (404, "there is nothing at this address"),
    "method_not_allowed": (405, "the address is for other methods"),
    "exists_already": (409, "something of this name exists already"),
    "in_use": (409, "something else refers to it"),
    "not_explainable": (409, "what the decision was made of is not kept any more"),
    "in_progress": (409, "the first call with this Idempotency-Key has not ended"),
    "nothing_to_do": (409, "it is so already"),
    "version_mismatch": (412, "somebody has changed it since it was read"),
    "too_large": (413, "the body has too many bytes or items"),
    "invalid": (422, "the body says something that cannot be"),
    "cannot_publish": (422, "what is drafted makes no working Book"),
    "key_reused": (422, "the Idempotency-Key was used for another call"),
    "if_match_missing": (428, "the header If-Match is needed here"),
    "server_busy": (429, "more events come in than are processed"),
    "internal": (500, "something went wrong here"),
    "unavailable": (503, "a store is away"),
}

# What others raise, by the code it is answered with.
EXCEPTIONS: Mapping[type[Exception], str] = {
    exceptions.NotAuthenticated: "unknown_key",
    exceptions.AuthenticationFailed: "unknown_key",
    exceptions.PermissionDenied: "scope_missing",
    PermissionDenied: "scope_missing",
    Http404: "not_found",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.ParseError: "bad_json",
    exceptions.ValidationError: "invalid",
    CannotPublish: "cannot_publish",
    NotExplainable: "not_explainable",
    UnknownPerson: "not_found",
    Overloaded: "server_busy",
    LogUnavailable: "unavailable",
    StoreUnavailable: "unavailable",
    redis.RedisError: "unavailable",
    OperationalError: "unavailable",
    InterfaceError: "unavailable",
}


SAYING = (NotExplainable, UnknownPerson)  # what they say is for callers


class FieldError(NamedTuple):
    """What is wrong at one place of the body: `pointer` is a JSON Pointer, `node` the id of a condition's node."""

    pointer: str
    code: str
    message: str
    node: str | None = None


class CallRefused(Exception):
    """A call that is not answered: a code of the table, and a message that says how to mend it."""

    def __init__(self, code: str, message: str, errors: Sequence[FieldError] = ()) -> None:
        self.code, self.message, self.errors = code, message, tuple(errors)
        super().__init__(message)


def refuse_fields(errors: Iterable[FieldError]) -> CallRefused:
    """The refusal of a body, with everything that is wrong in it."""
    found = list(errors)
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return CallRefused("invalid", f"{found[0].pointer or 'the body'}: {found[0].message}{more}", found)


def answer_problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The exception handler of every view; None for what is a mistake of ours, which is then logged and answered
    by `answer_failure`."""
    refused = read_exception(error)
    if refused is None:
        return None
    problem = describe_problem(refused.code, refused.message, refused.errors)
    return Response(problem, problem["status"], headers=_headers(error, problem["status"]), content_type=MEDIA_TYPE)


def answer_failure(request: HttpRequest, *, is_away: bool) -> JsonResponse:
    """What Django answers in our name when a view has failed."""
    code = "unavailable" if is_away else "internal"
    problem = describe_problem(code, CODES[code][1])
    headers = {"Retry-After": str(RETRY_AFTER_S)} if is_away else None
    return JsonResponse(problem, status=problem["status"], headers=headers, content_type=MEDIA_TYPE)


def describe_problem(code: str, message: str, errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """The form of RFC 9457: `code` for programs, `message` for people, `errors` for forms."""
    problem = {"type": "about:blank", "title": code, "status": CODES[code][0], "code": code, "message": message}
    if not errors:
        return problem
    told = [{name: value for name, value in each._asdict().items() if value is not None} for each in errors]
    return {**problem, "errors": told[:MOST_ERRORS]}


def read_exception(error: Exception) -> CallRefused | None:
    """The refusal an exception stands for; None when it is in no table."""
    if isinstance(error, CallRefused):
        return error
    code = next((EXCEPTIONS[kind] for kind in type(error).__mro__ if kind in EXCEPTIONS), None)
    if code is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        return refuse_fields(list_errors(error.detail))
    if isinstance(error, CannotPublish):
        reasons = [FieldError("", code, reason) for reason in error.reasons]
        return CallRefused(code, f"nothing was published: {error}", reasons)
    if isinstance(error, exceptions.APIException):
        return CallRefused(code, str(error.detail))
    return CallRefused(code, str(error) if isinstance(error, SAYING) else CODES[code][1])


def list_errors(detail: Any, pointer: str = "") -> list[FieldError]:
    """What the REST framework found wrong, each with its place in the body."""
    if isinstance(detail, dict):
        found = []
        for name, inner in detail.items():
            own = name == "non_field_errors"
            found += list_errors(inner, pointer if own else f"{pointer}/{escape(str(name))}")
        return found
    if isinstance(detail, list):
        if any(isinstance(each, dict) for each in detail):
            return [found for place, each in enumerate(detail) for found in list_errors(each, f"{pointer}/{place}")]
        return [found for each in detail for found in list_errors(each, pointer)]
    return [FieldError(pointer, getattr(detail, "code", "invalid"), str(detail))]


def escape(name: str) -> str:
    """A name as a part of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _headers(error: Exception, status: int) -> dict[str, str]:
    if isinstance(error, Overloaded):
        return {"Retry-After": str(error.retry_after)}
    if status == 503:
        return {"Retry-After": str(RETRY_AFTER_S)}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {}
