"""How resources are described in the OpenAPI document: with their scope, headers and every error they can have."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from personalization.doors import Door, find_door
from personalization.errors import CODES
from personalization.rest.errors import MEDIA_TYPE
from personalization.rest.fields import OF_PAGE

Handler = TypeVar("Handler", bound=Callable[..., Any])

ALWAYS = (
    *("unknown_key", "scope_missing", "secret_key_needed", "method_not_allowed", "too_many_calls"),
    *("internal", "unavailable"),
)
OF_BODY = ("bad_json", "too_large", "invalid")
OF_LIST = ("bad_parameter", "bad_cursor")
OF_KEY = ("bad_parameter", "in_progress", "key_reused")
OF_MATCH = ("version_mismatch", "if_match_missing")

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag that was read; * for any."
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="An ETag that is there already: 304 if nothing changed."
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Up to 255 characters. Sent again within 24 hours, the call is done once and answered alike.",
)


class ProblemErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong, and where."""

    pointer = serializers.CharField(help_text="JSON Pointer into the body; empty for all of it.", allow_blank=True)
    code = serializers.CharField()
    message = serializers.CharField()
    node = serializers.CharField(required=False, help_text="The id of a condition's node.")


class ProblemSerializer(serializers.Serializer[Any]):
    """An answer of RFC 9457: `code` for programs, `message` for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.ChoiceField(list(CODES))
    message = serializers.CharField()
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # a field, no attribute


def operation(
    id: str,
    summary: str,
    *,
    answer: Any = None,
    status: int = 200,
    request: Any = None,
    description: str = "",
    parameters: Sequence[OpenApiParameter | type[serializers.Serializer[Any]]] = (),
    codes: Sequence[str] = (),
    tagged: bool = False,
    others: dict[int, OpenApiResponse] | None = None,
    example: Any = None,
    sends: Any = None,
) -> Callable[[Handler], Handler]:
    """Describes one method. `codes` are errors of its own, `tagged` says that it answers an ETag, or needs If-Match
    when it writes; `example` is an answer, `sends` a body, `others` are further answers that are no errors."""
    said = {status: OpenApiResponse(answer, description=summary), **(others or {})}
    examples = []
    if example is not None:
        examples.append(OpenApiExample("Answer", example, response_only=True, status_codes=[str(status)]))
    if sends is not None:
        examples.append(OpenApiExample("Call", sends, request_only=True))

    def describe(handler: Handler) -> Handler:
        handler.codes, handler.tagged = tuple(codes), tagged  # type: ignore[attr-defined]  # read by ResourceSchema
        decorate = extend_schema(
            operation_id=id,
            summary=summary,
            description=description,
            request=request,
            responses=said,
            parameters=list(parameters),
            examples=examples,
        )
        decorated: Handler = decorate(handler)
        return decorated

    return describe


class ResourceSchema(AutoSchema):
    """Adds to what a view says of its methods what follows from what they are."""

    view: Any

    def get_tags(self) -> list[str]:
        return [self.view.tag]

    def map_parsers(self) -> list[Any]:
        return ["application/json"]  # bodies are that, whatever header comes with them

    def get_override_parameters(self) -> list[Any]:
        handler = self._handler()
        found = list(super().get_override_parameters())
        if getattr(handler, "idempotent", False):
            found.append(IDEMPOTENCY_KEY)
        if getattr(handler, "tagged", False) and self.method == "GET":
            found.append(IF_NONE_MATCH)
        if self._needs_match():
            found.append(IF_MATCH)
        return found

    def get_extensions(self) -> dict[str, Any]:
        return {"x-scope": self._door().scopes[0]}

    def get_auth(self) -> list[dict[str, list[str]]]:
        door = self._door()
        schemes: list[dict[str, list[str]]] = [{"secretKey": []}, {"oauth2": list(door.scopes)}]
        return [*schemes, {"session": []}] if door.session else schemes

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        found = super().get_operation(*args, **kwargs)
        if found is None:
            return None
        scopes = " and ".join(f"`{scope}`" for scope in self._door().scopes)
        found["description"] = f"{found.get('description', '')}\n\nScope: {scopes}.".strip()
        if self.method == "GET" and getattr(self._handler(), "tagged", False):
            found["responses"]["304"] = {"description": "It is what the caller has already"}
        by_status: dict[int, list[str]] = {}
        for code in dict.fromkeys(self._list_codes()):
            by_status.setdefault(CODES[code].status, []).append(code)
        for status, codes in sorted(by_status.items()):
            said = "; ".join(f"`{code}`: {CODES[code].title}" for code in codes)
            problem = OpenApiResponse(ProblemSerializer, description=said)
            answer = self._get_response_for_code(problem, str(status), [MEDIA_TYPE])  # type: ignore[no-untyped-call]
            found["responses"][str(status)] = answer
        return found

    def _list_codes(self) -> list[str]:
        handler = self._handler()
        names = [*ALWAYS, *getattr(handler, "codes", ())]
        if self.method in ("POST", "PUT", "PATCH"):
            names += OF_BODY
        if getattr(handler, "idempotent", False):
            names += OF_KEY
        if self._needs_match():
            names += OF_MATCH
        if self._door().session and self.method != "GET":
            names.append("forbidden")  # a session without the token against forged calls
        if "{" in self.path:
            names.append("not_found")
        if any(parameter in OF_PAGE for parameter in self.get_override_parameters()):
            names += OF_LIST
        return names

    def _needs_match(self) -> bool:
        return self.method in ("PUT", "PATCH", "DELETE") and getattr(self._handler(), "tagged", False)

    def _door(self) -> Door:
        return find_door(f"{self.method} {self.path}")

    def _handler(self) -> Any:
        return getattr(self.view, self.method.lower())
