"""What people get beside a block, discount codes, loyalty points, early access; and the codes that there are."""

import csv
from collections.abc import Sequence
from io import BytesIO, StringIO
from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.access import operator_of
from personalization.errors import CallRefused
from personalization.rest.bodies import JsonBody, RawBody, parse_json
from personalization.rest.definition_forms import OfferBody, OfferSerializer
from personalization.rest.definition_views import list_addresses
from personalization.rest.definitions import Kind, find_draft
from personalization.rest.fields import Body, read_body
from personalization.rest.idempotency import once
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from rules.code_files import MAX_CODE, find_code_fault
from rules.codes import MOST_GENERATED, Uploaded, generate_codes, upload_codes, withdraw_codes
from rules.importing import MAX_FILE
from rules.stock import count_stock

TAG = "Content"
MOST_CODES = 50_000  # of a list in JSON; a file may have more

OFFERS = Kind("offer", "offers", "Offers", OfferBody, OfferSerializer, filters={"kind": "kind"})

Form = serializers.Serializer[Any]


class StockSerializer(Form):
    """The codes of an offer; those that were withdrawn are none of these."""

    left = serializers.IntegerField(help_text="All that can still be granted.")
    pool = serializers.IntegerField(help_text="Those of them that decisions take from now.")
    granted = serializers.IntegerField()


class CodesBody(Body):
    """Codes, granted in this order."""

    codes = serializers.ListField(child=serializers.CharField(max_length=MAX_CODE), min_length=1, max_length=MOST_CODES)

    def validate_codes(self, codes: Sequence[str]) -> Sequence[str]:
        if faults := {str(place): [fault] for place, code in enumerate(codes) if (fault := find_code_fault(code))}:
            raise serializers.ValidationError(faults)
        return codes


class GenerateBody(Body):
    """Codes that nobody can foresee: `prefix`, and `length` characters."""

    count = serializers.IntegerField(min_value=1, max_value=MOST_GENERATED)
    prefix = serializers.CharField(max_length=MAX_CODE, required=False, allow_blank=True, trim_whitespace=False)
    length = serializers.IntegerField(min_value=1, max_value=MAX_CODE, required=False)


class LeftOutSerializer(Form):
    """A line that was left out, or had nothing new."""

    line = serializers.IntegerField(help_text="Of the file, or the place in the list; from 1.")
    said = serializers.CharField(allow_blank=True)
    why = serializers.CharField()


class UploadedSerializer(Form):
    """What became of the codes."""

    codes = serializers.IntegerField(help_text="Lines with a code.")
    added = serializers.IntegerField(help_text="Those that are new to the offer.")
    refused = serializers.IntegerField(help_text="Lines without a code that can be meant.")
    problems = LeftOutSerializer(many=True, help_text="The first 100 lines that added nothing.")


class AddedSerializer(Form):
    added = serializers.IntegerField()


class WithdrawnSerializer(Form):
    withdrawn = serializers.IntegerField()


class FileBody(RawBody):
    most = MAX_FILE


class Codes(Resource):
    tag = TAG
    parser_classes = [FileBody]

    @operation("countCodes", "Count the codes of the offer", answer=StockSerializer)
    def get(self, request: Request, slug: str) -> Response:
        stock = count_stock([find_draft(OFFERS, slug)])[slug]
        return Response({"left": stock.left, "pool": stock.pool, "granted": stock.granted})

    @operation(
        "uploadCodes",
        "Add codes to the offer",
        description="A list in JSON or, as `text/csv` or `text/plain`, a file of up to 16,000,000 bytes: a code in "
        "each line, or in a column. Those that the offer has, and those that were ever granted, are not added again.",
        request={"application/json": CodesBody, "text/csv": OpenApiTypes.STR},
        answer=UploadedSerializer,
        parameters=[OpenApiParameter("column", str, description="Of a file: the column with the codes.")],
        codes=("bad_upload", "no_codes", "bad_parameter"),
        sends={"codes": ["WELCOME-7F3K", "WELCOME-9QMX"]},
        example={"codes": 2, "added": 2, "refused": 0, "problems": []},
    )
    @once
    def post(self, request: Request, slug: str) -> Response:
        offer = find_draft(OFFERS, slug)
        raw = request.data if isinstance(request.data, bytes) else b""
        column = request.query_params.get("column", "")
        if not is_text(request):
            raw, column = write_file(raw), "1"
        found = upload_codes(
            offer, BytesIO(raw), column=column, most=MAX_FILE, by=operator_of(request), at=timezone.now()
        )
        return Response(describe_uploaded(found))

    @operation(
        "withdrawCodes",
        "Take back every code that nobody was granted",
        description="Those in the pool leave it within a second; one that is granted in that second stays granted.",
        answer=WithdrawnSerializer,
    )
    def delete(self, request: Request, slug: str) -> Response:
        offer = find_draft(OFFERS, slug)
        return Response({"withdrawn": withdraw_codes(offer, by=operator_of(request), at=timezone.now())})


class Generate(Resource):
    tag = TAG

    @operation(
        "generateCodes",
        "Add codes by chance to the offer",
        description="10 characters behind the `prefix`, unless `length` says otherwise.",
        request=GenerateBody,
        answer=AddedSerializer,
        status=201,
        codes=("no_codes",),
        sends={"count": 500, "prefix": "SPRING-"},
        example={"added": 500},
    )
    @once
    def post(self, request: Request, slug: str) -> Response:
        offer = find_draft(OFFERS, slug)
        said = read_body(GenerateBody, request.data)
        return Response({"added": generate_codes(offer, **said, by=operator_of(request), at=timezone.now())}, 201)


def is_text(request: Request) -> bool:
    """Whether the body is a file. Here alone the type of a body is looked at: a file may look like JSON."""
    return (request.content_type or "").strip().lower().startswith("text/")


def write_file(raw: bytes) -> bytes:
    """The codes of a list in JSON as a file of one column; raises CallRefused."""
    if len(raw) > JsonBody.most:
        raise CallRefused("too_large", f"a list in JSON has at most {JsonBody.most:,} bytes; send a file as text/csv")
    codes = read_body(CodesBody, parse_json(raw))["codes"]
    file = StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([code] for code in codes)
    return file.getvalue().encode()


def describe_uploaded(found: Uploaded) -> dict[str, Any]:
    problems = [{"line": each.line, "said": each.said, "why": each.why} for each in found.problems]
    return {"codes": found.rows, "added": found.added, "refused": found.refused, "problems": problems}


urlpatterns = [
    *list_addresses(OFFERS),
    path("offers/<slug:slug>/codes", Codes.as_view()),
    path("offers/<slug:slug>/codes/generate", Generate.as_view()),
]
