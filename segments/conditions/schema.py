"""The language as a JSON Schema (draft 2020-12), made from its tables: for editors, which complete and explain with it.

What a schema cannot say is left to the parser: that ids differ, how many nodes there are in all, which dates the
calendar has, that the lower of two ends comes first. `python -m segments.conditions.schema` prints it."""

import json
from collections.abc import Iterable
from typing import Any

from profiles.profile import DAY_MS, MAX_TEXT
from segments.conditions.dates import DAY, INSTANT
from segments.conditions.language import (
    CALENDAR_UNITS,
    CLUSTER_OPERATORS,
    HISTORY_LIMIT,
    MAX_DAYS_AHEAD,
    MAX_DEPTH,
    MAX_DURATION_MS,
    MAX_ID,
    MAX_LIST,
    MAX_NODES,
    MAX_NUMBER,
    MAX_STEPS,
    MAX_TESTS,
    MEASURES,
    NUMBER_OPERATORS,
    RETENTION_DAYS,
    RETENTION_MS,
    SCORE_OPERATORS,
    TIME_OPERATORS,
    UNITS,
    VALUE_OPERATORS,
    VERSION,
)
from segments.conditions.operands import UNSTORABLE

Schema = dict[str, Any]

ID = f"urn:personalization:condition:{VERSION}"
NOTHING: Schema = {"type": "null"}

_OPERATORS = {
    "is": 'Equals the value. Nothing is converted: the text "1" is not the number 1.',
    "is_not": "Is there and differs from the value. A missing fact does not pass: put a not around is for that.",
    "in": "Equals one of the values.",
    "contains": "Is a text with the value in it, in the same letters.",
    "starts_with": "Is a text that begins with the value, in the same letters.",
    "exists": "Is there, whatever it is. Takes no value.",
    "at_least": "Is the number or more.",
    "at_most": "Is the number or less.",
    "exactly": "Is the number.",
    "more_than": "Is more than the number.",
    "less_than": "Is less than the number.",
    "between": "Lies between two numbers, or two dates, both of them included.",
    "before": "Is a date before the one given.",
    "after": "Is a date after the one given.",
    "within_last": "Is a date that has come, no longer ago than the duration.",
    "longer_ago_than": "Is a date longer ago than the duration.",
    "within_next": "Is a date still to come, no further ahead than the duration.",
    "anniversary": "Is a date whose day of the year is today, or so many days ahead.",
}
_MEASURES = {
    "count": "How many events.",
    "sum": 'The total of the property named by "of"; "value" is what the events are worth.',
    "distinct": 'How many different values of the property named by "of".',
    "first": "When the event happened for the first time in the person's life.",
    "last": "When the event happened for the last time.",
}
_GROUPS = {
    "and": "Holds when all children hold.",
    "or": "Holds when at least one child holds.",
    "not": "Holds when none of the children holds.",
}


def make_schema() -> Schema:
    """The whole schema, ready to be written as JSON."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "$comment": "Made by segments/conditions/schema.py. The parser refuses more than a schema can say.",
        "title": "Condition",
        "description": "Holds for a person, or does not.",
        **_object(
            {"v": {"const": VERSION, "description": "The version of the language."}, "root": _ref("node_1")},
            required=("v", "root"),
        ),
        "$defs": {**_make_values(), **_make_leaves(), **_make_nodes()},
    }


def _make_values() -> dict[str, Schema]:
    """What names, tests and operands are made of."""
    return {
        "id": {**_text(MAX_ID), "description": "What this node is known by; no other node of the tree has it."},
        "name": {**_text(MAX_TEXT), "description": "In the exact letters that are sent."},
        "number": {"type": "number", "exclusiveMinimum": -int(MAX_NUMBER), "exclusiveMaximum": int(MAX_NUMBER)},
        "date": {
            "type": "string",
            "pattern": f"^(?:{DAY}|{INSTANT})$",
            "description": "A day such as 2026-03-31, which counts whole in the organisation's time zone, or an "
            "instant such as 2026-03-31T12:00:00Z.",
        },
        "scalar": {"anyOf": [_ref("number"), {"type": "boolean"}, _text(MAX_TEXT, least=0)]},
        "list": {"type": "array", "items": _ref("scalar"), "minItems": 1, "maxItems": MAX_LIST},
        "text": _text(MAX_TEXT),
        "nothing": NOTHING,
        "numbers": _pair("number"),
        "dates": _pair("date"),
        "range": {"anyOf": [_ref("numbers"), _ref("dates")]},
        "duration": _length("amount", MAX_DURATION_MS),
        "days": {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_DAYS_AHEAD},
        "within": {
            **_length("amount", RETENTION_MS),
            "description": "How long after the step before it this one happens at the latest.",
        },
        "window": {
            "description": f"When the events happened, {RETENTION_DAYS} days ago at most. Left out or null: ever.",
            "anyOf": [NOTHING, _length("last", RETENTION_MS), _make_this(), _make_dates()],
            "examples": [{"last": 30, "unit": "days"}, {"this": "month"}, {"from": "2026-01-01", "to": "2026-03-31"}],
        },
        "where": {
            "description": "Tests of an event's properties. It has to pass all of them to count.",
            "type": ["array", "null"],
            "items": _test(VALUE_OPERATORS, {"property": _ref("name")}),
            "maxItems": MAX_TESTS,
        },
    }


def _make_this() -> Schema:
    unit = {"enum": list(CALENDAR_UNITS), "description": "By the calendar of the organisation's time zone."}
    return _object({"this": unit}, required=("this",))


def _make_dates() -> Schema:
    end = {"anyOf": [_ref("date"), NOTHING]}
    named = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("from", "to")]
    return {**_object({"from": end, "to": end}), "anyOf": named}


def _make_leaves() -> dict[str, Schema]:
    """The kinds that ask something of a person."""
    slug = {**_ref("name"), "description": "The slug of the segment."}
    tests = {
        "trait": "A trait of the person passes a test.",
        "context": "A field of the context that came with the decide call passes a test. For rules only.",
        "score": "A score of the person passes a test.",
        "lookalike": "How like the person is to those of a lookalike.",
    }
    subjects = {"context": "field"}
    operators: dict[str, Iterable[str]] = {"score": SCORE_OPERATORS, "lookalike": SCORE_OPERATORS}
    leaves = {
        kind: _test(
            operators.get(kind, VALUE_OPERATORS), {**_head(kind, said), subjects.get(kind, kind): _ref("name")}, said
        )
        for kind, said in tests.items()
    }
    cluster = "The cluster the person is in passes a test."
    segment = "The person is in a segment."
    return {
        "event": _make_event(),
        "sequence": _make_sequence(),
        **leaves,
        "segment": _leaf("segment", segment, {"segment": slug}, required=("segment",)),
        "cluster": _test(CLUSTER_OPERATORS, _head("cluster", cluster), cluster),
    }


def _make_event() -> Schema:
    is_timed = _when("measure", ("first", "last"))
    has_window = {"properties": {"window": {"type": "object"}}, "required": ["window"]}
    is_filtered = {"properties": {"where": {"type": "array", "minItems": 1}}, "required": ["where"]}
    adds_property = {"properties": {"measure": {"const": "sum"}, "of": {"not": {"const": "value"}}}}
    below = {"exclusiveMaximum": HISTORY_LIMIT}
    measured = {
        "properties": {"op": {"enum": list(NUMBER_OPERATORS)}},
        "allOf": [
            {
                "if": _when("op", ("between",)),
                "then": {"properties": {"value": _ref("numbers")}, "required": ["value"]},
                "else": {"properties": {"value": _ref("number")}},
            },
            {
                "if": _when("measure", ("sum", "distinct")),
                "then": {"properties": {"of": _ref("name")}, "required": ["of"]},
                "else": {"properties": {"of": NOTHING}},
            },
            {"if": _when("measure", ("distinct",)), "then": has_window},
            {"if": {**adds_property, "required": ["measure", "of"]}, "then": has_window},
            {"if": is_filtered, "then": has_window},
            {
                "if": {"allOf": [has_window, {"not": _when("measure", ("sum",))}]},
                "then": {"properties": {"value": {**below, "items": below}}},
            },
        ],
    }
    timed = {
        "properties": {
            "of": NOTHING,
            "where": {"maxItems": 0},
            "window": NOTHING,
            "op": {"enum": list(TIME_OPERATORS)},
        },
        "required": ["op", "value"],
        "allOf": [*_operands(op for op in TIME_OPERATORS if op != "between"), _then("op", ("between",), "dates")],
    }
    said = "What the person did, or did not do: counted, added up, or when it was done for the first or last time."
    return {
        **_leaf(
            "event",
            said,
            {
                "event": {**_ref("name"), "description": "The name of the event, in its exact letters."},
                "did": _make_did(),
                "where": _ref("where"),
                "measure": {**_choice(MEASURES, _MEASURES), "default": "count"},
                "of": {"description": "The property that a sum or the different values are taken of."},
                "op": {
                    **_choice(dict.fromkeys((*NUMBER_OPERATORS, *TIME_OPERATORS)), _OPERATORS),
                    "default": "at_least",
                },
                "value": {"description": "What it is compared with.", "default": 1},
                "window": _ref("window"),
            },
            required=("event",),
        ),
        "if": is_timed,
        "then": timed,
        "else": measured,
    }


def _make_sequence() -> Schema:
    step = {"event": _ref("name"), "where": _ref("where")}
    first = _object({**step, "did": {"const": True}}, required=("event",))
    later = _object({**step, "within": _ref("within"), "did": _make_did()}, required=("event", "within"))
    happened = {"properties": {"did": {"const": True}}}
    # Of three steps the second must have happened, of four the second and the third, and so on.
    between = [
        {"if": {"minItems": length}, "then": {"prefixItems": [True] * (length - 2) + [happened]}}
        for length in range(3, MAX_STEPS + 1)
    ]
    steps = {
        "description": "Events in their order, each after the one before it. The last can be one that was not done.",
        "type": "array",
        "minItems": 2,
        "maxItems": MAX_STEPS,
        "prefixItems": [first],
        "items": later,
        "allOf": between,
    }
    window = {"$ref": "#/$defs/window", "type": "object", "description": "When the first step happened."}
    said = "Events that followed each other."
    return _leaf("sequence", said, {"steps": steps, "window": window, "did": _make_did()}, required=("steps", "window"))


def _make_did() -> Schema:
    return {"type": "boolean", "default": True, "description": "false turns it round: who did not."}


def _make_nodes() -> dict[str, Schema]:
    """Every depth of the tree on its own, so that no group is offered where nothing could be put into it."""
    leaves = _make_leaves()
    found = {f"node_{MAX_DEPTH}": _node({kind: kind for kind in leaves}, leaves)}
    for depth in range(1, MAX_DEPTH):
        children = {"type": "array", "items": _ref(f"node_{depth + 1}"), "minItems": 1, "maxItems": MAX_NODES - depth}
        groups = {
            kind: _leaf(kind, said, {"children": children}, required=("children",)) for kind, said in _GROUPS.items()
        }
        found |= {f"{kind}_{depth}": group for kind, group in groups.items()}
        names = {**{kind: f"{kind}_{depth}" for kind in groups}, **{kind: kind for kind in leaves}}
        found[f"node_{depth}"] = _node(names, {**groups, **leaves})
    return found


def _node(names: dict[str, str], kinds: dict[str, Schema]) -> Schema:
    """A node is what its kind says. Not one of many: what is wrong would then be wrong in as many ways."""
    said = {kind: schema["description"] for kind, schema in kinds.items()}
    return {
        "type": "object",
        "properties": {"kind": _choice(names, said)},
        "required": ["id", "kind"],
        "allOf": [{"if": _when("kind", (kind,)), "then": _ref(name)} for kind, name in names.items()],
    }


def _test(operators: Iterable[str], subject: dict[str, Schema], said: str = "") -> Schema:
    """An object that applies an operator to what `subject` names."""
    names = list(operators)
    properties = {
        **subject,
        "op": _choice(names, _OPERATORS),
        "value": {"description": "What the operator compares with."},
    }
    described = {"description": said} if said else {}
    return {**described, **_object(properties, required=(*subject, "op")), "allOf": _operands(names)}


def _operands(operators: Iterable[str]) -> list[Schema]:
    """What `value` has to be, by the operator beside it."""
    names = list(operators)
    kinds = dict.fromkeys(VALUE_OPERATORS[name] for name in names)
    return [_then("op", [name for name in names if VALUE_OPERATORS[name] == kind], kind) for kind in kinds]


def _then(key: str, words: Iterable[str], operand: str) -> Schema:
    needed = {} if operand in ("nothing", "days") else {"required": ["value"]}
    return {"if": _when(key, words), "then": {"properties": {"value": _ref(operand)}, **needed}}


def _when(key: str, words: Iterable[str]) -> Schema:
    return {"properties": {key: {"enum": list(words)}}, "required": [key]}


def _leaf(kind: str, said: str, properties: dict[str, Schema], *, required: Iterable[str]) -> Schema:
    return {"description": said, **_object({**_head(kind, said), **properties}, required=("id", "kind", *required))}


def _head(kind: str, said: str) -> dict[str, Schema]:
    return {"id": _ref("id"), "kind": {"const": kind, "description": said}}


def _object(properties: dict[str, Schema], *, required: Iterable[str] = ()) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _choice(words: Iterable[str], said: dict[str, str]) -> Schema:
    return {"oneOf": [{"const": word, "description": said[word]} for word in words]}


def _length(key: str, longest_ms: int) -> Schema:
    """So many minutes, hours or days."""
    amounts = [
        {"if": _when("unit", (unit,)), "then": {"properties": {key: {"maximum": longest_ms // ms}}}}
        for unit, ms in UNITS.items()
    ]
    amount = {"type": "number", "exclusiveMinimum": 0, "description": f"At most {longest_ms // DAY_MS:,} days."}
    return {**_object({key: amount, "unit": {"enum": list(UNITS)}}, required=(key, "unit")), "allOf": amounts}


def _pair(of: str) -> Schema:
    return {"type": "array", "items": _ref(of), "minItems": 2, "maxItems": 2}


def _text(longest: int, least: int = 1) -> Schema:
    return {"type": "string", "minLength": least, "maxLength": longest, "not": {"pattern": UNSTORABLE}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    print(json.dumps(make_schema(), indent=2, ensure_ascii=False))
