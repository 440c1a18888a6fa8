"""What is live in the draft, asked of past decisions: what it would have shown, before it is published."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.access import operator_of
from personalization.backtesting import cancel_back_test, start_back_test
from personalization.errors import CallRefused
from personalization.paging import read_number, read_time, take_page
from personalization.rest.fields import OF_PAGE, Body, page_of, read_body
from personalization.rest.idempotency import once
from personalization.rest.pagination import answer_page, read_cursor, read_limit
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from rules.models import BackTest

TAG = "Publishing"

Form = serializers.Serializer[Any]


class BackTestBody(Body):
    """The decisions that are asked again: from `since` on, before `until`."""

    since = serializers.DateTimeField(help_text="ISO 8601 with an offset.")
    until = serializers.DateTimeField()

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["since"] >= said["until"]:
            raise serializers.ValidationError({"until": "must be after since"})
        return said


class BackTestSerializer(Form):
    """One back-test, and how far it is."""

    id = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True)
    created = serializers.DateTimeField()
    state = serializers.ChoiceField(BackTest.State.choices)
    seen = serializers.IntegerField(help_text="Decisions that were looked at.")
    total = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)


class BackTestDetailSerializer(BackTestSerializer):
    """One back-test, with what it came to."""

    result = serializers.DictField(allow_null=True, help_text="docs/explanation/decisions.md; null until it is done.")


class BackTests(Resource):
    tag = TAG

    @operation(
        "listBackTests",
        "List what was tried, the newest first",
        answer=page_of(BackTestSerializer),
        parameters=OF_PAGE,
    )
    def get(self, request: Request) -> Response:
        cursor, limit = read_cursor(request, read_time, read_number), read_limit(request)
        page = take_page(list_back_tests(), order=("-created", "-id"), after=cursor, limit=limit)
        return answer_page(request, [describe_back_test(each) for each in page.rows], page.after)

    @operation(
        "startBackTest",
        "Try what is live in the draft on past decisions",
        description="Runs in the background; read it again to see how far it is. Of more than 50,000 decisions those "
        "of a share of all people are asked.",
        request=BackTestBody,
        answer=BackTestDetailSerializer,
        status=201,
        codes=("cannot_publish", "too_many_open"),
        sends={"since": "2026-11-01T00:00:00Z", "until": "2026-11-15T00:00:00Z"},
    )
    @once
    def post(self, request: Request) -> Response:
        said = read_body(BackTestBody, request.data)
        test = start_back_test(**said, by=operator_of(request), at=timezone.now())
        return answer_back_test(test.pk, 201)


class OneBackTest(Resource):
    tag = TAG

    @operation("getBackTest", "Read how far a back-test is, and what it came to", answer=BackTestDetailSerializer)
    def get(self, request: Request, id: int) -> Response:
        return answer_back_test(id)


class CancelBackTest(Resource):
    tag = TAG

    @operation(
        "cancelBackTest",
        "Call a back-test off",
        answer=BackTestDetailSerializer,
        codes=("nothing_to_do",),
    )
    def post(self, request: Request, id: int) -> Response:
        test = find_back_test(id)
        if not cancel_back_test(test, by=operator_of(request)):
            raise CallRefused("nothing_to_do", f"it is {test.get_state_display().lower()} already")
        return answer_back_test(id)


def list_back_tests() -> QuerySet[BackTest]:
    return BackTest.objects.select_related("by").defer("payload", "result")


def find_back_test(id: int) -> BackTest:
    found = BackTest.objects.select_related("by").defer("payload").filter(pk=id).first() if id < 2**63 else None
    if found is None:
        raise CallRefused("not_found", f"there is no back-test {id}")
    return found


def answer_back_test(id: int, status: int = 200) -> Response:
    test = find_back_test(id)
    return Response({**describe_back_test(test), "result": test.result}, status)


def describe_back_test(test: BackTest) -> dict[str, Any]:
    names = ("id", "since", "until", "created", "state", "seen", "total", "error")
    return {"by": None if test.by is None else test.by.get_username(), **{name: getattr(test, name) for name in names}}


urlpatterns = [
    path("back-tests", BackTests.as_view()),
    path("back-tests/<int:id>", OneBackTest.as_view()),
    path("back-tests/<int:id>/cancel", CancelBackTest.as_view()),
]
