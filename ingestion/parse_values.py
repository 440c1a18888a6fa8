"""Makes the free part of an event storable: bounded depth and width, numbers and text every store can hold. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ingestion.refusals import Refused
from profiles.identity import NOT_AN_ID

SMALLEST, LARGEST = -(2**63), 2**64 - 1  # whole numbers beyond these become floats, as in a browser
LONGEST_NUMBER = 10**255
EARLIEST_MS = 100_000_000_000  # a number below is seconds: 1973 in milliseconds, the year 5138 in seconds

# One escape of a JSON string, a surrogate pair counting as one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


class Refuse(Exception):
    """This event is not taken: reason and message. Never leaves the parser."""

    def __init__(self, reason: Refused, message: str) -> None:
        self.reason, self.message = reason, message
        super().__init__(message)


def tidy(container: Any, where: str, depth: int, keys: int) -> None:
    """Checks a decoded object or array in place: at most `depth` containers deep, at most `keys` keys an object.

    Whole numbers beyond 64 bits become floats. `where` names the container in messages.
    """
    if depth <= 0:
        raise Refuse(Refused.TOO_DEEP, f"{where} is nested too deeply; flatten it")
    if type(container) is dict:
        if len(container) > keys:
            message = f"{where} has an object of {len(container)} keys, {keys} are allowed; send what conditions need"
            raise Refuse(Refused.TOO_MANY_KEYS, message)
        pairs: Iterable[tuple[Any, Any]] = container.items()
    else:
        pairs = enumerate(container)
    for key, value in pairs:
        kind = type(value)
        if kind is dict or kind is list:
            if value:
                tidy(value, where, depth - 1, keys)
        elif kind is int and not SMALLEST <= value <= LARGEST:
            container[key] = _as_float(value, where)


def _as_float(value: int, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Refuse(Refused.BAD_FIELD, f"{where} has a number beyond the range of a double") from None


def without_nul(value: Any) -> Any:
    """The same value without NUL characters in its text, which PostgreSQL cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {without_nul(key): without_nul(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_nul(inner) for inner in value]
    return value


def read_id(value: str | float | None, name: str, longest: int) -> str | None:
    """An id as text, None when there is none. Numbers are written out; `12.0` is `12`."""
    if value is None:
        return None
    if type(value) is not str:
        if type(value) is float and value.is_integer():
            value = int(value)
        if not -LONGEST_NUMBER < value < LONGEST_NUMBER:  # type: ignore[operator]  # not a str here
            raise Refuse(Refused.TOO_LONG_ID, f"{name} is longer than {longest} characters")
        value = str(value)
    if len(value) > longest:
        raise Refuse(Refused.TOO_LONG_ID, f"{name} is longer than {longest} characters")
    if "\0" in value:
        raise Refuse(Refused.BAD_TEXT, f"{name} contains a NUL character")
    if len(value) <= 15 and (value.isspace() or value.lower() in NOT_AN_ID):
        return None
    return value or None


def read_time(value: str | float) -> int | None:
    """Unix milliseconds of an ISO 8601 text (without offset: UTC) or of a Unix time in seconds or milliseconds; None
    when it is neither."""
    if type(value) is str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
        else:
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return round(moment.timestamp() * 1000)
    if not -1e15 < value < 1e15:  # type: ignore[operator]  # not a str here; also refuses nan and inf
        return None
    return round(value if abs(value) >= EARLIEST_MS else value * 1000)  # type: ignore[arg-type]


def mend_surrogates(raw: bytes) -> bytes:
    """JSON text with every lone surrogate replaced by U+FFFD: what is left when a page cuts a title inside an emoji."""
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match[1] else match[0], raw)


def split_batch(raw: bytes) -> list[bytes] | None:
    """The elements of the first `batch` array, found by brackets alone; None if there is no such array.

    For bodies nested so deeply that the decoder gives up: only the deep event shall be refused.
    """
    elements, depth, start, batch_depth, key = [], 0, 0, -1, b""
    for match in _TOKEN.finditer(raw):
        token = match[0]
        if token in b"[{":
            if token == b"[" and depth == 1 and key == b'"batch"':
                batch_depth, start = depth + 1, match.end()
            depth += 1
        elif token in b"]}":
            if depth == batch_depth:
                elements.append(raw[start : match.start()])
                return [element.strip() for element in elements if element.strip()]
            depth -= 1
        elif token == b",":
            if depth == batch_depth:
                elements.append(raw[start : match.start()])
                start = match.end()
        elif depth == 1:
            key = token
    return None
