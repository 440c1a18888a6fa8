"""Everything that marketers define as one file: to be reviewed and kept in git, and to be brought in again."""

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.access import operator_of
from personalization.errors import CallRefused, FieldError, refuse_fields
from personalization.rest.bodies import RawBody
from personalization.rest.books import ChangeSerializer, describe_change, find_book
from personalization.rest.definition_views import NOTE
from personalization.rest.definitions import read_note, read_version
from personalization.rest.idempotency import once
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from rules.exporting import export_book, export_drafts
from rules.importing import MAX_FILE, import_definitions, read_file

TRUTHS = {"true": True, "false": False}


class FileSerializer(serializers.Serializer[Any]):
    """static/definitions.schema.json says it in full."""

    v = serializers.IntegerField()
    segments = serializers.DictField()
    blocks = serializers.DictField()
    offers = serializers.DictField()
    slots = serializers.DictField()
    rules = serializers.DictField()


class ProblemOfFileSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    """What was done or, where it was not stored, would have been."""

    stored = serializers.BooleanField()
    changes = ChangeSerializer(many=True)
    unchanged = serializers.IntegerField()
    problems = ProblemOfFileSerializer(many=True, help_text="What was left out, or speaks against storing it.")


class FileBody(RawBody):
    most = MAX_FILE


class Definitions(Resource):
    tag = "Content"
    parser_classes = [FileBody]

    @operation(
        "exportDefinitions",
        "Export every draft as one file, or what a Book says",
        answer=FileSerializer,
        parameters=[OpenApiParameter("book", int, description="The number of a Book; the drafts if absent.")],
        codes=("bad_parameter", "not_found"),
    )
    def get(self, request: Request) -> Response:
        if "book" not in request.query_params:
            return Response(export_drafts())
        return Response(export_book(find_book(read_version(request.query_params["book"], "book")).payload))

    @operation(
        "importDefinitions",
        "Import a file: the drafts say what it says",
        description="All of it, or nothing and what is wrong with its place. Publishes nothing.",
        request=FileSerializer,
        answer=ReportSerializer,
        parameters=[
            NOTE,
            OpenApiParameter("dry_run", bool, description="Only say what would change."),
            OpenApiParameter("partial", bool, description="Store what is right, where something is wrong."),
            OpenApiParameter("prune", bool, description="Remove what the file leaves out."),
        ],
        codes=("bad_parameter",),
    )
    @once
    def post(self, request: Request) -> Response:
        document = read_file(request.data if isinstance(request.data, bytes) else b"{}")
        partial, prune, dry_run = (read_truth(request, name) for name in ("partial", "prune", "dry_run"))
        report = import_definitions(
            document,
            by=operator_of(request),
            at=timezone.now(),
            note=read_note(request),
            partial=partial,
            prune=prune,
            dry_run=dry_run,
        )
        if report.problems and not report.stored and not dry_run:
            raise refuse_fields(FieldError(each.pointer, "invalid", each.message) for each in report.problems)
        return Response(
            {
                "stored": report.stored,
                "changes": [describe_change(each) for each in report.changes],
                "unchanged": report.unchanged,
                "problems": [{"pointer": each.pointer, "message": each.message} for each in report.problems],
            }
        )


def read_truth(request: Request, name: str) -> bool:
    said = TRUTHS.get(request.query_params.get(name, "false"))
    if said is None:
        raise CallRefused("bad_parameter", f"{name} is true or false")
    return said


urlpatterns = [path("definitions", Definitions.as_view())]
