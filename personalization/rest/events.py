"""Events that a back end sends with its secret key: one call of the Segment kind or many, each told what it came to."""

from typing import Any

import msgspec
from django.urls import path
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ingestion.parse import BATCH, Body, open_body
from ingestion.refusals import HARMLESS, Refusal, Refused, heed_consent
from personalization.access import caller_of
from personalization.errors import CallRefused, FieldError, refuse_fields
from personalization.rest.bodies import RawBody
from personalization.rest.idempotency import once
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from personalization.rest.sending import count_refusal, send_messages
from personalization.wiring import clock, read_limits
from profiles.consent import Permission
from profiles.event import Event

TOO_LARGE = frozenset({Refused.TOO_LARGE_BODY, Refused.TOO_LARGE_EVENT, Refused.TOO_MANY_EVENTS})
STORED, REFUSED, LEFT_OUT = "stored", "refused", "left_out"
EXAMPLE = {
    "batch": [
        {
            "type": "track",
            "event": "Order Completed",
            "userId": "u1",
            "messageId": "o-17",
            "properties": {"revenue": 59},
        },
        {"type": "identify", "userId": "u1", "traits": {"plan": "gold"}},
    ]
}


class CallSerializer(serializers.Serializer[Any]):
    """A call as Segment's SDKs write it, or many of them in `batch`. docs/reference/http-api.md has every field."""

    batch = serializers.ListField(child=serializers.DictField(), required=False, max_length=5_000)
    type = serializers.ChoiceField(["track", "identify", "page", "screen", "group", "alias"], required=False)
    event = serializers.CharField(required=False)
    userId = serializers.CharField(required=False)
    anonymousId = serializers.CharField(required=False)
    messageId = serializers.CharField(required=False)
    timestamp = serializers.CharField(required=False)
    sentAt = serializers.CharField(required=False)
    properties = serializers.DictField(required=False)
    traits = serializers.DictField(required=False)
    context = serializers.DictField(required=False)  # type: ignore[assignment]  # a field, no attribute


class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of one call."""

    outcome = serializers.ChoiceField([STORED, REFUSED, LEFT_OUT])
    messageId = serializers.CharField(allow_null=True, help_text="Made up here if the call had none.")
    reason = serializers.CharField(required=False, help_text="Why it was not stored.")
    message = serializers.CharField(required=False)


class SentSerializer(serializers.Serializer[Any]):
    stored = serializers.IntegerField()
    items = OutcomeSerializer(many=True, help_text="In the order of the batch.")


class _Shape(msgspec.Struct):
    batch: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Events(Resource):
    tag = "Events"
    parser_classes = [RawBody]

    @operation(
        "sendEvents",
        "Send one event or many",
        description="Takes one call or a batch of them. What is in order is stored, whatever stands beside "
        "it; they are counted once by their messageId, so that sending again is safe.",
        request=CallSerializer,
        answer=SentSerializer,
        status=202,
        others={207: OpenApiResponse(SentSerializer, description="Some were stored; the others say why not")},
        codes=("server_busy",),
        sends=EXAMPLE,
        example={"stored": 1, "items": [{"outcome": "stored", "messageId": "o-17"}]},
    )
    @once
    def post(self, request: Request) -> Response:
        source = caller_of(request).source
        permission = Permission(gpc=request.headers.get("Sec-GPC", "").strip() == "1")
        body, is_batch = open_calls(request.data, source, permission)
        permission = permission._replace(state=body.consent)
        came_to = send_messages(body.messages, source=source, sent_at=body.sent_at, permission=permission)
        wrong = [each for each in came_to if isinstance(each, Refusal) and each.reason not in HARMLESS]
        if wrong and len(wrong) == len(came_to):
            raise refuse_fields(
                FieldError(f"/batch/{place}" if is_batch else "", each.reason, each.message)
                for place, each in enumerate(wrong)
            )
        stored = sum(isinstance(each, Event) for each in came_to)
        return Response(
            {"stored": stored, "items": [describe_outcome(each) for each in came_to]}, 207 if wrong else 202
        )


def open_calls(raw: Any, source: str, permission: Permission) -> tuple[Body, bool]:
    """The calls of a body, and whether they are a batch; raises CallRefused for what is neither, and counts it as one
    refusal."""
    raw = raw if isinstance(raw, bytes) else b"{}"
    try:
        is_batch = msgspec.json.decode(raw, type=_Shape).batch is not msgspec.UNSET
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        is_batch = True  # whatever is wrong is found below
    if not is_batch:
        return Body([raw]), False
    opened = open_body(raw, BATCH, clock(), read_limits())
    if isinstance(opened, Refusal):
        count_refusal(heed_consent(opened, permission), source=source)
        raise CallRefused("too_large" if opened.reason in TOO_LARGE else "bad_json", opened.message)
    if not opened.messages:
        raise refuse_fields([FieldError("/batch", "empty", "the batch has no events")])
    return opened, True


def describe_outcome(each: Event | Refusal) -> dict[str, Any]:
    if isinstance(each, Event):
        return {"outcome": STORED, "messageId": each.id}
    outcome = LEFT_OUT if each.reason in HARMLESS else REFUSED
    return {"outcome": outcome, "messageId": each.message_id, "reason": each.reason, "message": each.message}


urlpatterns = [path("events", Events.as_view())]
