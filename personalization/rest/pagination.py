"""Pages of lists in the API: how many rows are wanted, from where on, and where the next one is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from personalization.errors import CallRefused
from personalization.paging import BadCursor, Reader, parse_cursor, read_time, write_cursor

LIMIT, MOST = 50, 200  # of a page


def read_limit(request: Request, most: int = MOST) -> int:
    """How many rows the caller wants of a page."""
    said = request.query_params.get("limit", str(min(LIMIT, most)))
    if not (said.isascii() and said.isdigit() and 1 <= int(said[:6]) <= most):
        raise CallRefused("bad_parameter", f"limit is a whole number from 1 to {most}")
    return int(said)


def read_cursor(request: Request, *readers: Reader) -> tuple[Any, ...] | None:
    """Where the page begins; None for the first one."""
    try:
        return parse_cursor(request.query_params.get("cursor"), *readers)
    except BadCursor as error:
        raise CallRefused("bad_cursor", str(error)) from None


def read_moment(said: str, name: str) -> datetime:
    """The moment that a parameter of the address says."""
    try:
        return read_time(said)
    except ValueError:
        message = f"{name} is a moment with its offset, such as 2026-11-27T08:00:00Z"
        raise CallRefused("bad_parameter", message) from None


def answer_page(request: Request, items: list[Any], after: Sequence[Any] | None) -> Response:
    """One page, with the address of the next one."""
    link = None
    if after is not None:
        query = request.query_params.copy()
        query["cursor"] = write_cursor(after)
        link = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return Response({"items": items, "next": link})
