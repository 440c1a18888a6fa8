"""What every resource of the REST door is: JSON in and out. Who may call stands in personalization/doors.py."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from personalization.rest.bodies import AlwaysJson, JsonBody
from personalization.rest.schema import ResourceSchema


class Resource(APIView):
    """`tag` is the chapter of the OpenAPI document."""

    tag: ClassVar[str] = ""
    parser_classes: Sequence[type[BaseParser]] = [JsonBody]
    renderer_classes: Sequence[type[BaseRenderer]] = [JSONRenderer]
    content_negotiation_class: type[BaseContentNegotiation] = AlwaysJson
    schema = ResourceSchema()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What is said of people and drafts is for the caller alone."""
        done = super().finalize_response(request, response, *args, **kwargs)
        done.headers.setdefault("Cache-Control", "private, no-cache" if done.has_header("ETag") else "no-store")
        return done
