"""The shape of what a JSON block says: a JSON Schema without anything whose cost has no bound. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

MAX_SHAPE = 16_000  # characters
MAX_SHOWN = 120
# References can multiply without end, or name another machine; a pattern can be tried for hours.
UNBOUNDED = ("$ref", "$dynamicRef", "pattern", "patternProperties")


def find_shape_problem(shape: object) -> str | None:
    """Why this cannot be the shape of a block."""
    if not isinstance(shape, Mapping):
        return 'it must be an object, such as {"type": "object", "required": ["headline"]}'
    try:
        if len(json.dumps(shape)) > MAX_SHAPE:
            return f"it is too long; {MAX_SHAPE:,} characters are the most"
        if (key := _find_unbounded(shape)) is not None:
            return f"{key} cannot be used in a shape; say it without"
        Draft202012Validator.check_schema(shape)
    except SchemaError as error:
        return f"it is no JSON Schema: {_say(error)}"
    except RecursionError:
        return "its parts are nested too deep"
    return None


def find_misfit(shape: Mapping[str, Any], value: object) -> str | None:
    """Where and why a value does not have the shape, which has no problem."""
    try:
        error = best_match(Draft202012Validator(shape).iter_errors(value))
    except RecursionError:
        return "its parts are nested too deep"
    return None if error is None else _say(error)


def _find_unbounded(part: object) -> str | None:
    if isinstance(part, Mapping):
        for key, value in part.items():
            is_name_of_property = isinstance(value, Mapping) and key != "patternProperties"
            if key in UNBOUNDED and not is_name_of_property:
                return str(key)
        return next((found for value in part.values() if (found := _find_unbounded(value))), None)
    if isinstance(part, list):
        return next((found for value in part if (found := _find_unbounded(value))), None)
    return None


def _say(error: Any) -> str:
    return f"{say_place(error.absolute_path)}{error.message[:MAX_SHOWN]}"


def say_place(path: Iterable[object]) -> str:
    """Where in a document it is, as a JSON pointer; nothing for the whole."""
    place = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    return f"{place}: " if place else ""
