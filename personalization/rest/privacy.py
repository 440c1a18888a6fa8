"""What a person may ask for: everything that is known of them, and to be forgotten."""

from uuid import UUID

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.errors import CallRefused
from personalization.people import export_person, stream_export
from personalization.rest.people import describe_erasure, find_id, read_uuid
from personalization.rest.profile_forms import ErasureSerializer
from personalization.rest.profiles import ID, TAG
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from profiles.models import Erasure


class Export(Resource):
    tag = TAG

    @operation(
        "exportProfile",
        "Export everything that is known of a person",
        description="One JSON document, however long: facts, events, changes of segments, decisions, grants, merges; "
        "also of whoever became part of the person.",
        answer=OpenApiTypes.OBJECT,
        parameters=[ID],
    )
    def get(self, request: Request, id: str) -> StreamingHttpResponse:
        person = UUID(find_id(id))
        pieces = export_person(person)
        headers = {"Content-Disposition": f'attachment; filename="person-{person}.json"'}
        return StreamingHttpResponse(stream_export(pieces), content_type="application/json", headers=headers)


class Erasures(Resource):
    tag = TAG

    @operation("getErasure", "Read how far an erasure is", answer=ErasureSerializer)
    def get(self, request: Request, id: str) -> Response:
        receipt = Erasure.objects.filter(pk=read_uuid(id)).first()
        if receipt is None:
            raise CallRefused("not_found", "there is no such erasure")
        return Response(describe_erasure(receipt))


urlpatterns = [
    path("profiles/<str:id>/export", Export.as_view()),
    path("erasures/<str:id>", Erasures.as_view()),
]
