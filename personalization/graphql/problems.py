"""What a caller is told of what went wrong: a code and a sentence for mistakes, nothing of the inside for the rest."""

import logging
import traceback
import uuid
from typing import Any

from graphql import GraphQLError

from personalization.errors import FAULT, extensions_of, find_problem, tell

logger = logging.getLogger(__name__)

BAD_QUERY = "bad_query"
BAD_REQUEST = "bad_request"
TIMEOUT = "timeout"
FRAMES = 5  # of our code's way to a fault, in the log


class BadCall(Exception):
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
    if isinstance(cause, BadCall):
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
    """What the table of errors says of it. What is not in there is logged under an id, without its message: that may
    quote what is known of a person."""
    if isinstance(fault, TimeoutError):
        return say_problem(TIMEOUT, "the answer took too long; ask again later, or for less")
    if find_problem(fault) is not None:
        told = tell(fault)
        return {"message": told.message, "extensions": extensions_of(told)}
    id = uuid.uuid4().hex[:12]
    frames = traceback.extract_tb(fault.__traceback__)[-FRAMES:]
    way = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    logger.error("GraphQL error %s: %s at %s", id, type(fault).__name__, way or "an unknown place")
    said = say_problem(FAULT.code, f"internal error {id}")
    said["extensions"]["id"] = id
    return said
