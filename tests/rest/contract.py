"""What the OpenAPI document promises, held against each answer."""

import re
from functools import cache
from typing import Any

import jsonschema
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")


@cache
def read_document() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def list_operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of everything that the document has."""
    return [
        (path, method, operation)
        for path, methods in read_document()["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def find_operation(path: str, method: str) -> dict[str, Any] | None:
    """The operation that serves a path; the one with the fewest parameters, as Django finds it."""
    fits = [
        (template.count("{"), methods[method.lower()])
        for template, methods in read_document()["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return min(fits, key=lambda each: each[0])[1] if fits else None


def hold_against_document(path: str, method: str, status: int, media_type: str, body: Any) -> None:
    """Fails unless the document says of this call that it can be answered like this."""
    operation = find_operation(path, method)
    if operation is None:
        return
    assert str(status) in operation["responses"], f"{method} {path}: {status} is not in the document: {body}"
    content = operation["responses"][str(status)].get("content", {})
    if not content:
        assert not body
        return
    assert media_type in content, f"{method} {path}: {media_type} is not in the document"
    schema = {**as_json_schema(content[media_type]["schema"]), "components": _components()}
    wrong = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).iter_errors(body)
    assert [f"{error.json_path}: {error.message}" for error in wrong] == [], f"{method} {path}"


@cache
def _components() -> Any:
    return as_json_schema(read_document()["components"])


def as_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema has a type."""
    if isinstance(schema, list):
        return [as_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: as_json_schema(value) for key, value in schema.items() if key != "nullable"}
    if "properties" in found and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") is True else found
