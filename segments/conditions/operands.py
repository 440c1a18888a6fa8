"""What an operator may be given: numbers, texts, lists, dates, durations; read once when a condition is parsed."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from profiles.profile import DAY_MS, MAX_TEXT, Scalar
from segments.conditions.dates import read_date
from segments.conditions.language import (
    MAX_DAYS_AHEAD,
    MAX_DURATION_MS,
    MAX_LIST,
    MAX_NUMBER,
    RETENTION_MS,
    UNITS,
)

Operand = Scalar | tuple[Scalar, ...] | None
Read = tuple[Operand] | None  # what was read, None for what cannot be

DATE_FORM = 'such as "2026-03-31" or "2026-03-31T12:00:00Z"'
DURATION_FORM = f'{{"amount": number, "unit": one of {", ".join(UNITS)}}}'
MAX_SHOWN = 40
UNSTORABLE = r"[\u0000\ud800-\udfff]"  # NUL, and half of a surrogate pair: not every store and engine can hold them

_UNSTORABLE = re.compile(UNSTORABLE)


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def is_text(value: object, longest: int) -> TypeGuard[str]:
    """Whether it is a text that every store and engine can hold."""
    return isinstance(value, str) and 0 < len(value) <= longest and _UNSTORABLE.search(value) is None


def is_name(value: object) -> TypeGuard[str]:
    return is_text(value, MAX_TEXT)


def is_date(value: object) -> bool:
    return read_date(value) is not None


def is_scalar(value: object) -> bool:
    return isinstance(value, bool) or is_number(value) or value == "" or is_text(value, MAX_TEXT)


def read_length(amount: object, unit: object) -> float | None:
    """Milliseconds of so many minutes, hours or days, and what may be left of one."""
    if not is_number(amount) or not isinstance(unit, str) or unit not in UNITS:
        return None
    return amount * UNITS[unit]


def read_retained(value: object) -> int | None:
    """The milliseconds of a duration over remembered events: not nothing, and no more than is remembered."""
    return _read_milliseconds(value, RETENTION_MS)


def show(value: object) -> str:
    """A value as a message shows it: short, whatever it is."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value) if not abs(value) >= MAX_NUMBER else f"a number of {MAX_NUMBER:,.0f} or more"
        case str() if len(value) > MAX_TEXT:
            return f"a text of {len(value)} characters"
        case str() if _UNSTORABLE.search(value):
            return "a text with a character that cannot be stored: NUL, or half of a surrogate pair"
        case str():
            return repr(value) if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]!r}…"
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
    return "an object"


def tell(raw: Mapping[str, Any], key: str) -> str:
    """The end of a message: what is there instead of what must be."""
    return f", not {show(raw[key])}" if key in raw else ", but is missing"


def _read_milliseconds(value: object, most: int) -> int | None:
    if not isinstance(value, Mapping) or value.keys() != {"amount", "unit"}:
        return None
    length = read_length(value["amount"], value["unit"])
    return None if length is None or not 1 <= length <= most else int(length)


def _read_list(value: object) -> Read:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_LIST:
        return None
    return (tuple(value),) if all(map(is_scalar, value)) else None


def _read_range(value: object) -> Read:
    """Two numbers or two dates, both inclusive, the lower one first."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    low, high = value
    if is_number(low) and is_number(high):
        return ((low, high),) if low <= high else None
    return ((low, high),) if is_date(low) and is_date(high) else None


def _read_duration(value: object) -> Read:
    length = _read_milliseconds(value, MAX_DURATION_MS)
    return None if length is None else (length,)


def _read_days(value: object) -> Read:
    if value is None:
        return (0,)
    is_days = is_number(value) and value == int(value) and 0 <= value <= MAX_DAYS_AHEAD
    return (int(value),) if is_days else None  # type: ignore[call-overload]  # a number, as was just asked


def _keep(test: Callable[[Any], bool]) -> Callable[[object], Read]:
    return lambda value: (value,) if test(value) else None  # type: ignore[return-value]  # the test says what it is


OPERANDS: dict[str, Callable[[object], Read]] = {
    "scalar": _keep(is_scalar),
    "list": _read_list,
    "text": _keep(is_name),
    "nothing": _keep(lambda value: value is None),
    "number": _keep(is_number),
    "range": _read_range,
    "date": _keep(is_date),
    "duration": _read_duration,
    "days": _read_days,
}

CALLED = {
    "scalar": f"a number, true, false or a text of at most {MAX_TEXT} characters",
    "list": f"a list of 1 to {MAX_LIST} values, each a number, true, false or a text of at most {MAX_TEXT} characters",
    "text": f"a text of 1 to {MAX_TEXT} characters",
    "nothing": "left out",
    "number": "a number",
    "range": f"a list of two numbers, the lower one first, or of two dates, {DATE_FORM}",
    "date": f"a date, {DATE_FORM}",
    "duration": f"{DURATION_FORM}, longer than nothing and at most {MAX_DURATION_MS // DAY_MS:,} days",
    "days": f"a whole number of days from 0 to {MAX_DAYS_AHEAD}, or left out for the day itself",
}
