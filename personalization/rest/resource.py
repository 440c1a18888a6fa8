"""What every resource of the REST door is: JSON in and out, a key with a scope for each method, errors of one form."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from personalization.rest.access import HasScope, KeyAuthentication
from personalization.rest.bodies import AlwaysJson, JsonBody
from personalization.rest.errors import CallRefused, answer_problem
from personalization.rest.schema import ResourceSchema


class Resource(APIView):
    """`scopes` names the scope that each method takes; `tag` is the chapter of the OpenAPI document."""

    scopes: ClassVar[Mapping[str, str]] = {}
    tag: ClassVar[str] = ""
    authentication_classes = [KeyAuthentication]
    permission_classes = [HasScope]
    parser_classes: Sequence[type[BaseParser]] = [JsonBody]
    renderer_classes: Sequence[type[BaseRenderer]] = [JSONRenderer]
    content_negotiation_class: type[BaseContentNegotiation] = AlwaysJson
    metadata_class = None  # OPTIONS tells nothing: the OpenAPI document does
    schema = ResourceSchema()

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return answer_problem

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What is said of people and drafts is for the caller alone."""
        done = super().finalize_response(request, response, *args, **kwargs)
        done.headers.setdefault("Cache-Control", "private, no-cache" if done.has_header("ETag") else "no-store")
        return done


class Nowhere(Resource):
    """Every address under the door that is none of a resource."""

    schema = None  # type: ignore[assignment]  # in no document
    scopes: ClassVar[Mapping[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise CallRefused("not_found", "there is no such address; see docs/reference/rest.md")
