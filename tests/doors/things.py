"""Addresses of a REST resource as the product's own are made, for tests of what stands before every one of them."""

from typing import Any

from django.db import OperationalError
from django.urls import path, re_path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ingestion.scopes import Scope
from personalization.access import caller_of
from personalization.doors import Door
from rules.actions import CannotPublish

handler404 = "personalization.failures.answer_missing"
handler500 = "personalization.failures.answer_failure"

RAISED: dict[str, Exception] = {
    "away": OperationalError("connection to 10.0.0.1 refused"),
    "book": CannotPublish(["a rule shows nothing", "a slot is not there"]),
    "fields": ValidationError({"name": ["too long"], "caps": [{}, {"most": ["no number"]}]}),
    "fault": RuntimeError("the inside"),
}


class Thing(APIView):
    def get(self, request: Request, **named: Any) -> Response:
        caller = caller_of(request)
        return Response({"source": caller.source, "kind": caller.kind})

    def put(self, request: Request, **named: Any) -> Response:
        return Response({"put": request.data})

    def post(self, request: Request, slug: str) -> Response:
        raise RAISED[slug]


urlpatterns = [
    path("api/v1/things/<slug:slug>", Thing.as_view()),
    re_path(r"^api/v1/old/(?P<id>[a-z]{1,3})/?$", Thing.as_view(http_method_names=["get"])),
]
ROWS = {
    "GET /api/v1/things/{slug}": Door(Scope.CONTENT_READ),
    "PUT /api/v1/things/{slug}": Door(Scope.CONTENT_WRITE, write_key=True),
    "POST /api/v1/things/{slug}": Door(Scope.PUBLISH),
    "GET /api/v1/old/{id}": Door(Scope.EVENTS),
}
