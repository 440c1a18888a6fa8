"""Tests of one value in SQL: the twin of `values.py` over jsonb. Every answer is true or false, never NULL."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.sql import SQL, Composable, Literal

from profiles.profile import MAX_TEXT
from segments.conditions.calendar import Calendar
from segments.conditions.dates import find_anniversaries, find_bounds
from segments.conditions.language import Test

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST, LATEST = -62_135_596_800_000, 253_370_764_800_000  # the years 1 and 9999, in Unix milliseconds

FALSE, TRUE = SQL("FALSE"), SQL("TRUE")

# (an item that is there, the operand) -> whether it passes
Operator = Callable[[Composable, Any], Composable]


def to_jsonb(value: object) -> Composable:
    """A value as a literal of the kind that facts are stored in."""
    return SQL("{}::jsonb").format(Literal(json.dumps(value, ensure_ascii=False)))


def to_time(at: int) -> Composable:
    """Unix milliseconds as a literal of the archive's time; what lies outside its calendar is put at its end."""
    moment = EPOCH + timedelta(milliseconds=min(max(at, EARLIEST), LATEST))
    return SQL("{}::timestamptz").format(Literal(moment.isoformat()))


def join(parts: list[Composable], word: str) -> Composable:
    """Some tests as one; none of them is true with AND, false with OR."""
    if not parts:
        return TRUE if word == "AND" else FALSE
    return SQL("({})").format(SQL(f" {word} ").join(parts)) if len(parts) > 1 else parts[0]


def test_fact(value: Composable, test: Test, calendar: Calendar, now: int) -> Composable:
    """A trait or score as it is stored: whatever JSON there is. Missing ones never pass, lists pass by any item."""
    return _test_any(
        value,
        test,
        items=SQL("(SELECT jsonb_array_elements({0}) AS item) AS each WHERE item <> 'null'").format(value),
        single=SQL("(jsonb_typeof({0}) <> 'null' AND {1})").format(value, _test_item(value, test, calendar, now)),
        item=_test_item(SQL("item"), test, calendar, now),
    )


def test_property(test: Test, calendar: Calendar, now: int) -> Composable:
    """A declared property of the archived event `event`, as profiles remember it: short texts, scalars of lists."""
    name, dot, field = test.name.partition(".")
    value = read_property(name)
    items = SQL("segments_list_values({}, {}) AS item").format(value, Literal(field if dot else None))
    item = _test_item(SQL("item"), test, calendar, now)
    single = FALSE if dot else SQL("({} AND {})").format(_is_scalar(value), _test_item(value, test, calendar, now))
    return _test_any(value, test, items=items, single=single, item=item)


def read_property(name: str) -> Composable:
    return SQL("(event.properties -> {})").format(Literal(name))


def list_values(path: str) -> Composable:
    """The set of values of a declared property that an event is remembered with, to be joined LATERAL."""
    name, dot, field = path.partition(".")
    value = read_property(name)
    if not dot:
        whole = "CASE WHEN jsonb_typeof({0}) = 'array' THEN {0} ELSE jsonb_build_array({0}) END"
        return SQL("segments_list_values(" + whole + ", NULL)").format(value)
    only = "CASE WHEN jsonb_typeof({0}) = 'array' THEN {0} ELSE '[]' END"
    return SQL("segments_list_values(" + only + ", {1})").format(value, Literal(field))


def _test_any(value: Composable, test: Test, *, items: Composable, single: Composable, item: Composable) -> Composable:
    over = SQL("coalesce(bool_and({}), FALSE)" if test.op == "is_not" else "coalesce(bool_or({}), FALSE)").format(item)
    return SQL("coalesce(CASE jsonb_typeof({}) WHEN 'array' THEN (SELECT {} FROM {}) ELSE {} END, FALSE)").format(
        value, over, items, single
    )


def _is_scalar(value: Composable) -> Composable:
    return SQL(
        "CASE jsonb_typeof({0}) WHEN 'string' THEN length({0} #>> '{{}}') <= {1} WHEN 'number' THEN TRUE "
        "WHEN 'boolean' THEN TRUE ELSE FALSE END"
    ).format(value, Literal(MAX_TEXT))


def _test_item(value: Composable, test: Test, calendar: Calendar, now: int) -> Composable:
    """One item that is there, of whatever kind."""
    if not test.asks_date:
        return _OPERATORS[test.op](value, test.value)
    if test.op == "anniversary":
        days = sorted(find_anniversaries(test.value, calendar, now))  # type: ignore[arg-type]  # parsed
        text = SQL("substr({} #>> '{{}}', 6, 5)").format(value)
        anywhere = SQL("segments_lies_in({} #>> '{{}}', -1e15::bigint, 1e15::bigint, '0000', '9999-99')").format(value)
        return _of_kind(value, "string", SQL("{} AND {} = ANY({})").format(anywhere, text, Literal(days)))
    bounds = find_bounds(test, calendar, now)
    inside = SQL("segments_lies_in({} #>> '{{}}', {}, {}, {}, {})").format(value, *map(Literal, bounds))
    return _of_kind(value, "string", inside)


def _of_kind(value: Composable, kind: str, test: Composable) -> Composable:
    return SQL("CASE WHEN jsonb_typeof({}) = {} THEN {} ELSE FALSE END").format(value, Literal(kind), test)


def compare(value: Composable, op: str, low: Composable, high: Composable | None = None) -> Composable:
    """A number operator between two expressions of one type."""
    if op == "between":
        assert high is not None  # the language gives it two ends
        return SQL("({} BETWEEN {} AND {})").format(value, low, high)
    return SQL("({} " + _SIGN[op] + " {})").format(value, low)


_SIGN = {"at_least": ">=", "at_most": "<=", "exactly": "=", "more_than": ">", "less_than": "<"}


def _number(op: str) -> Operator:
    # Numbers are compared as jsonb: by their decimals, of which a float64 has the same order.
    def test(value: Composable, wanted: Any) -> Composable:
        ends = map(to_jsonb, wanted if isinstance(wanted, tuple) else (wanted,))
        return _of_kind(value, "number", compare(value, op, *ends))

    return test


def _text(call: str) -> Operator:
    return lambda value, wanted: _of_kind(value, "string", SQL(call).format(value, Literal(wanted)))


_OPERATORS: dict[str, Operator] = {
    "is": lambda value, wanted: SQL("({} = {})").format(value, to_jsonb(wanted)),
    "is_not": lambda value, wanted: SQL("({} <> {})").format(value, to_jsonb(wanted)),
    "in": lambda value, wanted: SQL("({} IN ({}))").format(value, SQL(", ").join(map(to_jsonb, wanted))),
    "contains": _text("strpos({} #>> '{{}}', {}) > 0"),
    "starts_with": _text("starts_with({} #>> '{{}}', {})"),
    "exists": lambda value, wanted: TRUE,
    "at_least": _number("at_least"),
    "at_most": _number("at_most"),
    "more_than": _number("more_than"),
    "less_than": _number("less_than"),
    "between": _number("between"),
}
