"""Lists, a page at a time: a stable order, a cursor that says where to go on, and a bound on what is looked at."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

T = TypeVar("T")
M = TypeVar("M", bound=Model)

WALKED = 20_000  # rows that a search looks at for one page
MAX_CURSOR = 500  # characters

Reader = Callable[[Any], Any]  # of one value of a cursor; raises ValueError or TypeError


class BadCursor(ValueError):
    """It is none of the list."""


class Page(NamedTuple, Generic[T]):
    """Some rows of a list, and the values of the order after which the next page begins; None at the end."""

    rows: list[T]
    after: Sequence[Any] | None


def parse_cursor(said: str | None, *readers: Reader) -> tuple[Any, ...] | None:
    """Where the page begins: the values of the order, as `readers` understand them; None for the first page. Raises
    BadCursor."""
    if said is None:
        return None
    try:
        if len(said) > MAX_CURSOR:
            raise ValueError("too long")
        values = json.loads(base64.urlsafe_b64decode(said.encode("ascii")))
        if not isinstance(values, list):
            raise TypeError("not a list")
        return tuple(read(value) for read, value in zip(readers, values, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadCursor("the cursor is none of this list; begin without one") from error


def read_time(value: Any) -> datetime:
    """A reader of moments."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset")
    return moment


def read_text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("no text")
    return value


def read_number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError("no number")
    return value


def take_page(
    rows: QuerySet[M],
    *,
    order: Sequence[str],
    after: Sequence[Any] | None,
    limit: int,
    matching: Q | None = None,
) -> Page[M]:
    """The next rows after the values `after`. `order` names fields that no two rows have alike, with "-" before those
    that fall, and has an index. With `matching`, so many rows are looked at and no more: a page can have few rows or
    none while there is a next one."""
    ordered = rows.order_by(*order)
    names = [field.lstrip("-") for field in order]
    if after is not None:
        ordered = ordered.filter(_beyond(order, after))
    end: Sequence[Any] | None = None
    if matching is not None:
        last: list[Any] = list(ordered.values_list(*names)[WALKED - 1 : WALKED])
        end = last[0] if last else None
        ordered = ordered.filter(matching)
        if end is not None:
            ordered = ordered.filter(_upto(order, end))
    found = list(ordered[: limit + 1])
    if len(found) > limit:
        return Page(found[:limit], [getattr(found[limit - 1], name) for name in names])
    return Page(found, end)


def write_cursor(values: Sequence[Any]) -> str:
    said = [each.isoformat() if isinstance(each, datetime) else _plain(each) for each in values]
    return base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows that come after one with these values."""
    either, same = Q(), Q()
    for field, value in zip(order, values, strict=True):
        name, falls = field.lstrip("-"), field.startswith("-")
        either |= same & Q((f"{name}__{'lt' if falls else 'gt'}", value))
        same &= Q((name, value))
    # The bound on the first field alone is what an index, and the pruning of months, can use.
    first, falls = order[0].lstrip("-"), order[0].startswith("-")
    return Q((f"{first}__{'lte' if falls else 'gte'}", values[0])) & either


def _upto(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows up to one with these values, and that one."""
    first, falls = order[0].lstrip("-"), order[0].startswith("-")
    return Q((f"{first}__{'gte' if falls else 'lte'}", values[0])) & ~_beyond(order, values)
