"""What is in force and what was: Books, publishing now or later, going back, and what publishing would change."""

from dataclasses import asdict
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet
from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.access import operator_of, say_caller
from personalization.errors import CallRefused
from personalization.paging import read_number, read_time, take_page
from personalization.rest.etags import answer_tagged
from personalization.rest.fields import OF_PAGE, Body, page_of, read_body
from personalization.rest.idempotency import once
from personalization.rest.pagination import answer_page, read_cursor, read_limit
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from rules.actions import publish_book, roll_back
from rules.definitions import BookPayload
from rules.models import Book, ScheduledPublication
from rules.queries import collect_definitions, list_draft_changes, list_warnings
from rules.review import Change, find_problems
from rules.scheduling import cancel_publication, schedule_publication

TAG = "Publishing"
NOTE = 200

Form = serializers.Serializer[Any]


class BookSerializer(Form):
    """What was published at one moment."""

    number = serializers.IntegerField()
    published = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    inForce = serializers.BooleanField()
    payload = serializers.DictField(required=False, help_text="Every definition; of a single Book.")


class PublishBody(Body):
    note = serializers.CharField(max_length=NOTE, allow_blank=True, required=False)


class ScheduleBody(PublishBody):
    at = serializers.DateTimeField(help_text="ISO 8601 with an offset.")


class PublicationSerializer(Form):
    """What is going to be published, or was at the moment that was set."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    note = serializers.CharField(allow_blank=True)
    by = serializers.CharField(allow_null=True)
    created = serializers.DateTimeField()
    state = serializers.ChoiceField(ScheduledPublication.State.choices)
    book = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_blank=True)


class ChangeSerializer(Form):
    """One definition that differs from the Book in force."""

    kind = serializers.CharField()
    name = serializers.CharField()
    what = serializers.ChoiceField(["new", "changed", "removed"])
    fields = serializers.ListField(  # type: ignore[assignment]  # a field, no attribute
        child=serializers.CharField()
    )
    type = serializers.CharField(allow_blank=True, help_text="What a segment is that is no condition.")


class ChangesSerializer(Form):
    book = serializers.IntegerField(allow_null=True, help_text="The Book in force; null before the first.")
    changes = ChangeSerializer(many=True)


class WarningsSerializer(Form):
    problems = serializers.ListField(child=serializers.CharField(), help_text="Why it cannot be published.")
    warnings = serializers.ListField(child=serializers.CharField(), help_text="What should be known before.")


class Books(Resource):
    tag = TAG

    @operation(
        "listBooks", "List what was published, the newest first", answer=page_of(BookSerializer), parameters=OF_PAGE
    )
    def get(self, request: Request) -> Response:
        books = Book.objects.select_related("published_by").defer("payload")
        cursor = read_cursor(request, read_number)
        page = take_page(books, order=("-number",), after=cursor, limit=read_limit(request))
        newest = find_newest_number()
        return answer_page(request, [describe_book(each, newest) for each in page.rows], page.after)


class OneBook(Resource):
    tag = TAG

    @operation("getBook", "Read one Book, with everything it says", answer=BookSerializer, tagged=True)
    def get(self, request: Request, number: int) -> Response:
        return answer_book(request, find_book(number), find_newest_number())


class CurrentBook(Resource):
    tag = TAG

    @operation("getCurrentBook", "Read the Book in force", answer=BookSerializer, tagged=True, codes=("not_found",))
    def get(self, request: Request) -> Response:
        newest = find_newest_number()
        if newest is None:
            raise CallRefused("not_found", "nothing was published yet")
        return answer_book(request, find_book(newest), newest)


class Publish(Resource):
    tag = TAG

    @operation(
        "publish",
        "Publish what is live",
        description="It is in force within a second; segments that are new or changed answer once they are filled.",
        request=PublishBody,
        answer=BookSerializer,
        status=201,
        codes=("cannot_publish", "nothing_to_do"),
        sends={"note": "Summer sale"},
    )
    @once
    def post(self, request: Request) -> Response:
        note = read_body(PublishBody, request.data).get("note", "")
        newest, changes = list_draft_changes()
        if newest is not None and not changes:
            raise CallRefused("nothing_to_do", f"Book {newest} says already what is live")
        book = publish_book(by=operator_of(request), at=timezone.now(), note=note or say_caller(request))
        return Response(describe_book(book, book.number), 201)


class RollBack(Resource):
    tag = TAG

    @operation(
        "rollBack",
        "Publish what an older Book says, under a number of its own",
        answer=BookSerializer,
        status=201,
        codes=("cannot_publish", "nothing_to_do"),
    )
    @once
    def post(self, request: Request, number: int) -> Response:
        book = find_book(number)
        if number == find_newest_number():
            raise CallRefused("nothing_to_do", f"{book} is in force already")
        with transaction.atomic():
            again = roll_back(to=book, by=operator_of(request), at=timezone.now())
        return Response(describe_book(again, again.number), 201)


class Publications(Resource):
    tag = TAG

    @operation(
        "listPublications",
        "List what is scheduled and was, the latest moment first",
        answer=page_of(PublicationSerializer),
        parameters=OF_PAGE,
    )
    def get(self, request: Request) -> Response:
        cursor, limit = read_cursor(request, read_time, read_number), read_limit(request)
        page = take_page(list_publications(), order=("-at", "-id"), after=cursor, limit=limit)
        return answer_page(request, [describe_publication(each) for each in page.rows], page.after)

    @operation(
        "schedulePublication",
        "Publish what is live now at a later moment",
        description="The drafts may change meanwhile. What others publish until then stays.",
        request=ScheduleBody,
        answer=PublicationSerializer,
        status=201,
        codes=("cannot_publish",),
        sends={"at": "2026-11-27T08:00:00+01:00", "note": "Black Friday"},
    )
    @once
    def post(self, request: Request) -> Response:
        said = read_body(ScheduleBody, request.data)
        note = said.get("note") or say_caller(request)
        publication = schedule_publication(at=said["at"], by=operator_of(request), now=timezone.now(), note=note)
        return Response(describe_publication(publication), 201)


class OnePublication(Resource):
    tag = TAG

    @operation("getPublication", "Read one scheduled publication", answer=PublicationSerializer)
    def get(self, request: Request, id: int) -> Response:
        return Response(describe_publication(find_publication(id)))

    @operation("cancelPublication", "Call a scheduled publication off", status=204, codes=("nothing_to_do",))
    def delete(self, request: Request, id: int) -> Response:
        publication = find_publication(id)
        if not cancel_publication(publication, by=operator_of(request)):
            raise CallRefused("nothing_to_do", f"it is {publication.get_state_display().lower()} already")
        return Response(status=204)


class Changes(Resource):
    tag = TAG

    @operation("listChanges", "List how what is live differs from the Book in force", answer=ChangesSerializer)
    def get(self, request: Request) -> Response:
        number, changes = list_draft_changes()
        return Response({"book": number, "changes": [describe_change(each) for each in changes]})


class Warnings(Resource):
    tag = TAG

    @operation(
        "listWarnings",
        "List what speaks against publishing, and what should be known before",
        answer=WarningsSerializer,
    )
    def get(self, request: Request) -> Response:
        try:
            payload = msgspec.convert(collect_definitions(0), BookPayload)
        except msgspec.ValidationError as error:
            return Response({"problems": [str(error)], "warnings": []})
        return Response({"problems": find_problems(payload), "warnings": list_warnings(payload)})


def describe_change(change: Change) -> dict[str, Any]:
    return {**asdict(change), "fields": list(change.fields)}


def find_book(number: int) -> Book:
    book = Book.objects.select_related("published_by").filter(number=number).first() if number < 2**31 else None
    if book is None:
        raise CallRefused("not_found", f"there is no Book {number}")
    return book


def find_newest_number() -> int | None:
    return Book.objects.order_by("-number").values_list("number", flat=True).first()


def answer_book(request: Request, book: Book, newest: int | None) -> Response:
    """Whether it is in force is part of the answer, and so of the tag."""
    said = {**describe_book(book, newest), "payload": book.payload}
    return answer_tagged(request, said, f'"{book.number}-{newest}"')


def describe_book(book: Book, newest: int | None) -> dict[str, Any]:
    return {
        "number": book.number,
        "published": book.published,
        "by": None if book.published_by is None else book.published_by.get_username(),
        "note": book.note,
        "inForce": book.number == newest,
    }


def list_publications() -> QuerySet[ScheduledPublication]:
    return ScheduledPublication.objects.select_related("by", "book").defer("payload", "base", "book__payload")


def find_publication(id: int) -> ScheduledPublication:
    found = list_publications().filter(pk=id).first() if id < 2**63 else None
    if found is None:
        raise CallRefused("not_found", f"there is no publication {id}")
    return found


def describe_publication(publication: ScheduledPublication) -> dict[str, Any]:
    return {
        "id": publication.pk,
        "at": publication.at,
        "note": publication.note,
        "by": None if publication.by is None else publication.by.get_username(),
        "created": publication.created,
        "state": publication.state,
        "book": None if publication.book is None else publication.book.number,
        "error": publication.error,
    }


urlpatterns = [
    path("books", Books.as_view()),
    path("books/current", CurrentBook.as_view()),
    path("books/<int:number>", OneBook.as_view()),
    path("books/<int:number>/roll-back", RollBack.as_view()),
    path("publish", Publish.as_view()),
    path("publications", Publications.as_view()),
    path("publications/<int:id>", OnePublication.as_view()),
    path("changes", Changes.as_view()),
    path("warnings", Warnings.as_view()),
]
