"""The filters of templates: each is a function of its arguments, bounded in what it takes and makes."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from liquid import Environment, Markup, escape
from liquid.context import RenderContext
from liquid.exceptions import FilterArgumentError, LiquidTypeError, ResourceLimitError
from liquid.filter import liquid_filter, with_context
from liquid.undefined import Undefined

MAX_TEXT = 100_000  # characters that a filter takes or makes
MAX_ITEMS = 1_000  # of a list
MAX_BITS = 256  # of a whole number
FIRST_MILLISECONDS = 100_000_000_000  # larger numbers are no seconds: they would be in the year 5138

MAYBE_NOTHING = {"first", "last", "find", "find_index", "date"}  # may answer nothing, whatever they are given
ANSWERS_MISSING = {"default", "size"}  # answer for what is not known

DATE_FORMAT = re.compile(r"(?:[^%\n]|%-?[YmdBbAaHIMSpyejZz%]){0,100}")

_TEXT = (
    *("append", "capitalize", "downcase", "lstrip", "prepend", "remove", "remove_first", "replace_first", "rstrip"),
    *("slice", "split", "squish", "strip", "strip_newlines", "truncate", "truncatewords", "upcase"),
)
_NUMBERS = (
    *("abs", "at_least", "at_most", "ceil", "divided_by", "floor", "minus", "modulo", "plus", "round", "times"),
)
_LISTS = (
    *("compact", "concat", "find", "find_index", "first", "has", "last", "map", "reject", "reverse", "sort"),
    *("sort_natural", "sum", "uniq", "where"),
)

Filter = Callable[..., Any]


def say_value(value: object) -> str:
    """The text of a value that is printed; raises for what has no text that a customer could read."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, list | tuple):
        return "".join(say_value(item) for item in value)
    raise LiquidTypeError("nothing is known here" if value is None else "an object cannot be printed", token=None)


def read_moment(value: object, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment that a value tells, in `zone`: ISO 8601, Unix seconds or milliseconds, `now`; None for all else."""
    try:
        if value in ("now", "today"):
            return now
        if isinstance(value, str):
            read = datetime.fromisoformat(value.strip())
            return read.replace(tzinfo=zone) if read.tzinfo is None else read.astimezone(zone)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= FIRST_MILLISECONDS else value
            return datetime.fromtimestamp(seconds, zone)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _bound(value: object) -> None:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ResourceLimitError(f"a text has more than {MAX_TEXT} characters", token=None)
    elif isinstance(value, list | tuple | range | Mapping):
        if len(value) > MAX_ITEMS:
            raise ResourceLimitError(f"a list has more than {MAX_ITEMS} items", token=None)
    elif isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ResourceLimitError("a number is too large", token=None)


def _bounded(function: Filter, read: Callable[[Any], Any] = lambda value: value) -> Filter:
    """`function` with bounds; what is not known goes through it as it is, up to the `default` behind it."""

    @wraps(function)
    def bounded(value: Any, *arguments: Any, **named: Any) -> Any:
        if value is None or isinstance(value, Undefined):
            return value
        value = read(value)
        for each in (value, *arguments, *named.values()):
            if isinstance(each, Undefined):
                raise FilterArgumentError("a filter is given what is not known", token=None)
            _bound(each)
        made = function(value, *map(_plain, arguments), **named)
        _bound(made)
        return made

    return bounded


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Markup) else value


def _say_plainly(value: object) -> str:
    return str(say_value(value))  # what was HTML is text from here on


def _slice_of(value: object) -> object:
    return value if isinstance(value, list | tuple) else _say_plainly(value)


def _list_of(value: object) -> object:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    return [value]


def default(value: Any, instead: object = "", *, allow_false: bool = False) -> Any:
    """`value`, or `instead` when it is not known, empty or false."""
    if value is False:
        return value if allow_false is True else instead
    if value is None or isinstance(value, Undefined) or (isinstance(value, str) and not value.strip()):
        return instead
    if isinstance(value, list | tuple | Mapping) and not value:
        return instead
    return value


def size(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple | Mapping) else 0


def join(items: Sequence[object], between: object = " ") -> str:
    texts, glue = [_say_plainly(item) for item in items], _say_plainly(between)
    if sum(map(len, texts)) + len(glue) * len(texts) > MAX_TEXT:
        raise ResourceLimitError(f"a text has more than {MAX_TEXT} characters", token=None)
    return glue.join(texts)


def replace(text: str, old: object, new: object = "") -> str:
    """`text` with `new` for each `old`; counted before it is made, because a short text can become a huge one."""
    before, after = _say_plainly(old), _say_plainly(new)
    if len(text) + text.count(before) * len(after) > MAX_TEXT:
        raise ResourceLimitError(f"a text has more than {MAX_TEXT} characters", token=None)
    return text.replace(before, after)


def url_encode(text: str) -> str:
    return quote_plus(text)


def newline_to_br(text: str) -> Markup:
    return Markup(escape(text).replace("\r\n", "\n").replace("\n", Markup("<br>\n")))


def escape_text(text: str) -> Markup:
    return escape(text)


@with_context
def say_date(value: object, format: str, *, context: RenderContext) -> str | None:
    """The moment that `value` tells, as `format` says it; nothing when it tells none."""
    run: Any = getattr(context, "run")  # noqa: B009 rules.liquid, which needs this module, has the type
    at = read_moment(value, run.now, run.zone)
    if at is None or not isinstance(format, str) or DATE_FORMAT.fullmatch(format) is None:
        return None
    return at.strftime(format)


def _collect() -> dict[str, Filter]:
    known = Environment().filters
    found = {name: _bounded(known[name], _say_plainly) for name in _TEXT}
    found |= {name: _bounded(known[name]) for name in _NUMBERS}
    found |= {name: _bounded(known[name], _list_of) for name in _LISTS}
    found["slice"] = _bounded(known["slice"], _slice_of)
    own = {
        "replace": _bounded(replace, _say_plainly),
        "url_encode": _bounded(url_encode, _say_plainly),
        "newline_to_br": _bounded(newline_to_br, _say_plainly),
        "escape": _bounded(escape_text, _say_plainly),
        "join": _bounded(join, _list_of),
        "default": default,
        "size": size,
        "date": say_date,
    }
    return found | {name: liquid_filter(function) for name, function in own.items()}


FILTERS = _collect()
HTML_FILTERS = {"newline_to_br", "escape"}  # what they make is HTML
