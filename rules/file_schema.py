"""The file of definitions as a JSON Schema (draft 2020-12): for editors and, without the language of conditions, for
the import, where the parser says more. `python -m rules.file_schema` prints it. Pure."""

import json
from collections.abc import Mapping
from typing import Any, get_args

from profiles.decided import Every
from rules.checking import MAX_CAPS, MAX_NUMBER, MAX_WEIGHT
from rules.definitions import BlockKind, Channel, OfferKind
from segments.conditions.schema import Schema
from segments.conditions.schema import make_schema as make_condition

VERSION = 1
SEGMENT_KINDS = ("condition", "list", "snapshot", "cluster", "lookalike")
SLUG = "^[-a-zA-Z0-9_]+$"
MAX_SLUG = 64
MAX_NAME = 120
MAX_PRIORITY = 2**31 - 1
ANY_CONDITION: Schema = {"type": ["object", "null"]}

# The kinds of definition, as the file has them, in their order.
PLURALS: Mapping[str, str] = {
    "segment": "segments",
    "slot": "slots",
    "block": "blocks",
    "offer": "offers",
    "rule": "rules",
}


def make_schema() -> Schema:
    """The whole schema, with that of conditions in it: editors do not follow references to other files."""
    condition = make_condition()
    parts = {f"condition_{name}": _rename(part) for name, part in condition["$defs"].items()}
    whole = {key: _rename(condition[key]) for key in ("type", "properties", "required", "additionalProperties")}
    nullable = {"anyOf": [{"$ref": "#/$defs/condition"}, {"type": "null"}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:personalization:definitions:{VERSION}",
        "$comment": "Made by rules/file_schema.py. The import refuses more than a schema can say.",
        "title": "Definitions",
        "description": "Everything that marketers define, in one file.",
        **make_form(nullable),
        "$defs": {"condition": {"title": "Condition", **whole}, **parts},
    }


def make_form(condition: Schema) -> Schema:
    """What the file is, with `condition` for what a condition may be."""
    kinds = {
        "segment": _make_segment(condition),
        "slot": _make_slot(),
        "block": _make_block(),
        "offer": _make_offer(),
        "rule": _make_rule(condition),
    }
    named = {PLURALS[kind]: _by_slug(kind, kinds[kind]) for kind in PLURALS}
    version = {"const": VERSION, "description": "The version of this form."}
    return {
        "type": "object",
        "properties": {"$schema": {"type": "string"}, "v": version, **named},
        "required": ["v"],
        "additionalProperties": False,
    }


def _by_slug(kind: str, definition: Schema) -> Schema:
    return {
        "type": "object",
        "description": f"Each {kind} by its slug.",
        "propertyNames": {"pattern": SLUG, "maxLength": MAX_SLUG},
        "additionalProperties": definition,
    }


def _make_segment(condition: Schema) -> Schema:
    return _object(
        {
            "name": _name(),
            "kind": {"enum": list(SEGMENT_KINDS), "default": "condition"},
            "description": {**_text(), "description": "For whoever works with it. Left out: it stays as it is."},
            "condition": {**condition, "description": "Who is in it. A list has none."},
            "as_of": {**_moment(), "description": "The moment that a snapshot is of; null: that of publishing."},
            "live": _live(),
        },
        required=("name",),
    )


def _make_slot() -> Schema:
    return _object(
        {
            "name": _name(),
            "channel": {"enum": list(get_args(Channel)), "default": "web"},
            "kinds": {
                "description": "The kinds of block it takes; none: all that fit its channel.",
                "type": "array",
                "items": {"enum": list(get_args(BlockKind))},
                "uniqueItems": True,
            },
            "default": {**_slug_or_none(), "description": "The block that is shown when no rule holds."},
        },
        required=("name",),
    )


def _make_block() -> Schema:
    return _object(
        {
            "name": _name(),
            "kind": {"enum": list(get_args(BlockKind)), "default": "html"},
            "subject": {**_text(), "description": "Of an e-mail, in Liquid."},
            "source": {**_text(), "description": "Liquid, or JSON for the kinds json and recommendation."},
            "text": {**_text(), "description": "Of an e-mail without HTML; made of the source when left out."},
            "shape": {"type": ["object", "null"], "description": "JSON Schema of what a block of JSON says."},
            "fallback": {**_slug_or_none(), "description": "The block in the place of recommendations."},
        },
        required=("name", "source"),
    )


def _make_offer() -> Schema:
    return _object(
        {
            "name": _name(),
            "kind": {"enum": list(get_args(OfferKind)), "default": "code"},
            "points": {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER, "default": 0},
            "every": {"enum": list(get_args(Every)), "default": "campaign", "description": "Granted once in each."},
        },
        required=("name",),
    )


def _make_rule(condition: Schema) -> Schema:
    cap = _object(
        {
            "most": {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER},
            "per": {"enum": list(get_args(Every))},
            "of": {"enum": ["person", "everybody"], "default": "person"},
        },
        required=("most", "per"),
    )
    weight = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_WEIGHT}
    return _object(
        {
            "name": _name(),
            "slot": _slug(),
            "priority": {"type": "integer", "minimum": -MAX_PRIORITY, "maximum": MAX_PRIORITY, "default": 0},
            "weight": {**weight, "description": "Its part among rules of the same priority."},
            "block": _slug(),
            "offer": {**_slug_or_none(), "description": "What is granted with the block."},
            "condition": {**condition, "description": "When it holds; null: for everybody."},
            "starts": _moment(),
            "ends": {**_moment(), "description": "The first moment after."},
            "zone": {"type": "string", "maxLength": 64, "description": "Of the two; left out: the organisation's."},
            "caps": {"type": "array", "items": cap, "maxItems": MAX_CAPS},
            "purpose": {"type": "string", "maxLength": 40, "description": "What a person has to have consented to."},
            "live": _live(),
        },
        required=("name", "slot", "block"),
    )


def _object(properties: dict[str, Schema], *, required: tuple[str, ...]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _name() -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": MAX_NAME}


def _slug() -> Schema:
    return {"type": "string", "maxLength": MAX_SLUG}


def _slug_or_none() -> Schema:
    return {"type": ["string", "null"], "maxLength": MAX_SLUG}


def _text() -> Schema:
    return {"type": ["string", "array"], "items": {"type": "string"}}


def _moment() -> Schema:
    return {"type": ["string", "null"], "examples": ["2026-11-27T08:00:00+01:00"]}


def _live() -> Schema:
    return {"type": "boolean", "default": True, "description": "Whether it is part of the next published Book."}


def _rename(part: Any) -> Any:
    """The same schema in a place where the parts it refers to have other names."""
    if isinstance(part, dict):
        return {
            key: value.replace("#/$defs/", "#/$defs/condition_") if key == "$ref" else _rename(value)
            for key, value in part.items()
        }
    return [_rename(item) for item in part] if isinstance(part, list) else part


if __name__ == "__main__":
    print(json.dumps(make_schema(), indent=2, ensure_ascii=False))
