"""The page of publishing: what the drafts change, what speaks against it, and publishing it."""

from collections.abc import Callable
from typing import Any

import msgspec
from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from rules.actions import CannotPublish
from rules.definitions import BookPayload
from rules.models import Book, ScheduledPublication
from rules.queries import collect_definitions, list_warnings, newest_book
from rules.review import find_problems
from rules.scheduling import list_waiting as list_scheduled
from segments.conditions.language import BadCondition
from segments.models import Segment
from segments.queries import describe_segment
from studio.models import Review
from studio.pages import StudioRequest, find_by, needs, show
from studio.publish.forms import PublishForm, ScheduleForm
from studio.publish.progress import follow
from studio.publish.queries import count_rows, find_effect_soon, group_alterations, link_remarks
from studio.publish.reviewing import (
    DraftsMoved,
    ReviewRefused,
    ask_for_review,
    fingerprint_of,
    list_other_publishers,
    list_waiting,
    publish_drafts,
)
from studio.roles import Ability

ACTS = ("GET", "HEAD", "POST")  # a GET is somebody who had to sign in first: they are sent to the page


@needs(Ability.LOOK)
def show_publish(request: StudioRequest) -> HttpResponse:
    return show_drafts(request)


def show_drafts(
    request: StudioRequest,
    *,
    note: PublishForm | None = None,
    later: ScheduleForm | None = None,
    reasons: tuple[str, ...] = (),
    moved: bool = False,
) -> HttpResponse:
    """The page, and with what was refused: 422. Everything that was typed is kept; only what was seen is anew."""
    newest, draft = newest_book(), collect_definitions(0)
    groups = group_alterations(newest and newest[1], draft)
    seen = fingerprint_of(draft)
    reviews = list_waiting()
    context: dict[str, Any] = {
        "title": _("Publish"),
        "number": newest and newest[0],
        "groups": groups,
        "count": count_rows(groups),
        "form": _refresh(note, seen) or PublishForm(initial={"seen": seen}),
        "later": _refresh(later, seen) or ScheduleForm(initial={"seen": seen}, auto_id="later_%s"),
        "is_later": later is not None,
        "reviews": reviews,
        "asked": next((each for each in reviews if each.fingerprint == seen), None),
        "mine": next((each for each in reviews if each.asked_by_id == find_by(request).pk), None),
        "has_others": list_other_publishers(find_by(request)).exists(),
        "scheduled": list_scheduled(),
        "reasons": _link(reasons, draft),
        "moved": moved,
    }
    return show(
        request, "studio/publish/drafts.html", context, status=422 if reasons or moved or note or later else 200
    )


def _refresh(form: Any, seen: str) -> Any:
    """The form as it was sent, but for what was seen: its page is shown anew, and so is that."""
    if form is not None:
        form.data = {**form.data.dict(), "seen": seen}
    return form


def _link(reasons: tuple[str, ...], draft: Any) -> Any:
    if not reasons:
        return []
    try:
        return link_remarks(reasons, msgspec.convert(draft, BookPayload))
    except msgspec.ValidationError:
        return [{"text": reason} for reason in reasons]


@needs(Ability.PUBLISH, methods=ACTS)
def publish_now(request: StudioRequest) -> HttpResponse:
    def publish(note: str, seen: str) -> HttpResponse:
        book = publish_drafts(by=request.visitor, at=timezone.now(), note=note, seen=seen)
        told = _("%(book)s is published. Every page works with it within a second.") % {"book": book}
        messages.success(request, told)
        return redirect("studio:book", book.number)

    return _try(request, publish)


@needs(Ability.EDIT, methods=ACTS)
def ask_review(request: StudioRequest) -> HttpResponse:
    def ask(note: str, seen: str) -> HttpResponse:
        review = ask_for_review(by=find_by(request), at=timezone.now(), note=note, seen=seen)
        messages.success(request, _("Asked. Publishers see it now, and you see here what they answer."))
        return redirect("studio:review", review.pk)

    return _try(request, ask)


def _try(request: StudioRequest, act: Callable[[str, str], HttpResponse]) -> HttpResponse:
    """Does with the drafts what the form asks for; where it is refused, its page says why."""
    if request.method != "POST":
        return redirect("studio:publish")
    form = PublishForm(request.POST)
    if not form.is_valid():
        return show_drafts(request, note=form)
    said = form.cleaned_data
    try:
        return act(said["note"], said["seen"])
    except DraftsMoved:
        return show_drafts(request, note=form, moved=True)
    except (CannotPublish, ReviewRefused) as error:
        return show_drafts(request, note=form, reasons=say_reasons(error))


def say_reasons(error: Exception) -> tuple[str, ...]:
    return error.reasons if isinstance(error, CannotPublish) else (str(error),)


@needs(Ability.LOOK)
def show_checks(request: HttpRequest) -> HttpResponse:
    """What speaks against publishing the drafts, and what should be known before."""
    draft = collect_definitions(0)
    try:
        payload = msgspec.convert(draft, BookPayload)
    except msgspec.ValidationError as error:
        return show(request, "studio/publish/checks.html", {"problems": [{"text": str(error)}], "warnings": []})
    context = {
        "problems": link_remarks(find_problems(payload), payload),
        "warnings": link_remarks(list_warnings(payload), payload),
    }
    return show(request, "studio/publish/checks.html", context)


@needs(Ability.LOOK)
def show_effect(request: HttpRequest, slug: str) -> HttpResponse:
    """How many people enter an audience and how many leave it."""
    context: dict[str, Any] = {}
    try:
        context["effect"] = find_effect_soon(slug, _find_definition(request, slug))
    except (BadCondition, OperationalError):
        context["unknown"] = True
    return show(request, "studio/publish/effect.html", context)


def _find_definition(request: HttpRequest, slug: str) -> Any:
    """The segment as the payload in question has it: of the drafts, a Book, a review or what is scheduled."""
    sources: tuple[tuple[str, Any, str], ...] = (
        ("book", Book, "number"),
        ("review", Review, "pk"),
        ("publication", ScheduledPublication, "pk"),
    )
    for name, model, field in sources:
        said = request.GET.get(name, "")
        if said.isascii() and said.isdigit() and len(said) < 10:
            payload = get_object_or_404(model, **{field: int(said)}).payload
            return next((each for each in payload["segments"] if each["slug"] == slug), None)
    segment = Segment.objects.filter(slug=slug, live=True).first()
    return None if segment is None else describe_segment(segment)


@needs(Ability.LOOK)
def show_progress(request: HttpRequest) -> HttpResponse:
    """How audiences come into force; it looks again by itself while something is under way."""
    return show(request, "studio/publish/progress.html", {"progress": follow()})


@needs(Ability.LOOK)
def show_waiting(request: StudioRequest) -> HttpResponse:
    """The number beside Publish in the side bar: reviews that wait for somebody who may publish."""
    count = Review.objects.filter(state=Review.State.WAITING).count() if request.visitor.may(Ability.PUBLISH) else 0
    return show(request, "studio/publish/badge.html", {"count": count})
