"""The event catalogue: what comes in, what is remembered of it, what it must look like."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ingestion.actions import choose_properties, save_event_type
from ingestion.models import EventProperty, EventType
from ingestion.queries import list_indexed
from ingestion.schema_review import find_schema_problem
from personalization.errors import CallRefused, FieldError, escape, refuse_fields
from personalization.paging import read_text, take_page
from personalization.rest.etags import require_match, tag_content
from personalization.rest.fields import OF_PAGE, Body, page_of, read_body
from personalization.rest.pagination import answer_page, read_cursor, read_limit
from personalization.rest.resource import Resource
from personalization.rest.schema import operation

TAG = "Catalogue"
MAX_PATH = 200
MAX_PATHS = 200  # of one event

Form = serializers.Serializer[Any]


class EventTypeSerializer(Form):
    """An event name that was seen or declared."""

    name = serializers.CharField()
    volume = serializers.IntegerField(help_text="Events applied.")
    firstSeen = serializers.DateTimeField(allow_null=True)
    lastSeen = serializers.DateTimeField(allow_null=True)
    schema = serializers.DictField(allow_null=True)


class EventPropertySerializer(Form):
    """A property, as a path (`category`, `products.category`)."""

    path = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    indexed = serializers.BooleanField(help_text="Remembered in profiles, so that conditions can use it.")
    lastSeen = serializers.DateTimeField(allow_null=True)


class EventTypeDetailSerializer(EventTypeSerializer):
    """An event name with its properties. `remembered` has those that need no row of their own, too."""

    properties = EventPropertySerializer(many=True)
    remembered = serializers.ListField(child=serializers.CharField())


class ChoiceBody(Body):
    indexed = serializers.BooleanField()


class EventTypeBody(Body):
    """What operators say of an event."""

    schema = serializers.DictField(
        required=False, allow_null=True, help_text="What its properties look like; docs/reference/catalogue.md."
    )
    properties = serializers.DictField(
        child=ChoiceBody(), required=False, help_text="By path: whether it is remembered. Others stay as they are."
    )

    def validate_schema(self, schema: Any) -> Any:
        if schema is not None and (problem := find_schema_problem(schema)):
            raise serializers.ValidationError(problem, "bad_schema")
        return schema

    def validate_properties(self, properties: Mapping[str, Any]) -> Any:
        if len(properties) > MAX_PATHS:
            raise serializers.ValidationError(f"names more than {MAX_PATHS} paths", "too_many")
        return properties


class Catalogue(Resource):
    tag = TAG

    @operation(
        "listEventTypes", "List every event name, in order", answer=page_of(EventTypeSerializer), parameters=OF_PAGE
    )
    def get(self, request: Request) -> Response:
        cursor, limit = read_cursor(request, read_text), read_limit(request)
        page = take_page(EventType.objects.all(), order=("name",), after=cursor, limit=limit)
        return answer_page(request, [describe_event_type(each) for each in page.rows], page.after)


class OneEventType(Resource):
    tag = TAG

    @operation(
        "getEventType",
        "Read one event name, with its properties",
        description="The ETag is of what operators say of it, not of what is counted.",
        answer=EventTypeDetailSerializer,
    )
    def get(self, request: Request, name: str) -> Response:
        return answer_event_type(find_event_type(name))

    @operation(
        "changeEventType",
        "Choose what is remembered and asked of the event",
        description="Holds from within a second; what is remembered from now on is brought out of the past too.",
        request=EventTypeBody,
        answer=EventTypeDetailSerializer,
        tagged=True,
        sends={"properties": {"colour": {"indexed": True}}, "schema": {"required": ["product_id"]}},
    )
    def patch(self, request: Request, name: str) -> Response:
        said = read_body(EventTypeBody, request.data)
        with transaction.atomic():
            event_type = find_event_type(name, held=True)
            known = list(event_type.properties.order_by("path"))
            require_match(request, tag_event_type(event_type, known))
            chosen = choose(event_type, known, said.get("properties", {}))
            if "schema" in said:
                event_type.schema = said["schema"]
                save_event_type(event_type)
            if chosen:
                choose_properties(chosen)
        return answer_event_type(find_event_type(name))


def choose(event_type: EventType, known: list[EventProperty], said: Mapping[str, Any]) -> list[EventProperty]:
    """The properties as they are to be; those that were never seen are declared. Raises CallRefused for no path."""
    by_path = {each.path: each for each in known}
    wrong = [
        FieldError(
            f"/properties/{escape(each)}", "bad_path", f"a property or list.field, at most {MAX_PATH} characters"
        )
        for each in said
        if not 0 < len(each) <= MAX_PATH or each.count(".") > 1
    ]
    if wrong:
        raise refuse_fields(wrong)
    if len({*by_path, *said}) > MAX_PATHS:
        raise refuse_fields([FieldError("/properties", "too_many", f"an event has at most {MAX_PATHS} properties")])
    chosen = []
    for place, choice in said.items():
        each = by_path.get(place) or EventProperty(event_type=event_type, path=place)
        each.indexed = choice["indexed"]
        chosen.append(each)
    return chosen


def find_event_type(name: str, *, held: bool = False) -> EventType:
    types = EventType.objects.select_for_update() if held else EventType.objects.all()
    found = None if "\0" in name else types.filter(name=name).first()
    if found is None:
        raise CallRefused("not_found", "no event of this name was seen or declared")
    return found


def answer_event_type(event_type: EventType) -> Response:
    properties = list(event_type.properties.order_by("path"))
    said = {
        **describe_event_type(event_type),
        "properties": [
            {"path": each.path, "types": each.types, "indexed": each.indexed, "lastSeen": each.last_seen}
            for each in properties
        ],
        "remembered": list(list_indexed(event_type.name)),
    }
    return Response(said, headers={"ETag": tag_event_type(event_type, properties)})


def tag_event_type(event_type: EventType, properties: list[EventProperty]) -> str:
    return tag_content([event_type.schema, {each.path: each.indexed for each in properties}])


def describe_event_type(event_type: EventType) -> dict[str, Any]:
    return {
        "name": event_type.name,
        "volume": event_type.volume,
        "firstSeen": event_type.first_seen,
        "lastSeen": event_type.last_seen,
        "schema": event_type.schema,
    }


urlpatterns = [
    path("catalogue", Catalogue.as_view()),
    path("catalogue/<path:name>", OneEventType.as_view()),
]
