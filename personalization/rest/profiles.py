"""The customers: who they are, what they did, where they belong; what is said of them goes through the event log."""

import json
import uuid
from collections.abc import Mapping
from math import isfinite
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from ingestion.refusals import Refusal
from personalization.access import caller_of, operator_of
from personalization.errors import CallRefused, FieldError, refuse_fields
from personalization.paging import read_number, read_time, take_page
from personalization.people import request_erasure
from personalization.rest.fields import OF_PAGE, page_of, read_body
from personalization.rest.pagination import answer_page, read_cursor, read_limit
from personalization.rest.people import (
    ORDER,
    describe_erasure,
    describe_event,
    describe_order,
    describe_person,
    describe_stored,
    find_id,
    load_person,
    read_person,
)
from personalization.rest.profile_forms import (
    ErasureSerializer,
    HappeningSerializer,
    MessagesSerializer,
    OrderSerializer,
    PersonSerializer,
    ProfileChange,
    ProfileSerializer,
)
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from personalization.rest.sending import send_together
from profiles.consent import UPDATED
from profiles.event import anonymous_key, user_key
from profiles.models import StoredProfile
from profiles.pages import Happening, page_past
from segments.queries import read_roster

TAG = "Profiles"
MAX_TERM = 500  # characters of a search
ID = OpenApiParameter(
    "id",
    str,
    OpenApiParameter.PATH,
    description="A profile id; or `u:` with a user id, `a:` with an anonymous id, percent-encoded.",
)
EXAMPLE = {
    "id": "5c1f7a529d1c5e0e8f1a0d3b7f3a9e11",
    "userId": "u1",
    "identifiers": ["u:u1", "a:f00"],
    "firstSeen": "2026-11-01T09:00:00Z",
    "lastSeen": "2026-11-23T12:00:00Z",
    "traits": {"plan": "gold"},
    "consent": {"marketing": {"granted": True, "at": "2026-11-02T08:00:00Z"}},
    "segments": [{"segment": "likes-outdoor", "since": "2026-11-20T10:00:00Z"}],
    "cluster": None,
    "scores": {},
    "behaviour": [
        {
            "event": "Order Completed",
            "count": 1,
            "value": 59.0,
            "first": "2026-11-20T10:00:00Z",
            "last": "2026-11-20T10:00:00Z",
            "recent": [{"at": "2026-11-20T10:00:00Z", "value": 59.0, "properties": {"products.category": ["Outdoor"]}}],
        }
    ],
    "transactions": {"count": 1, "revenue": 59.0, "newest": []},
}


class Profiles(Resource):
    tag = TAG

    @operation(
        "listProfiles",
        "List people, in the order of their ids",
        description="From the durable copies, seconds behind. With `trait`, a page can be short or empty while there "
        "is a `next`: 20,000 people are looked at for one page.",
        answer=page_of(PersonSerializer),
        parameters=[
            *OF_PAGE,
            OpenApiParameter("user_id", str, description="Whoever has this user id, exactly."),
            OpenApiParameter("anonymous_id", str, description="Whoever has this anonymous id, exactly."),
            OpenApiParameter("trait", str, description="`plan:gold`: whose trait is this text, number or truth value."),
        ],
    )
    def get(self, request: Request) -> Response:
        said = request.query_params
        people = StoredProfile.objects.defer("state")
        for name, key in (("user_id", user_key), ("anonymous_id", anonymous_key)):
            if name in said:
                people = people.filter(pk=read_person(key(said[name]), name))
        page = take_page(
            people,
            order=("id",),
            after=read_cursor(request, UUID),
            limit=read_limit(request),
            matching=read_trait(said["trait"]) if "trait" in said else None,
        )
        answers = {key: slug for slug, key in read_roster().answers.items()}
        return answer_page(request, [describe_stored(each, answers) for each in page.rows], page.after)


class Profile(Resource):
    tag = TAG

    @operation(
        "getProfile",
        "Read everything about one person",
        description="Current within a second of the last event. Whoever was merged into somebody else is that person "
        "now; `id` says who. Lists are bounded: 10 recent events of each name, the 10 newest orders.",
        answer=ProfileSerializer,
        parameters=[ID],
        example=EXAMPLE,
    )
    def get(self, request: Request, id: str) -> Response:
        return Response(describe_person(load_person(id)))

    @operation(
        "changeProfile",
        "Set traits and consent of a person",
        description="Traits become an identify event, consent a consent event, both of the key's source; the profile "
        "says so within a second. An identifier by which nobody is known makes a new person.",
        request=ProfileChange,
        answer=MessagesSerializer,
        status=202,
        parameters=[ID],
        codes=("server_busy",),
        sends={"traits": {"plan": "gold"}, "consent": {"marketing": True}},
        example={"messages": [{"type": "identify", "messageId": "8f0c2d61-7f1b-4d38-9b8f-0a3d0f5a7c11"}]},
    )
    def patch(self, request: Request, id: str) -> Response:
        calls = list_calls(read_body(ProfileChange, request.data), name_person(id))
        came_to = send_together([call for _, call in calls], source=caller_of(request).source)
        wrong = [
            FieldError(pointer, each.reason, each.message)
            for (pointer, _), each in zip(calls, came_to, strict=True)
            if isinstance(each, Refusal)
        ]
        if wrong:
            raise refuse_fields(wrong)
        return Response({"messages": [{name: call[name] for name in ("type", "messageId")} for _, call in calls]}, 202)

    @operation(
        "eraseProfile",
        "Erase a person for good",
        description="With whoever became part of them, and whatever is still on its way. The receipt says when it is "
        "done; it is given for somebody unknown, too.",
        answer=ErasureSerializer,
        status=202,
        parameters=[ID],
    )
    def delete(self, request: Request, id: str) -> Response:
        operator = operator_of(request)
        by = caller_of(request).words if operator is None else operator.get_username()
        return Response(describe_erasure(request_erasure(UUID(find_id(id)), by=by, at=timezone.now())), 202)


class ProfileEvents(Resource):
    tag = TAG

    @operation(
        "listProfileEvents",
        "List what the person did, the newest first",
        description="From the archive, seconds behind, with the past of whoever became part of the person.",
        answer=page_of(HappeningSerializer),
        parameters=[ID, *OF_PAGE, OpenApiParameter("event", str, description="Events of this name only.")],
    )
    def get(self, request: Request, id: str) -> Response:
        name = read_term(request.query_params["event"]) if "event" in request.query_params else None
        return answer_past(request, id, name, describe_event)


class ProfileTransactions(Resource):
    tag = TAG

    @operation(
        "listTransactions",
        "List what the person bought, the newest first",
        description=f"The archived events named {ORDER}, with their revenue and products.",
        answer=page_of(OrderSerializer),
        parameters=[ID, *OF_PAGE],
    )
    def get(self, request: Request, id: str) -> Response:
        return answer_past(request, id, ORDER, describe_order)


def answer_past(request: Request, id: str, name: str | None, describe: Any) -> Response:
    """A page of somebody's past. Somebody of whom nothing is known has none."""
    limit = read_limit(request)
    before = read_cursor(request, read_time, read_number)
    found: list[Happening] = page_past(
        UUID(find_id(id)), limit=limit + 1, before=None if before is None else (before[0], before[1]), name=name
    )
    rest = found[limit:]
    rows = found[:limit]
    return answer_page(request, [describe(each) for each in rows], (rows[-1].at, rows[-1].id) if rest else None)


def read_trait(said: str) -> Q:
    """Whose trait has this value: as text, or as the number or truth value that it also is."""
    name, colon, text = read_term(said).partition(":")
    if not name or not colon:
        raise CallRefused("bad_parameter", "write a trait and its value with a colon between: trait=plan:gold")
    matching = Q(traits__contains={name: text})
    try:
        value = json.loads(text, parse_constant=lambda constant: None)
    except (ValueError, RecursionError):
        return matching
    if isinstance(value, (bool, int)) or (isinstance(value, float) and isfinite(value)):
        return matching | Q(traits__contains={name: value})
    return matching


def read_term(said: str) -> str:
    if "\0" in said or len(said) > MAX_TERM:
        raise CallRefused("bad_parameter", f"a term has at most {MAX_TERM} characters, none of them NUL")
    return said


def name_person(id: str) -> dict[str, str]:
    """The identifier by which events name the person; raises CallRefused for a profile that is not known."""
    kind, said = id[:2], id[2:]
    if kind in ("u:", "a:") and said:
        return {"userId" if kind == "u:" else "anonymousId": said}
    profile = load_person(id)
    if profile.user_id is not None:
        return {"userId": profile.user_id}
    device = next((key[2:] for key in profile.identifiers if key.startswith("a:")), None)
    if device is None:
        raise CallRefused("not_found", "nothing is known by which events could name this person")
    return {"anonymousId": device}


def list_calls(said: Mapping[str, Any], ids: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The events that say it, each with the place in the body that it comes from."""
    calls: list[tuple[str, dict[str, Any]]] = []
    if "traits" in said:
        calls.append(("/traits", {"type": "identify", "traits": said["traits"]}))
    if "consent" in said:
        consent = {"consent": {"categoryPreferences": said["consent"]}}
        calls.append(("/consent", {"type": "track", "event": UPDATED, "context": consent}))
    return [(pointer, {**call, **ids, "messageId": str(uuid.uuid4())}) for pointer, call in calls]


urlpatterns = [
    path("profiles", Profiles.as_view()),
    path("profiles/<str:id>", Profile.as_view()),
    path("profiles/<str:id>/events", ProfileEvents.as_view()),
    path("profiles/<str:id>/transactions", ProfileTransactions.as_view()),
]
