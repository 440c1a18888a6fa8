"""What an event's properties must look like: the small closed part of JSON Schema that is understood. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

SchemaType = Literal["string", "number", "integer", "boolean", "object", "array", "null"]


class Schema(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"):
    """`type`, `required`, `properties`, `enum`, `minimum`, `maximum` and `maxLength` mean what they do in JSON Schema.

    `strict` counts at the top only: events that do not fit a strict schema are refused, others are let through.
    `title` and `description` are for people.
    """

    type: SchemaType | None = None
    required: tuple[str, ...] = ()
    properties: dict[str, "Schema"] = {}
    enum: tuple[str | int | float | bool | None, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    strict: bool = False
    title: str | None = None
    description: str | None = None


def read_schema(document: object) -> Schema:
    """The schema of a JSON document; raises ValueError, naming the key that is not understood."""
    try:
        return msgspec.convert(document, Schema)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == value // 1,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def find_mismatch(schema: Schema, value: Any, path: str = "properties") -> str | None:
    """What does not fit and where (`properties.price is not a number`), without quoting the value; None if all fits."""
    if schema.type is not None and not TYPES[schema.type](value):
        return f"{path} is not {'an' if schema.type[0] in 'aeio' else 'a'} {schema.type}"
    if schema.enum is not None and not any(_same(value, allowed) for allowed in schema.enum):
        return f"{path} is none of the values in the schema"
    if _is_number(value):
        if schema.minimum is not None and value < schema.minimum:
            return f"{path} is below {schema.minimum:g}"
        if schema.maximum is not None and value > schema.maximum:
            return f"{path} is above {schema.maximum:g}"
    if schema.max_length is not None and isinstance(value, str) and len(value) > schema.max_length:
        return f"{path} is longer than {schema.max_length} characters"
    if isinstance(value, dict):
        for name in schema.required:
            if name not in value:
                return f"{path}.{name} is missing"
        for name, inner in schema.properties.items():
            if name in value and (mismatch := find_mismatch(inner, value[name], f"{path}.{name}")):
                return mismatch
    return None


def _same(value: object, allowed: object) -> bool:
    """Equal as JSON has it: true is not 1."""
    return value == allowed and isinstance(value, bool) == isinstance(allowed, bool)
