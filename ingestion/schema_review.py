"""What keeps a JSON document from being a schema of the catalogue: what, where, and how to mend it. Pure."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from ingestion.parse_schema import SchemaType, read_schema

MAX_DEPTH = 8  # objects inside each other, as in events

EXPECTED: Mapping[str, str] = {
    "type": f"one of {', '.join(get_args(SchemaType))}",
    "required": "a list of property names",
    "properties": "an object with a schema per property name",
    "enum": "a list of the texts, numbers, booleans and null that are allowed",
    "minimum": "a number",
    "maximum": "a number",
    "maxLength": "a whole number",
    "strict": "true or false",
    "title": "a text",
    "description": "a text",
}


def find_schema_problem(document: object, place: str = "", depth: int = 0) -> str | None:
    """The first problem in words, with its place (`properties.price`); None when the document is a schema."""
    here = place or "The schema"
    if depth > MAX_DEPTH:
        return f"{here} lies deeper than the {MAX_DEPTH} levels an event may have; leave it out."
    if not isinstance(document, dict):
        return f'{here} must be an object, such as {{"type": "string"}}.'
    for key, value in document.items():
        if problem := _find_keyword_problem(key, value, top=not place):
            return f"{here}: {problem}"
    if _is_above(document.get("minimum"), document.get("maximum")):
        return f"{here}: nothing fits, as “minimum” is above “maximum”; exchange them."
    for name, inner in document.get("properties", {}).items():
        if problem := find_schema_problem(inner, f"{place or 'properties'}.{name}", depth + 1):
            return problem
    return None


def _find_keyword_problem(key: str, value: Any, *, top: bool) -> str | None:
    if key not in EXPECTED:
        close = get_close_matches(key, EXPECTED, 1)
        return f"“{key}” is not understood; use {close[0] if close else 'one of ' + ', '.join(EXPECTED)}."
    if key == "strict" and not top:
        return "“strict” counts at the top only; move it there."
    if key == "properties":
        return None if isinstance(value, dict) else f"“properties” must be {EXPECTED[key]}."
    if key == "enum" and value == []:
        return "nothing fits an empty “enum”; name what is allowed, or leave it out."
    try:
        read_schema({key: value})
    except ValueError:
        return f"“{key}” must be {EXPECTED[key]}."
    return None


def _is_above(low: Any, high: Any) -> bool:
    return low is not None and high is not None and low > high
