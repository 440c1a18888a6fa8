"""The pages of reviews: what was asked for, whether the drafts still are that, and what a publisher answers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.writing import write_minute
from rules.actions import CannotPublish
from rules.models import Book
from rules.queries import collect_definitions, newest_book
from studio.lists import Column, Filter, Listing
from studio.models import Review
from studio.pages import StudioRequest, find_by, needs, show
from studio.publish.forms import ApproveForm, DeclineForm
from studio.publish.queries import count_rows, group_alterations
from studio.publish.reviewing import (
    DraftsMoved,
    ReviewRefused,
    approve_review,
    decline_review,
    find_obstacle,
    fingerprint_of,
    withdraw_review,
)
from studio.publish.views import ACTS, say_reasons
from studio.roles import Ability

LOOKS = {"waiting": "tag-warning", "approved": "tag-success", "declined": "tag-error", "withdrawn": ""}
STATES = (
    ("waiting", gettext_lazy("Waiting")),
    ("approved", gettext_lazy("Approved")),
    ("declined", gettext_lazy("Declined")),
    ("withdrawn", gettext_lazy("Withdrawn")),
)
LISTING = Listing(
    columns=(
        Column(gettext_lazy("Asked"), ("at",)),
        Column(gettext_lazy("By"), ("asked_by__username",)),
        Column(gettext_lazy("Note")),
        Column(gettext_lazy("State"), ("state",)),
        Column(gettext_lazy("Answered by")),
        Column(gettext_lazy("Comment")),
    ),
    search=("note", "comment", "asked_by__username", "decided_by__username"),
    filters=(Filter("state", gettext_lazy("Any state"), STATES, lambda rows, value: rows.filter(state=value)),),
    sort="-at",
)


@needs(Ability.LOOK)
def show_reviews(request: HttpRequest) -> HttpResponse:
    rows = Review.objects.select_related("asked_by", "decided_by", "book").defer("payload", "book__payload")
    context = {"title": _("Reviews"), "listing": LISTING.show(request, rows), "looks": LOOKS}
    return show(request, "studio/publish/reviews.html", context)


@needs(Ability.LOOK)
def show_review(request: StudioRequest, number: int) -> HttpResponse:
    return _show(request, _find(number))


def _find(number: int) -> Review:
    reviews = Review.objects.select_related("asked_by", "decided_by", "book").defer("book__payload")
    review: Review = get_object_or_404(reviews, pk=number)
    return review


def _show(
    request: StudioRequest,
    review: Review,
    *,
    approve: ApproveForm | None = None,
    decline: DeclineForm | None = None,
    reasons: tuple[str, ...] = (),
    moved: bool = False,
) -> HttpResponse:
    """With what was refused: 422."""
    is_waiting = review.state == Review.State.WAITING
    newest = newest_book()
    context: dict[str, Any] = {
        "title": _("Review of %(at)s") % {"at": write_minute(review.at)},
        "review": review,
        "look": LOOKS[review.state],
        "is_waiting": is_waiting,
        "number": newest and newest[0],
        "groups": group_alterations(_find_base(review), review.payload, of=f"?review={review.pk}"),
        "reasons": reasons,
        "moved": moved,
        "is_mine": review.asked_by_id == find_by(request).pk,
    }
    context["count"] = count_rows(context["groups"])
    if is_waiting:
        draft = collect_definitions(0)
        seen = fingerprint_of(draft)
        if seen != review.fingerprint:
            context["since"] = group_alterations(review.payload, draft)
        if approve is not None:
            approve.data = {"comment": approve.data.get("comment", ""), "seen": seen}
        context["approve"] = approve or ApproveForm(initial={"seen": seen}, auto_id="approve_%s")
        context["decline"] = decline or DeclineForm(auto_id="decline_%s")
        context["obstacle"] = find_obstacle(review, request.visitor)
    return show(request, "studio/publish/review.html", context, status=422 if approve or decline or reasons else 200)


def _find_base(review: Review) -> Any:
    """The payload that it is told against: of what was published, that of the Book before; else of what is in force."""
    if review.book is not None:
        before = Book.objects.filter(number__lt=review.book.number).order_by("-number").first()
        return None if before is None else before.payload
    newest = newest_book()
    return newest and newest[1]


@needs(Ability.PUBLISH, methods=ACTS)
def approve(request: StudioRequest, number: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("studio:review", number)
    review, form = _find(number), ApproveForm(request.POST, auto_id="approve_%s")
    if not form.is_valid():
        return _show(request, review, approve=form)
    said = form.cleaned_data
    try:
        book = approve_review(review, by=request.visitor, at=timezone.now(), seen=said["seen"], comment=said["comment"])
    except DraftsMoved:
        return _show(request, review, approve=form, moved=True)
    except (ReviewRefused, CannotPublish) as error:
        review.refresh_from_db()
        return _show(request, review, approve=form, reasons=say_reasons(error))
    messages.success(request, _("Approved: %(book)s is published.") % {"book": book})
    return redirect("studio:book", book.number)


@needs(Ability.PUBLISH, methods=ACTS)
def decline(request: StudioRequest, number: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("studio:review", number)
    review, form = _find(number), DeclineForm(request.POST, auto_id="decline_%s")
    if not form.is_valid():
        return _show(request, review, decline=form)
    try:
        decline_review(review, by=find_by(request), at=timezone.now(), comment=form.cleaned_data["comment"])
    except ReviewRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Declined. Whoever has asked reads your comment; the drafts stay as they are."))
    return redirect("studio:review", number)


@needs(Ability.EDIT, methods=ACTS)
def withdraw(request: StudioRequest, number: int) -> HttpResponse:
    if request.method == "POST":
        try:
            withdraw_review(_find(number), by=find_by(request), at=timezone.now())
        except ReviewRefused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Withdrawn. Your drafts stay as they are."))
    return redirect("studio:review", number)
