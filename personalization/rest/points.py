"""The loyalty points of a person: the balance, the entries it is the sum of, adding and spending."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.paging import read_number, read_time, take_page
from personalization.rest.fields import OF_PAGE, Body, page_of, read_body
from personalization.rest.pagination import answer_page, read_cursor, read_limit
from personalization.rest.people import find_id, load_person
from personalization.rest.profiles import ID, TAG
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from rules.ledger import list_profiles, read_balance
from rules.models import PointsEntry
from rules.points import GRANT, MOST_POINTS, add_points, spend_points

MAX_KEY = 120
NOTE = 200
SENT = {"points": 300, "key": "order-1001", "note": "Paid with points"}

Form = serializers.Serializer[Any]


class PointsBody(Body):
    """Points, and the key that makes it one entry however often it is sent."""

    points = serializers.IntegerField(min_value=1, max_value=MOST_POINTS)
    key = serializers.CharField(max_length=MAX_KEY, trim_whitespace=False)
    note = serializers.CharField(max_length=NOTE, required=False, allow_blank=True)

    def validate_key(self, key: str) -> str:
        if not key.isprintable() or key.startswith(GRANT):
            raise serializers.ValidationError(f"must be characters that can be seen, and not begin with {GRANT}")
        return key


class PointsEntrySerializer(Form):
    """One line of the ledger. `points` that were spent are below nothing."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    points = serializers.IntegerField()
    key = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    offer = serializers.CharField(allow_blank=True, help_text="The offer that granted them.")


class BalanceSerializer(Form):
    balance = serializers.IntegerField()


class WrittenSerializer(BalanceSerializer):
    entry = PointsEntrySerializer()


class Balance(Resource):
    tag = TAG

    @operation(
        "getPoints",
        "Read how many points the person has",
        description="With those of whoever became part of them. Somebody of whom nothing is known has none.",
        answer=BalanceSerializer,
        parameters=[ID],
    )
    def get(self, request: Request, id: str) -> Response:
        return Response({"balance": read_balance(UUID(find_id(id)))})


class Entries(Resource):
    tag = TAG

    @operation(
        "listPointsEntries",
        "List what was granted, added and spent, the newest first",
        answer=page_of(PointsEntrySerializer),
        parameters=[ID, *OF_PAGE],
    )
    def get(self, request: Request, id: str) -> Response:
        cursor, limit = read_cursor(request, read_time, read_number), read_limit(request)
        entries = PointsEntry.objects.filter(profile_id__in=list_profiles(UUID(find_id(id))))
        page = take_page(entries, order=("-at", "-id"), after=cursor, limit=limit)
        return answer_page(request, [describe_entry(each) for each in page.rows], page.after)


class AddPoints(Resource):
    tag = TAG

    @operation(
        "addPoints",
        "Add points",
        description="The same `key` adds them once, and is answered with the entry that it made.",
        request=PointsBody,
        answer=WrittenSerializer,
        parameters=[ID],
        codes=("key_taken",),
        sends={"points": 50, "key": "review-17", "note": "Wrote a review"},
    )
    def post(self, request: Request, id: str) -> Response:
        return write_entry(add_points, UUID(load_person(id).id), request)


class SpendPoints(Resource):
    tag = TAG

    @operation(
        "spendPoints",
        "Spend points that the person has",
        description="The same `key` spends them once, and is answered with the entry that it made. Never more than "
        "there are, also when several are spent at once.",
        request=PointsBody,
        answer=WrittenSerializer,
        parameters=[ID],
        codes=("key_taken", "not_enough_points"),
        sends=SENT,
    )
    def post(self, request: Request, id: str) -> Response:
        return write_entry(spend_points, UUID(find_id(id)), request)


def write_entry(write: Callable[..., PointsEntry], person: UUID, request: Request) -> Response:
    said = read_body(PointsBody, request.data)
    points = said.pop("points")
    entry = write(person, points, **said, at=timezone.now())
    return Response({"balance": read_balance(person), "entry": describe_entry(entry)})


def describe_entry(entry: PointsEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ("id", "at", "points", "key", "note", "offer")}


urlpatterns = [
    path("profiles/<str:id>/points", Balance.as_view()),
    path("profiles/<str:id>/points/entries", Entries.as_view()),
    path("profiles/<str:id>/points/add", AddPoints.as_view()),
    path("profiles/<str:id>/points/spend", SpendPoints.as_view()),
]
