"""The pages of what is scheduled: when, by whom, what it will say, what became of it; and calling it off."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.locks import PUBLISH_BOOK, take_turns
from rules.actions import CannotPublish
from rules.models import ScheduledPublication
from rules.queries import collect_definitions
from rules.scheduling import cancel_publication, schedule_publication
from segments.moments import say_moment
from studio.lists import Column, Filter, Listing
from studio.pages import StudioRequest, find_by, needs, show
from studio.publish.forms import ScheduleForm
from studio.publish.queries import count_rows, group_alterations
from studio.publish.reviewing import fingerprint_of
from studio.publish.views import ACTS, show_drafts
from studio.roles import Ability

LOOKS = {"waiting": "tag-info", "published": "tag-success", "failed": "tag-error", "cancelled": ""}
STATES = (
    ("waiting", gettext_lazy("Waiting")),
    ("published", gettext_lazy("Published")),
    ("failed", gettext_lazy("Failed")),
    ("cancelled", gettext_lazy("Cancelled")),
)
LISTING = Listing(
    columns=(
        Column(gettext_lazy("When"), ("at",)),
        Column(gettext_lazy("State"), ("state",)),
        Column(gettext_lazy("Note")),
        Column(gettext_lazy("By"), ("by__username",)),
        Column(gettext_lazy("What became of it")),
    ),
    search=("note", "by__username"),
    filters=(Filter("state", gettext_lazy("Any state"), STATES, lambda rows, value: rows.filter(state=value)),),
    sort="-at",
)


@needs(Ability.LOOK)
def show_scheduled(request: HttpRequest) -> HttpResponse:
    rows = ScheduledPublication.objects.select_related("by", "book").defer("payload", "base", "book__payload")
    context = {"title": _("Scheduled"), "listing": LISTING.show(request, rows), "looks": LOOKS}
    return show(request, "studio/publish/scheduled.html", context)


@needs(Ability.LOOK)
def show_publication(request: HttpRequest, number: int) -> HttpResponse:
    rows = ScheduledPublication.objects.select_related("by", "book").defer("book__payload")
    publication: Any = get_object_or_404(rows, pk=number)
    is_waiting = publication.state == ScheduledPublication.State.WAITING
    of = f"?publication={number}" if is_waiting else ""
    groups = group_alterations(publication.base, publication.payload, of=of)
    context = {
        "title": _("Publication at %(at)s") % {"at": say_moment(publication.at)},
        "publication": publication,
        "look": LOOKS[publication.state],
        "is_waiting": is_waiting,
        "groups": groups,
        "count": count_rows(groups),
    }
    return show(request, "studio/publish/publication.html", context)


@needs(Ability.PUBLISH, methods=ACTS)
def schedule(request: StudioRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("studio:publish")
    form = ScheduleForm(request.POST, auto_id="later_%s")
    if not form.is_valid():
        return show_drafts(request, later=form)
    said = form.cleaned_data
    try:
        with transaction.atomic():
            take_turns(PUBLISH_BOOK)
            if said["seen"] and fingerprint_of(collect_definitions(0)) != said["seen"]:
                return show_drafts(request, later=form, moved=True)
            publication = schedule_publication(
                at=said["at"], by=find_by(request), now=timezone.now(), note=said["note"]
            )
    except CannotPublish as error:
        return show_drafts(request, later=form, reasons=error.reasons)
    moment = say_moment(publication.at)
    messages.success(
        request, _("What is live now is published on %(at)s, whatever you draft until then.") % {"at": moment}
    )
    return redirect("studio:publication", publication.pk)


@needs(Ability.PUBLISH, methods=ACTS)
def cancel(request: StudioRequest, number: int) -> HttpResponse:
    if request.method == "POST":
        publication = get_object_or_404(ScheduledPublication, pk=number)
        if cancel_publication(publication, by=find_by(request)):
            messages.success(request, _("Cancelled: nothing will be published. The drafts stay as they are."))
        else:
            state = publication.get_state_display().lower()
            messages.error(request, _("It is too late: it is %(state)s already.") % {"state": state})
    return redirect("studio:publication", number)
