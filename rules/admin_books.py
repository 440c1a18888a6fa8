"""The operators' pages of Books: what is in force, publishing what is live, and going back."""

from typing import Any

import msgspec
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.text import format_lazy
from django.views.decorators.http import require_http_methods

from profiles.admin import ModelAdmin
from profiles.organisation import lazy_zone
from rules.actions import CannotPublish, publish_book, roll_back
from rules.admin_drafts import find_user
from rules.definitions import BookPayload
from rules.models import Book
from rules.queries import collect_definitions, list_warnings, newest_book
from rules.review import find_problems, list_changes
from rules.scheduling import list_waiting, schedule_publication
from segments.in_words import say_definition, say_stored
from segments.moments import say_moment

PUBLISH = "rules.add_book"
IN_FORCE = "Every process works with it within a second."


def say_when(condition: object) -> str:
    """When a rule holds, in words."""
    return "for everybody" if condition is None else say_stored(condition)


class PublishForm(forms.Form):
    note = forms.CharField(
        max_length=200,
        required=False,
        help_text="What this is for; it stays beside the Book.",
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
    )


class ScheduleForm(PublishForm):
    """When it is to be published later."""

    at = forms.DateTimeField(
        label="At",
        help_text=format_lazy(
            "By the clocks of {zone}. What is live now is published then, whatever is drafted meanwhile; what others "
            "publish before stays.",
            zone=lazy_zone(),
        ),
        input_formats=("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"),
        widget=forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )


class BookAdmin(ModelAdmin):
    """A list of what was published. Books are made by publishing, and never change."""

    list_display = ("title", "state", "published", "publisher", "note")
    list_display_links = ("title",)
    list_select_related = ("published_by",)
    list_per_page = 50
    show_full_result_count = False
    fields = ("number", "state", "published", "publisher", "note", "contents")
    ordering = ("-number",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Book]:
        newest = Book.objects.order_by("-number").values("number")[:1]
        books: QuerySet[Book] = super().get_queryset(request)
        return books.annotate(newest=Subquery(newest)).defer("payload")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # not with a form: publishing has a page of its own

    def has_change_permission(self, request: HttpRequest, obj: Book | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Book | None = None) -> bool:
        return False

    @admin.display(description="Book", ordering="number")
    def title(self, book: Book) -> str:
        return str(book)

    @admin.display(description="State")
    def state(self, book: Any) -> str:
        return "in force" if book.number == book.newest else "-"

    @admin.display(description="By")
    def publisher(self, book: Book) -> str:
        return str(book.published_by or "the product")

    @admin.display(description="What it says")
    def contents(self, book: Book) -> str:
        try:
            payload = msgspec.convert(book.payload, BookPayload)
        except msgspec.ValidationError as error:
            return f"cannot be read: {error}"
        rules = [
            {"rule": rule, "words": say_when(rule.condition)}
            for rule in sorted(payload.rules, key=lambda rule: (rule.slot, -rule.priority, rule.slug))
        ]
        segments = [
            {"segment": each, "words": say_definition(each.kind, each.condition, each.as_of)}
            for each in payload.segments
        ]
        return render_to_string("admin/rules/book/contents.html", {"rules": rules, "segments": segments})

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("publish/", wrap(self.show_publish), name="rules_book_publish"),
            path("<int:number>/roll-back/", wrap(self.show_roll_back), name="rules_book_roll_back"),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_publish(self, request: HttpRequest) -> HttpResponseBase:
        """What would change, and with POST: it is published, or every reason why not is said."""
        self._require_publisher(request)
        if "_schedule" in request.POST:
            form: PublishForm = ScheduleForm(request.POST)
            if form.is_valid() and self._schedule(request, form.cleaned_data):
                return redirect("admin:rules_scheduledpublication_changelist")
        else:
            form = PublishForm(request.POST or None)
        if request.method == "POST" and "_schedule" not in request.POST and form.is_valid():
            try:
                with transaction.atomic():
                    book = publish_book(by=find_user(request), at=timezone.now(), note=form.cleaned_data["note"])
                    self.log_addition(request, book, "Published.")
            except CannotPublish as error:
                _say_reasons(request, error)
            else:
                messages.success(request, f"{book} is published. {IN_FORCE}")
                return redirect("admin:rules_book_changelist")
        newest = newest_book()
        draft = collect_definitions(0)
        payload = msgspec.convert(draft, BookPayload)
        context = {
            "title": "Publish",
            "form": form,
            "number": newest[0] if newest else None,
            "changes": list_changes(newest[1] if newest else None, draft),
            "problems": [] if request.method == "POST" else find_problems(payload),
            "warnings": list_warnings(payload),
            "later": form if isinstance(form, ScheduleForm) else ScheduleForm(),
            "scheduled": list_waiting(),
        }
        return self._show(request, "publish", context)

    def _schedule(self, request: HttpRequest, said: dict[str, Any]) -> bool:
        """Whether it is scheduled; every reason why not is said."""
        try:
            with transaction.atomic():
                publication = schedule_publication(
                    at=said["at"], by=find_user(request), now=timezone.now(), note=said["note"]
                )
                self.log_addition(request, publication, "Scheduled.")
        except CannotPublish as error:
            _say_reasons(request, error, "Nothing was scheduled:")
            return False
        moment = say_moment(publication.at)
        messages.success(request, f"What is live now is published on {moment}, whatever you draft until then.")
        return True

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_roll_back(self, request: HttpRequest, number: int) -> HttpResponseBase:
        """What would change, and with POST: the older Book is in force again, under a number of its own."""
        self._require_publisher(request)
        book = get_object_or_404(Book, number=number)
        newest = newest_book()
        if newest is None or newest[0] == number:
            messages.info(request, f"{book} is in force already.")
            return redirect("admin:rules_book_changelist")
        if request.method == "POST":
            try:
                with transaction.atomic():
                    again = roll_back(to=book, by=find_user(request), at=timezone.now())
                    self.log_addition(request, again, f"Rolled back to {book}.")
            except CannotPublish as error:
                _say_reasons(request, error)
            else:
                messages.success(request, f"{again} is published: it says what {book} said. {IN_FORCE}")
                return redirect("admin:rules_book_changelist")
        changes = list_changes(newest[1], book.payload)
        context = {"title": f"Roll back to {book}", "book": book, "number": newest[0], "changes": changes}
        return self._show(request, "roll_back", context)

    def _require_publisher(self, request: HttpRequest) -> None:
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied

    def _show(self, request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/rules/book/{page}.html", {**common, **context})


def _say_reasons(request: HttpRequest, error: CannotPublish, what: str = "Nothing was published:") -> None:
    messages.error(request, what)
    for reason in error.reasons:
        messages.error(request, reason)
