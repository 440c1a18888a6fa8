"""What a caller is told of what went wrong, in the form of GraphQL's errors. Of a fault, nothing of the inside."""

import logging
import traceback
import uuid
from typing import Any

from graphql import GraphQLError

from personalization.errors import extensions_of, find_problem, tell
from personalization.graphql.problems import BadQuery

logger = logging.getLogger(__name__)

FRAMES = 5  # of our code's way to a fault, in the log


def say(error: Exception) -> dict[str, Any]:
    """An error of the whole call. What is no problem of the table is a fault: it is logged under an id, without its
    message, which may quote what is known of a person."""
    told = tell(error)
    id = {"id": _log_fault(error)} if find_problem(error) is None else {}
    return {"message": told.message, "extensions": {**extensions_of(told), **id}}


def say_error(error: GraphQLError) -> dict[str, Any]:
    """An error of a query, or of one of its fields, as the caller may see it."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, GraphQLError) or (cause is None and error.path is None):
        said = say(BadQuery(error.message))
    else:
        said = say(cause or error)
    if error.path:
        said["path"] = error.path
    if error.locations:
        said["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return said


def _log_fault(fault: Exception) -> str:
    id = uuid.uuid4().hex[:12]
    frames = traceback.extract_tb(fault.__traceback__)[-FRAMES:]
    way = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    logger.error("GraphQL error %s: %s at %s", id, type(fault).__name__, way or "an unknown place")
    return id
