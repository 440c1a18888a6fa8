"""The pages of Books: what was published, what each says, and going back to one."""

from typing import Any

import msgspec
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.audit import Act, record_act
from rules.actions import CannotPublish, build_again, roll_back
from rules.comparing import say_value
from rules.definitions import BookPayload
from rules.models import Book
from rules.queries import newest_book
from segments.in_words import say_definition
from segments.models import Build
from studio.lists import Column, Listing
from studio.pages import StudioRequest, find_by, needs, show
from studio.publish.queries import count_rows, group_alterations
from studio.publish.views import ACTS
from studio.roles import Ability

LISTING = Listing(
    columns=(
        Column(gettext_lazy("Book"), ("number",)),
        Column(gettext_lazy("Published"), ("published",)),
        Column(gettext_lazy("By"), ("published_by__username",)),
        Column(gettext_lazy("Note")),
    ),
    search=("note", "published_by__username"),
    sort="-number",
)


@needs(Ability.LOOK)
def show_books(request: HttpRequest) -> HttpResponse:
    context = {"title": _("Books"), "listing": LISTING.show(request, _list_books()), "newest": _find_newest()}
    return show(request, "studio/publish/books.html", context)


@needs(Ability.LOOK)
def show_book(request: HttpRequest, number: int) -> HttpResponse:
    """What it says; how it differs from the one before, and from what is in force."""
    book: Book = get_object_or_404(Book.objects.select_related("published_by"), number=number)
    newest = _find_newest()
    before = Book.objects.filter(number__lt=number).order_by("-number").first()
    context: dict[str, Any] = {
        "title": str(book),
        "book": book,
        "newest": newest,
        "is_newest": newest == number,
        "before": before,
        "groups": group_alterations(None if before is None else before.payload, book.payload, of=None),
        **_tell(book),
    }
    context["count"] = count_rows(context["groups"])
    return show(request, "studio/publish/book.html", context)


@needs(Ability.PUBLISH, methods=ACTS)
def show_roll_back(request: StudioRequest, number: int) -> HttpResponse:
    """What would change, and with POST: the older Book is in force again, under a number of its own."""
    book: Book = get_object_or_404(Book.objects.select_related("published_by"), number=number)
    newest = newest_book()
    if newest is None or newest[0] == number:
        messages.info(request, _("%(book)s is in force already.") % {"book": book})
        return redirect("studio:book", number)
    reasons: tuple[str, ...] = ()
    if request.method == "POST":
        try:
            again = roll_back(to=book, by=find_by(request), at=timezone.now())
        except CannotPublish as error:
            reasons = error.reasons
        else:
            said = _("%(again)s is published: it says what %(book)s said. The drafts stay as they are.")
            messages.success(request, said % {"again": again, "book": book})
            return redirect("studio:book", again.number)
    groups = group_alterations(newest[1], book.payload, of=f"?book={number}")
    context = {
        "title": _("Roll back to %(book)s") % {"book": book},
        "book": book,
        "newest": newest[0],
        "groups": groups,
        "count": count_rows(groups),
        "reasons": reasons,
    }
    return show(request, "studio/publish/roll_back.html", context, status=422 if reasons else 200)


@needs(Ability.PUBLISH, methods=ACTS)
def build_once_more(request: StudioRequest, number: int) -> HttpResponse:
    """What a build was for that failed or was cancelled is tried again."""
    if request.method == "POST":
        by, at = find_by(request), timezone.now()
        with transaction.atomic():
            build = build_again(get_object_or_404(Build, pk=number), at=at)
            if build is not None:
                record_act(Act.STARTED, by=by, at=at, kind="build", subject=str(build.pk), name=str(build))
        if build is None:
            messages.info(request, _("There is nothing to do: all is in force, or another build is at it."))
        else:
            messages.success(request, _("It is tried again."))
    return redirect("studio:publish")


def _list_books() -> QuerySet[Book]:
    return Book.objects.select_related("published_by").defer("payload")


def _find_newest() -> int | None:
    return Book.objects.order_by("-number").values_list("number", flat=True).first()


def _tell(book: Book) -> dict[str, Any]:
    """What it says, in words: rules by slot in the order of their turn, and who is in each audience."""
    try:
        payload = msgspec.convert(book.payload, BookPayload)
    except msgspec.ValidationError as error:
        return {"unreadable": str(error)}
    rules: dict[str, list[dict[str, Any]]] = {slug: [] for slug in sorted(payload.slots)}
    blocks = {slug: each.name or slug for slug, each in payload.blocks.items()}
    for rule in sorted(payload.rules, key=lambda rule: (-rule.priority, rule.slug)):
        rules.setdefault(rule.slot, []).append(
            {
                "rule": rule,
                "block": blocks.get(rule.block, rule.block),
                "when": say_value("rule", "condition", rule.condition),
                "starts": rule.starts and say_value("rule", "starts", rule.starts),
                "ends": rule.ends and say_value("rule", "ends", rule.ends),
                "caps": rule.caps and say_value("rule", "caps", msgspec.to_builtins(rule.caps)),
                "offer": rule.offer and (payload.offers[rule.offer].name or rule.offer),
            }
        )
    slots = [
        {
            "slug": slug,
            "name": payload.slots[slug].name or slug if slug in payload.slots else slug,
            "default": blocks.get(payload.slots[slug].default or "") if slug in payload.slots else None,
            "rules": found,
        }
        for slug, found in rules.items()
    ]
    segments = [
        {"segment": each, "words": say_definition(each.kind, each.condition, each.as_of)} for each in payload.segments
    ]
    return {"slots": slots, "segments": segments}
