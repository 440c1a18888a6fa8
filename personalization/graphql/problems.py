"""What a caller is told of what went wrong: a code and a sentence for mistakes, nothing of the inside for the rest."""

import logging
import traceback
import uuid
from typing import Any

from django.db import InterfaceError, OperationalError
from graphql import GraphQLError

from ingestion.append import Overloaded
from ingestion.log import LogUnavailable
from profiles.store import StoreUnavailable

logger = logging.getLogger(__name__)

BAD_QUERY = "bad_query"
BAD_REQUEST = "bad_request"
INTERNAL = "internal_error"
FRAMES = 5  # of our code's way to a fault, in the log

# Faults of stores that are away: the call may succeed a moment later.
AWAY: dict[type[Exception], tuple[str, str]] = {
    Overloaded: ("server_busy", "too many events at the moment; send again later"),
    LogUnavailable: ("unavailable", "events cannot be stored at the moment; send again later"),
    StoreUnavailable: ("unavailable", "profiles cannot be read at the moment; ask again later"),
    TimeoutError: ("timeout", "the answer took too long; ask again later, or for less"),
    OperationalError: ("unavailable", "the archive cannot be read at the moment; ask again later, or for less"),
    InterfaceError: ("unavailable", "the archive cannot be read at the moment; ask again later"),
}


class Problem(Exception):
    """The caller's mistake: `code` for programs, and a message that says how to mend it.

    `status` is that of the whole answer when nothing was executed; one field's problem leaves the others' answers."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(message)


def say_problem(code: str, message: str) -> dict[str, Any]:
    """An error of the whole call."""
    return {"message": message, "extensions": {"code": code}}


def say_error(error: GraphQLError) -> dict[str, Any]:
    """An error of a query, or of one of its fields, as the caller may see it."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    said: dict[str, Any]
    if isinstance(cause, Problem):
        said = say_problem(cause.code, cause.message)
    elif isinstance(cause, GraphQLError) or (cause is None and error.path is None):
        said = say_problem(BAD_QUERY, error.message)
    else:
        said = say_fault(cause or error)
    if error.path:
        said["path"] = error.path
    if error.locations:
        said["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return said


def say_fault(fault: Exception) -> dict[str, Any]:
    """A fault that is nobody's mistake. What is unexpected is logged under an id, without its message: that may quote
    what is known of a person."""
    for kind, (code, message) in AWAY.items():
        if isinstance(fault, kind):
            return say_problem(code, message)
    id = uuid.uuid4().hex[:12]
    frames = traceback.extract_tb(fault.__traceback__)[-FRAMES:]
    way = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    logger.error("GraphQL error %s: %s at %s", id, type(fault).__name__, way or "an unknown place")
    said = say_problem(INTERNAL, f"internal error {id}")
    said["extensions"]["id"] = id
    return said
