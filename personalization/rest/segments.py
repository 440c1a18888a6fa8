"""Groups of people: their definitions, how many they have, and who."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.paging import take_page
from personalization.rest.definition_forms import SegmentBody, SegmentSerializer
from personalization.rest.definition_views import list_addresses
from personalization.rest.definitions import Kind, find_draft
from personalization.rest.fields import OF_PAGE, page_of
from personalization.rest.pagination import answer_page, read_cursor, read_limit
from personalization.rest.people import moment
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from profiles.models import StoredProfile
from segments.models import SegmentSize
from segments.queries import read_roster

TAG = "Segments"


class MemberSerializer(serializers.Serializer[Any]):
    """Somebody who is in the segment."""

    id = serializers.CharField()
    userId = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField()


class SizeSerializer(serializers.Serializer[Any]):
    """How many people the version had that answers now, at the end of an hour or, in this one, a moment ago."""

    hour = serializers.DateTimeField()
    people = serializers.IntegerField()


class SizesSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(allow_null=True, help_text="The version that answers.")
    people = serializers.IntegerField(allow_null=True, help_text="The newest count; null before there is one.")
    hours = SizeSerializer(many=True, help_text="The newest first, of up to 48 hours.")


HOURS = 48


def describe_standing(segments: Sequence[Any]) -> list[dict[str, Any]]:
    """Which versions answer and are coming, and how many people there are: two questions for any number of them."""
    roster = read_roster()
    keys = [(roster.answers.get(each.slug), roster.coming.get(each.slug)) for each in segments]
    wanted = Q(pk=None)
    for answers, _ in keys:
        if answers is not None:
            slug, _, version = answers.rpartition("@")
            wanted |= Q(segment=slug, version=int(version))
    newest = SegmentSize.objects.filter(wanted).order_by("segment", "-hour").distinct("segment")
    sizes = dict(newest.values_list("segment", "size"))
    return [
        {
            "answers": read_number_of(answers),
            "coming": None if coming == answers else read_number_of(coming),
            "people": sizes.get(segment.slug),
        }
        for segment, (answers, coming) in zip(segments, keys, strict=True)
    ]


def read_number_of(key: str | None) -> int | None:
    """The number in the key of a version, `slug@number`."""
    return None if key is None else int(key.rpartition("@")[2])


SEGMENTS = Kind(
    "segment",
    "segments",
    TAG,
    SegmentBody,
    SegmentSerializer,
    filters={"kind": "kind"},
    describe_more=describe_standing,
)


class Members(Resource):
    tag = TAG

    @operation(
        "listMembers",
        "List who is in the segment, in the order of their ids",
        description="By the version that answers, from the durable copies, seconds behind. A page can be short or "
        "empty while there is a `next`: 20,000 people are looked at for one page.",
        answer=page_of(MemberSerializer),
        parameters=OF_PAGE,
    )
    def get(self, request: Request, slug: str) -> Response:
        limit, after = read_limit(request), read_cursor(request, UUID)
        key = read_roster().answers.get(slug)
        if key is None:
            find_draft(SEGMENTS, slug)
            return answer_page(request, [], None)
        people = StoredProfile.objects.only("id", "user_id", "segments")
        page = take_page(people, order=("id",), after=after, limit=limit, matching=Q(segments__has_key=key))
        return answer_page(request, [describe_member(each, key) for each in page.rows], page.after)


class Size(Resource):
    tag = TAG

    @operation("getSegmentSize", "Read how many people the segment has and had", answer=SizesSerializer)
    def get(self, request: Request, slug: str) -> Response:
        version = read_number_of(read_roster().answers.get(slug))
        if version is None:
            find_draft(SEGMENTS, slug)
        counted = SegmentSize.objects.filter(segment=slug, version=version or 0).order_by("-hour")[:HOURS]
        hours = [{"hour": hour, "people": size} for hour, size in counted.values_list("hour", "size")]
        people = hours[0]["people"] if hours else None
        return Response({"version": version, "people": people, "hours": hours})


def describe_member(stored: StoredProfile, key: str) -> dict[str, Any]:
    return {"id": stored.id.hex, "userId": stored.user_id, "since": moment(stored.segments[key])}


urlpatterns = [
    *list_addresses(SEGMENTS),
    path("segments/<slug:slug>/members", Members.as_view()),
    path("segments/<slug:slug>/size", Size.as_view()),
]
