"""What goes wrong, in one table: each exception of the domain with its status, code and title, for every door.

REST and the raw doors answer a problem body (RFC 9457) with `code` and `message`, GraphQL puts the code into the
error's extensions, the socket closes with 4000 + status. An exception that is not in the table is a fault of ours: it
is answered with 500 and says nothing of the inside. What a door refuses by itself it raises as CallRefused.
"""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, NamedTuple

import redis
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as rest

from ingestion.append import Overloaded
from ingestion.http import BODY_TOO_SLOW, Answer, BodyTooSlow, Headers, make_problem, refuse
from ingestion.log import LogUnavailable
from ingestion.origins import BadOrigin
from ingestion.undoing import UndoPending, UndoRefused
from personalization.backtesting import TooManyBackTests
from personalization.cache_keys import BadKey
from personalization.callers import UnknownKey
from personalization.doors import NoDoor, ScopeMissing, SecretKeyNeeded
from personalization.graphql import problems as graphql
from personalization.limits import TooManyCalls
from personalization.mail import calls as mail
from personalization.mail.templates import BadTemplate, UnknownTemplate
from personalization.outgoing import NotCalled
from personalization.people import UnknownPerson
from personalization.replaying import NotExplainable
from profiles.store import StoreUnavailable
from rules.actions import CannotPublish
from rules.codes import NobodyGetsOne, NoCodes
from rules.drafts import InUse, Overtaken
from rules.importing import BadFile
from rules.points import KeyTaken, NotEnoughPoints
from rules.render import BadBlock, RenderFailed
from segments.conditions.edge import ServerOnly
from segments.conditions.language import BadCondition
from segments.membership import SegmentCycle
from segments.upload_lines import BadUpload


class Problem(NamedTuple):
    """How an exception is told. `says` stands in for the exception's own words where these speak of the inside;
    `retry_after` is in seconds, for what passes by itself."""

    status: int
    code: str
    title: str
    says: str | None = None
    retry_after: int | None = None


class FieldError(NamedTuple):
    """What is wrong at one place of the body: `pointer` is a JSON Pointer, `node` the id of a condition's node."""

    pointer: str
    code: str
    message: str
    node: str | None = None


class CallRefused(Exception):
    """A call that is not answered: a code of CODES, a message that says how to mend it, and where it is wrong."""

    def __init__(self, code: str, message: str, errors: Sequence[FieldError] = ()) -> None:
        self.code, self.message, self.errors = code, message, tuple(errors)
        super().__init__(message)


_LATER = "the service is not ready; try again in a second"
_MISSING = Problem(404, "not_found", "Not found")
_BAD_JSON = Problem(400, "bad_json", "The body cannot be read")
_INVALID = Problem(422, "invalid", "Some fields are not in order")
_AWAY = Problem(503, "unavailable", "Not available at the moment", _LATER, 1)
_WRONG_METHOD = Problem(405, "method_not_allowed", "The path is for another method")
_UNKNOWN_MEDIA_TYPE = Problem(415, "unsupported_media_type", "The body has a type that is not read")
_BAD_REQUEST = Problem(400, "bad_request", "The call cannot be read")
_TOO_LARGE = Problem(413, "too_large", "The body has too many bytes or items")

PROBLEMS: dict[type[Exception], Problem] = {
    # Who calls.
    UnknownKey: Problem(401, "unknown_key", "The key is not known"),
    ScopeMissing: Problem(403, "scope_missing", "The key may not do this"),
    SecretKeyNeeded: Problem(403, "secret_key_needed", "The write key is not enough"),
    NoDoor: Problem(403, "no_door", "Nobody may come in here"),
    TooManyCalls: Problem(429, "too_many_calls", "Too many calls"),
    # What is away or busy.
    LogUnavailable: _AWAY,
    StoreUnavailable: _AWAY,
    OperationalError: _AWAY,
    InterfaceError: _AWAY,
    redis.RedisError: _AWAY,
    TimeoutError: Problem(503, "timeout", "It took too long", "it took too long; ask again later, or for less", 1),
    Overloaded: Problem(429, "server_busy", "Too many events", "too many events at the moment; send again later"),
    # What cannot be done with the definitions as they are.
    CannotPublish: Problem(422, "cannot_publish", "The drafts make no working Book"),
    BadCondition: Problem(422, "bad_condition", "The condition cannot be used"),
    ServerOnly: Problem(422, "server_only", "The condition cannot leave the server"),
    SegmentCycle: Problem(422, "segment_cycle", "Segments ask for each other in a circle"),
    BadBlock: Problem(422, "bad_block", "The block cannot be used"),
    RenderFailed: Problem(422, "render_failed", "The block could not be rendered"),
    BadUpload: Problem(422, "bad_upload", "The list cannot be read"),
    BadOrigin: Problem(422, "bad_origin", "That is no origin"),
    Overtaken: Problem(412, "version_mismatch", "Somebody has changed it"),
    TooManyBackTests: Problem(409, "too_many_open", "Too many of them are under way"),
    InUse: Problem(409, "in_use", "Something else refers to it"),
    BadFile: _BAD_JSON,
    NoCodes: Problem(422, "no_codes", "No codes can be made of this"),
    NotCalled: Problem(422, "not_callable", "The address cannot be called"),
    # What cannot be done for a person.
    UnknownPerson: _MISSING,
    NotExplainable: Problem(409, "not_explainable", "It cannot be explained any more"),
    NotEnoughPoints: Problem(409, "not_enough_points", "There are not enough points"),
    KeyTaken: Problem(409, "key_taken", "The key belongs to another entry"),
    UndoRefused: Problem(409, "undo_refused", "The merge cannot be undone"),
    UndoPending: Problem(409, "undo_pending", "The merge is being undone"),
    # What a call says that a raw door, GraphQL or the door of e-mail cannot use.
    BodyTooSlow: Problem(*BODY_TOO_SLOW[:2], "The body came too slowly", BODY_TOO_SLOW[2]),
    BadKey: Problem(400, "bad_cache_key", "The cache key cannot be used"),
    graphql.WrongMethod: _WRONG_METHOD,
    graphql.UnknownMediaType: _UNKNOWN_MEDIA_TYPE,
    graphql.BadRequest: _BAD_REQUEST,
    graphql.TooLarge: _TOO_LARGE,
    graphql.BadQuery: Problem(400, "bad_query", "The query or its variables are not valid"),
    graphql.OneOperation: Problem(400, "one_operation", "A call has one operation"),
    graphql.TooDeep: Problem(400, "too_deep", "Fields are nested too deep"),
    graphql.TooManyFields: Problem(400, "too_many_fields", "The query has too many fields"),
    graphql.TooManyAliases: Problem(400, "too_many_aliases", "The query has too many aliases"),
    graphql.TooCostly: Problem(400, "too_costly", "The query may come to too much"),
    graphql.EventRefused: Problem(422, "event_refused", "The change is no event that is taken"),
    mail.BadCall: _BAD_REQUEST,
    mail.CallTooLarge: _TOO_LARGE,
    mail.TooManyRecipients: Problem(413, "too_many_recipients", "Too many recipients for one call"),
    BadTemplate: Problem(400, "bad_template", "The template makes no message"),
    UnknownTemplate: Problem(404, "unknown_template", "There is no such template"),
}

# The same for what the REST framework and Django raise by themselves.
REST_PROBLEMS: dict[type[Exception], Problem] = {
    rest.ValidationError: _INVALID,
    rest.ParseError: _BAD_JSON,
    rest.NotAuthenticated: PROBLEMS[UnknownKey],
    rest.AuthenticationFailed: PROBLEMS[UnknownKey],
    rest.PermissionDenied: Problem(403, "forbidden", "That is not allowed"),
    PermissionDenied: Problem(403, "forbidden", "That is not allowed", "this is not allowed"),
    rest.NotFound: _MISSING,
    Http404: _MISSING._replace(says="there is nothing at this address"),
    rest.MethodNotAllowed: _WRONG_METHOD,
    rest.NotAcceptable: Problem(406, "not_acceptable", "There is no such form of the answer"),
    rest.UnsupportedMediaType: _UNKNOWN_MEDIA_TYPE,
    rest.Throttled: PROBLEMS[TooManyCalls],
}

# The same for what the doors refuse by themselves.
REFUSALS = (
    Problem(400, "bad_parameter", "A parameter or header cannot be read"),
    Problem(400, "bad_cursor", "The cursor is none of this list"),
    Problem(409, "exists_already", "Something of this name exists already"),
    Problem(409, "nothing_to_do", "It is so already"),
    Problem(409, "in_progress", "The first call with this Idempotency-Key has not ended"),
    Problem(413, "too_large", "The body has too many bytes or items"),
    Problem(422, "key_reused", "The Idempotency-Key was used for another call"),
    Problem(428, "if_match_missing", "The header If-Match is needed here"),
    Problem(403, "https_needed", "Keys are not taken over plain HTTP"),
    Problem(403, "second_factor_needed", "A second step is needed first"),
    Problem(403, "bad_visit", "The link does not open a visit"),
    Problem(410, "visit_over", "The visit is over"),
    Problem(422, "bad_draft", "The draft cannot be shown"),
)
FAULT = Problem(500, "internal", "Something here is wrong", "something here is wrong; it has been written down")
CODES = {row.code: row for row in (*REFUSALS, *REST_PROBLEMS.values(), *PROBLEMS.values(), FAULT)}
MOST_TOLD = 100  # errors of one answer


class Told(NamedTuple):
    """An exception as callers are told of it. `more` are members beside those that each problem has."""

    status: int
    code: str
    title: str
    message: str
    headers: Headers
    more: dict[str, Any]

    @property
    def named_headers(self) -> dict[str, str]:
        """The headers, as Django takes them."""
        return {name.decode(): value.decode() for name, value in self.headers}


def find_problem(error: BaseException) -> Problem | None:
    """The row of the exception's class, or of the nearest one it comes from."""
    if isinstance(error, CallRefused):
        return CODES[error.code]._replace(says=None)
    for kind in type(error).__mro__:
        problem = PROBLEMS.get(kind) or REST_PROBLEMS.get(kind)
        if problem is not None:
            return problem
    return None


def tell(error: BaseException) -> Told:
    """What a caller is told; of a fault of ours, that there is one."""
    problem = find_problem(error) or FAULT
    message = problem.says or _words(error)
    return Told(problem.status, problem.code, problem.title, message, _headers(error, problem), _more(error))


def answer_error(error: Exception) -> Answer:
    """The answer of a raw door. Raises the exception again when it is a fault."""
    if find_problem(error) is None:
        raise error
    told = tell(error)
    return refuse(told.status, told.code, told.message, told.headers, title=told.title, **told.more)


async def answer_or_refuse(answering: Awaitable[Answer]) -> Answer:
    """What `answering` comes to, or the answer of what it raises."""
    try:
        return await answering
    except Exception as error:
        return answer_error(error)


def problem_body(told: Told) -> dict[str, Any]:
    """The body of a REST answer."""
    return make_problem(told.status, told.code, told.message, title=told.title, **told.more)


def extensions_of(told: Told) -> dict[str, Any]:
    """What stands beside the message of a GraphQL error."""
    return {"code": told.code, "status": told.status, "title": told.title, **told.more}


def close_of(error: Exception) -> tuple[int, str]:
    """The close code of a socket and the `code` of the error frame before it."""
    told = tell(error)
    return (1013 if told.status == 503 else 4000 + told.status), told.code


def _headers(error: BaseException, problem: Problem) -> Headers:
    headers: list[tuple[bytes, bytes]] = []
    retry_after = problem.retry_after or getattr(error, "retry_after", None) or getattr(error, "wait", None)
    if retry_after:
        headers.append((b"retry-after", b"%d" % max(1, int(retry_after))))
    if isinstance(error, TooManyCalls):
        headers += error.verdict.headers
    if problem.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="api"'))
    return headers


def _more(error: BaseException) -> dict[str, Any]:
    if isinstance(error, graphql.EventRefused):
        return {"reason": error.reason}
    told = [
        {name: value for name, value in each._asdict().items() if value is not None} for each in _list_errors(error)
    ]
    return {"errors": told[:MOST_TOLD]} if told else {}


def _list_errors(error: BaseException) -> Sequence[FieldError]:
    if isinstance(error, CallRefused):
        return error.errors
    if isinstance(error, rest.ValidationError):
        return list_fields(error.detail)
    if isinstance(error, CannotPublish):
        return [FieldError("", "cannot_publish", reason) for reason in error.reasons]
    if isinstance(error, NobodyGetsOne):
        return [FieldError("", "bad_line", f"line {each.line}: {each.why}") for each in error.problems]
    return ()


def refuse_fields(errors: Iterable[FieldError]) -> CallRefused:
    """The refusal of a body, with everything that is wrong in it."""
    found = list(errors)
    return CallRefused("invalid", _say_fields(found), found)


def list_fields(detail: Any, pointer: str = "") -> list[FieldError]:
    """Each field in which the REST framework found something wrong, with its place in the body."""
    if isinstance(detail, dict):
        own = {name: pointer if name == "non_field_errors" else f"{pointer}/{escape(str(name))}" for name in detail}
        return [found for name, inner in detail.items() for found in list_fields(inner, own[name])]
    if isinstance(detail, (list, tuple)):
        is_list = any(isinstance(each, dict) for each in detail)  # of the body, not of what is wrong with one field
        places = [f"{pointer}/{number}" if is_list else pointer for number in range(len(detail))]
        return [found for inner, place in zip(detail, places, strict=True) for found in list_fields(inner, place)]
    return [FieldError(pointer, getattr(detail, "code", "invalid"), str(detail))]


def escape(name: str) -> str:
    """A name as a part of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _say_fields(found: Sequence[FieldError]) -> str:
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0].pointer or 'the body'}: {found[0].message}{more}"


def _words(error: BaseException) -> str:
    if isinstance(error, rest.ValidationError) and (found := list_fields(error.detail)):
        return _say_fields(found)
    detail = getattr(error, "detail", None)
    return str(error if detail is None else detail)
