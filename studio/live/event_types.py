"""One event of the catalogue: its properties and what is remembered of them, its schema, the past that is filled in."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from ingestion import operating
from ingestion.catalogue import MAX_PATHS
from ingestion.models import EventProperty, EventType, Source
from ingestion.queries import list_indexed
from ingestion.sampling import take_sample
from ingestion.schema_findings import list_findings
from personalization.vitals import look_alive
from personalization.wiring import redis_client
from profiles.audit import Act, record_act
from profiles.organisation import read_organisation
from segments.actions import BEFORE_FORCE, cancel_build
from segments.models import Build
from segments.progress import follow_builds, say_progress
from segments.queries import list_waiting_builds
from studio.live.forms import EventForm, PropertyForm
from studio.masking import HIDDEN, mask_values
from studio.pages import StudioRequest, find_by, needs, show
from studio.private import find_hidden, is_hidden
from studio.roles import Ability

SHOWN_LETTERS = 60  # of an example
CHOICES = ("indexed", "private")


@dataclass
class Row:
    """A property as the table shows it: seen, declared, or remembered by default and never seen."""

    path: str
    types: list[str] = field(default_factory=list)
    indexed: bool = False
    private: bool = False
    last_seen: Any = None
    examples: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """For ids of elements."""
        return self.path.encode().hex()


@needs(Ability.EVENTS, methods=("GET", "HEAD", "POST"))
def show_event(request: StudioRequest, pk: int) -> HttpResponse:
    event_type = get_object_or_404(EventType, pk=pk)
    said = {"description": event_type.description, "schema": event_type.schema}
    form = EventForm(request.POST if request.method == "POST" else None, initial=said, now=said)
    if form.is_valid():
        event_type.description, event_type.schema = form.cleaned_data["description"], form.cleaned_data["schema"]
        operating.change_event(event_type, by=find_by(request), at=timezone.now())
        messages.success(request, gettext("Saved. It holds for events from within a second on."))
        return redirect("studio:event_type", pk)
    status = 422 if form.is_bound else 200
    return show(request, "studio/live/event_type.html", _describe(event_type, form, PropertyForm()), status=status)


def _describe(event_type: EventType, form: EventForm, new: PropertyForm) -> dict[str, Any]:
    rows = list_rows(event_type)
    seen = {row.path: row.types for row in rows}
    return {
        "title": event_type.name,
        "event_type": event_type,
        "form": form,
        "new": new,
        "rows": rows,
        "findings": [] if event_type.schema is None else list_findings(event_type.schema, seen),
        "is_strict": bool(event_type.schema and event_type.schema.get("strict")),
        "recalls": find_recalls(event_type),
    }


def list_rows(event_type: EventType) -> list[Row]:
    """Those that are remembered first."""
    rows = {
        each.path: Row(each.path, list(each.types), each.indexed, each.private, each.last_seen)
        for each in event_type.properties.all()
    }
    for path in list_indexed(event_type.name):
        rows.setdefault(path, Row(path, indexed=True))
    return sorted(rows.values(), key=lambda row: (not row.indexed, not row.types, row.path))


@needs(Ability.EVENTS)
def show_sample(request: StudioRequest, pk: int) -> HttpResponse:
    """What the newest events say: comes after the page, as it is read from the archive."""
    event_type = get_object_or_404(EventType, pk=pk)
    sample = take_sample(event_type.name, event_type.schema)
    sees = request.visitor.sees_personal_data
    rows, hidden = list_rows(event_type), find_hidden(sees=sees).get(event_type.name, ())
    for row in rows:
        row.examples = [_say_example(value, row, sees=sees) for value in sample.examples.get(row.path, ())]
        if row.examples and is_hidden(row.path, hidden):
            row.examples = [HIDDEN]
    names = dict(Source.objects.values_list("slug", "name"))
    context = {
        "event_type": event_type,
        "rows": rows,
        "sample": sample,
        "sources": [(slug, names.get(slug), count) for slug, count in sample.sources.items()],
        "is_strict": bool(event_type.schema and event_type.schema.get("strict")),
    }
    return show(request, "studio/live/event_sample.html", context)


def _say_example(value: Any, row: Row, *, sees: bool) -> str:
    shown = value if sees else mask_values(value, row.path.rpartition(".")[2])
    text = str(shown).lower() if isinstance(shown, bool) else str(shown)
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…"


@needs(Ability.EVENTS, methods=("POST",))
def choose(request: StudioRequest, pk: int) -> HttpResponse:
    """One switch of one property; says what follows."""
    event_type = get_object_or_404(EventType, pk=pk)
    path, what, on = request.POST.get("path", ""), request.POST.get("what"), request.POST.get("on") == "on"
    row = next((row for row in list_rows(event_type) if row.path == path), None)
    if row is None or what not in CHOICES:
        return HttpResponse(status=400)
    _store(request, event_type, row, what, on)
    context: dict[str, Any] = {
        "event_type": event_type,
        "row": next(row for row in list_rows(event_type) if row.path == path),
        "what": what,
        "says": say_what_follows(path, what, on),
        "recalls": find_recalls(event_type),
    }
    if not request.headers.get("HX-Request"):
        messages.success(request, context["says"])
        return redirect("studio:event_type", pk)
    return show(request, "studio/live/event_row.html", context)


def _store(request: StudioRequest, event_type: EventType, row: Row, what: str, on: bool) -> None:
    with transaction.atomic():
        found = EventProperty.objects.select_for_update().filter(event_type=event_type, path=row.path).first()
        chosen = found or EventProperty(event_type=event_type, path=row.path, indexed=row.indexed)
        setattr(chosen, what, on)
        operating.choose_property(chosen, by=find_by(request), at=timezone.now())


def say_what_follows(path: str, what: str, on: bool) -> str:
    if what == "indexed" and on:
        days = read_organisation().retention_days
        said = ngettext(
            "Conditions can ask for “%(path)s” from now on; %(days)d day of the past is being filled in.",
            "Conditions can ask for “%(path)s” from now on; %(days)d days of the past are being filled in.",
            days,
        )
        return said % {"path": path, "days": days}
    if what == "indexed":
        said = gettext("“%(path)s” of new events is not remembered any more. What is remembered already stays.")
    elif on:
        said = gettext("Values of “%(path)s” stay with those who may see personal data, and never go to devices.")
    else:
        said = gettext("Values of “%(path)s” are shown to everybody who sees events.")
    return said % {"path": path}


@needs(Ability.EVENTS, methods=("POST",))
def declare(request: StudioRequest, pk: int) -> HttpResponse:
    """A property that is remembered from its first event on."""
    event_type = get_object_or_404(EventType, pk=pk)
    new = PropertyForm(request.POST)
    known = {row.path for row in list_rows(event_type)}
    if new.is_valid() and new.cleaned_data["path"] in known:
        new.add_error("path", gettext("It is in the list already."))
    if new.is_valid() and len(known) >= MAX_PATHS:
        new.add_error("path", gettext("An event has at most %(count)d properties.") % {"count": MAX_PATHS})
    if not new.is_valid():
        said = {"description": event_type.description, "schema": event_type.schema}
        context = _describe(event_type, EventForm(initial=said, now=said), new)
        return show(request, "studio/live/event_type.html", context, status=422)
    path = new.cleaned_data["path"]
    _store(request, event_type, Row(path), "indexed", True)
    messages.success(request, say_what_follows(path, "indexed", True))
    return redirect("studio:event_type", pk)


def find_recalls(event_type: EventType) -> list[dict[str, Any]]:
    """What is being remembered of the past for this event, and how far it is."""
    builds = list(Build.objects.filter(recalls__has_key=event_type.name).exclude(state__in=Build.ENDED).order_by("pk"))
    if not builds:
        return []
    progress = follow_builds(list_waiting_builds(), at=timezone.now(), alive=look_alive(redis_client()))
    return [
        {
            "build": build,
            "paths": build.recalls[event_type.name],
            "progress": progress.get(build.pk),
            "says": say_progress(progress[build.pk]) if build.pk in progress else "",
            "may_cancel": build.state in BEFORE_FORCE,
        }
        for build in builds
    ]


@needs(Ability.EVENTS)
def show_recalls(request: StudioRequest, pk: int) -> HttpResponse:
    event_type = get_object_or_404(EventType, pk=pk)
    context = {"event_type": event_type, "recalls": find_recalls(event_type), "was": True}
    return show(request, "studio/live/event_recalls.html", context)


@needs(Ability.EVENTS, methods=("POST",))
def cancel_recall(request: StudioRequest, pk: int, number: int) -> HttpResponse:
    """The past is not filled in; what has been stays, and new events are remembered all the same."""
    event_type = get_object_or_404(EventType, pk=pk)
    build = get_object_or_404(Build, pk=number, recalls__has_key=event_type.name)
    at = timezone.now()
    with transaction.atomic():
        if cancel_build(build, at=at):
            by, paths = find_by(request), build.recalls
            record_act(Act.CANCELLED, by=by, at=at, kind="build", subject=str(build.pk), after={"recalls": paths})
            messages.success(request, gettext("Cancelled. New events are remembered all the same."))
        else:
            messages.info(request, gettext("It had ended already."))
    return redirect("studio:event_type", pk)


@needs(Ability.EVENTS, methods=("POST",))
def remove(request: StudioRequest, pk: int) -> HttpResponse:
    """Only what was declared and never came."""
    event_type = get_object_or_404(EventType, pk=pk)
    if event_type.volume:
        messages.error(request, gettext("It has been seen: the next event would bring it back."))
        return redirect("studio:event_type", pk)
    operating.forget_event(event_type, by=find_by(request), at=timezone.now())
    messages.success(request, gettext("%(name)s is removed from the catalogue.") % {"name": event_type})
    return redirect("studio:catalogue")
