"""How bodies are read and answers described: what several resources have alike."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from personalization.rest.pagination import LIMIT, MOST

LIMIT_PARAMETER = OpenApiParameter("limit", int, description=f"Rows of a page, 1 to {MOST}; {LIMIT} if absent.")
CURSOR_PARAMETER = OpenApiParameter("cursor", str, description="Where the page begins; comes with `next`.")
OF_PAGE = (LIMIT_PARAMETER, CURSOR_PARAMETER)


def read_object(data: Any) -> Mapping[str, Any]:
    """The body when it is an object; raises the REST framework's ValidationError."""
    if not isinstance(data, Mapping):
        said = ErrorDetail("must be an object", "not_an_object")
        raise serializers.ValidationError({"non_field_errors": [said]})
    return data


class Body(serializers.Serializer[Any]):
    """A body that says nothing which is not understood."""

    def to_internal_value(self, data: Any) -> Any:
        data = read_object(data)
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            hint = f"is not understood; known are {', '.join(self.fields)}"
            raise serializers.ValidationError({name: [ErrorDetail(hint, "unknown_field")] for name in unknown})
        return super().to_internal_value(data)


def read_body(kind: type[Body], data: Any) -> dict[str, Any]:
    """What the body says; raises the REST framework's ValidationError with everything that is wrong."""
    body = kind(data=data)
    body.is_valid(raise_exception=True)
    said: dict[str, Any] = body.validated_data
    return said


@cache
def page_of(kind: type[serializers.Serializer[Any]]) -> Any:
    """The form of a page of a list."""
    name = kind.__name__.removesuffix("Serializer")
    return inline_serializer(
        f"{name}Page",
        {
            "items": kind(many=True),
            "next": serializers.URLField(allow_null=True, help_text="The address of the next page; null at the end."),
        },
    )
