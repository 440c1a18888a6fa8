"""The declared shape of a JSON block: a part of JSON Schema that is checked in bounded time and fetches nothing."""

from collections.abc import Collection
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

from rules.liquid import BadBlock, RenderFailed

MAX_NODES = 500  # of a shape, each use of a definition counted
MAX_CHECKS = 100_000  # parts of a shape, times values that are checked

_DEFINITION = "#/$defs/"
_ONE = {"items", "additionalProperties", "not", "contains", "if", "then", "else"}
_MANY = {"allOf", "anyOf", "oneOf", "prefixItems"}
_NAMED = {"properties", "dependentSchemas"}
_PLAIN = {
    *("type", "enum", "const", "required", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum"),
    *("exclusiveMaximum", "minItems", "maxItems", "minContains", "maxContains"),
    *("minProperties", "maxProperties", "dependentRequired"),
    *("title", "description", "default", "examples", "deprecated", "$comment", "$schema", "$id"),
}
KEYWORDS = _ONE | _MANY | _NAMED | _PLAIN | {"$ref", "$defs"}
_OF_TEXT = {
    *("minLength", "maxLength", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "contains"),
}

Path = tuple[str | int, ...]


class Shape:
    """A shape ready to check with; raises BadBlock for one that says nothing sensible."""

    def __init__(self, said: Any) -> None:
        try:
            Draft202012Validator.check_schema(said)
            if not isinstance(said, dict):
                raise BadBlock("the shape is an object of JSON Schema", field="shape")
            expansion = _Expansion(said.get("$defs", {}))
            self._validator = Draft202012Validator(expansion.expand(said, "shape"))
            self._nodes = expansion.nodes
        except SchemaError as error:
            raise BadBlock(f"shape: {_say_path(error.absolute_path)}: {error.message}", field="shape") from error
        except RecursionError as error:
            raise BadBlock("shape: nested too deep, or it refers to itself", field="shape") from error

    def check_source(self, value: Any, templates: Collection[Path]) -> None:
        """Raises BadBlock for what does not fit. What the strings at `templates` will say is not known yet."""
        if self._nodes * _count(value) > MAX_CHECKS:
            raise BadBlock("too many values for so large a shape; make one of them smaller")
        for error in self._validator.iter_errors(value):
            path = tuple(error.absolute_path)
            open_yet = any(each[: len(path)] == path for each in templates)
            if not (open_yet and error.validator in _OF_TEXT):
                raise BadBlock(f"does not fit its shape: {_say(error)}")

    def check_rendered(self, value: Any) -> None:
        """Raises RenderFailed for what does not fit."""
        error = next(self._validator.iter_errors(value), None)
        if error is not None:
            raise RenderFailed(f"does not fit its shape: {_say(error)}")


class _Expansion:
    """Puts definitions in the place of what refers to them, so that nothing is left to resolve, or to go in circles."""

    def __init__(self, definitions: Any) -> None:
        self._definitions = definitions
        self.nodes = 0

    def expand(self, schema: Any, where: str) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise BadBlock(f"shape: more than {MAX_NODES} parts, or it refers to itself", field="shape")
        if not isinstance(schema, dict):
            return schema
        if unknown := sorted(schema.keys() - KEYWORDS):
            raise BadBlock(f"{where}: the keyword {unknown[0]} cannot be used in a shape", field="shape")
        made = {key: value for key, value in schema.items() if key in _PLAIN - {"$schema", "$id"}}
        for key in _ONE & schema.keys():
            made[key] = self.expand(schema[key], f"{where}.{key}")
        for key in _MANY & schema.keys():
            made[key] = [self.expand(each, f"{where}.{key}") for each in schema[key]]
        for key in _NAMED & schema.keys():
            made[key] = {name: self.expand(each, f"{where}.{key}.{name}") for name, each in schema[key].items()}
        if "$ref" in schema:
            made = {"allOf": [self._resolve(schema["$ref"], where), made]}
        return made

    def _resolve(self, reference: str, where: str) -> Any:
        name = reference.removeprefix(_DEFINITION)
        if not reference.startswith(_DEFINITION) or name not in self._definitions:
            raise BadBlock(f"{where}: $ref {reference!r} leads nowhere; use #/$defs/NAME", field="shape")
        return self.expand(self._definitions[name], f"{where}.{name}")


def _count(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, inside))


def _say(error: ValidationError) -> str:
    message = error.message if len(error.message) <= 200 else f"{error.message[:199]}…"
    return f"{_say_path(error.absolute_path)}: {message}"


def _say_path(path: Any) -> str:
    return ".".join(map(str, path)) or "the whole"
