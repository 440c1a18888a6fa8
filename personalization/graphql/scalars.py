"""Values that GraphQL has no type for: moments, and what sources have said in JSON."""

from datetime import UTC, datetime
from typing import Any

from graphene.types import Scalar
from graphql import Undefined, ValueNode, value_from_ast_untyped


class DateTime(Scalar):
    """A moment in ISO 8601, UTC, such as `2026-11-23T11:59:58.000Z`."""

    @staticmethod
    def serialize(value: int | datetime) -> str:
        """From Unix milliseconds, or from a time that knows its zone."""
        at = datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else value.astimezone(UTC)
        return at.isoformat(timespec="milliseconds")[:-6] + "Z"


class JSON(Scalar):
    """Any JSON value, as it is: an object, a list, text, a number, true, false or null."""

    @staticmethod
    def serialize(value: Any) -> Any:
        return value

    @staticmethod
    def parse_value(value: Any) -> Any:
        return value

    @staticmethod
    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        value = value_from_ast_untyped(node, variables)
        return None if value is Undefined else value
