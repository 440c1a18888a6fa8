"""The page of one audience, new or stored: its form, and everything around it."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion.models import EventType
from segments.in_words import say_definition
from segments.lists import NAME_LENGTH
from segments.models import Segment
from segments.starters import STARTERS, find_starter
from segments.undoing import find_undoable
from studio.audiences.finding import find_segment, show_about
from studio.audiences.forms import AudienceForm
from studio.audiences.listing import KINDS
from studio.pages import StudioRequest, needs, refuse, show
from studio.roles import Ability
from studio.saving import save_form
from studio.uses import find_users

MADE = _("“%(name)s” is saved as a draft. Nobody is in it before it is published.")
MADE_LIST = _("“%(name)s” is saved. Now upload its people.")
FREEZABLE = (Segment.Kind.CONDITION, Segment.Kind.LIST)
BLANK: dict[str, Any] = {
    "v": 1,
    "root": {
        "id": "all",
        "kind": "and",
        "children": [
            {
                "id": "views",
                "kind": "event",
                "event": "Product Viewed",
                "op": "at_least",
                "value": 3,
                "window": {"last": 30, "unit": "days"},
            }
        ],
    },
}


@dataclass(frozen=True)
class Start:
    """What a new audience begins as, and what one has to look at in it."""

    segment: Segment
    adapt: Any = ""


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_audience_new(request: HttpRequest) -> HttpResponse:
    """What there is to start from; with `?from=` or `?copy=` the form, filled with that."""
    start = find_start(request.GET.get("from", ""), request.GET.get("copy", ""))
    if start is None:
        return show(request, "studio/audiences/new.html", _list_starts())
    form = AudienceForm(request.POST or None, instance=start.segment)
    is_list = start.segment.kind == Segment.Kind.LIST
    if request.method == "POST" and save_form(request, form, made=MADE_LIST if is_list else MADE):
        return redirect("studio:audience_upload" if is_list else "studio:audience", form.instance.slug)
    context = {
        "title": _("New audience"),
        "form": form,
        "segment": start.segment,
        "adapt": start.adapt,
        "kind": dict(KINDS)[start.segment.kind],
    }
    return show(request, "studio/audiences/make.html", context, status=422 if form.errors else 200)


def find_start(start: str, copied: str) -> Start | None:
    """None where nothing is named that there is."""
    if copied:
        segment = find_segment(copied)
        if segment.kind == Segment.Kind.LIST:
            raise Http404
        name = gettext("%(name)s, a copy") % {"name": segment.name[: NAME_LENGTH - 20]}
        kept = {"kind": segment.kind, "condition": segment.condition, "as_of": segment.as_of}
        return Start(Segment(name=name, description=segment.description, frozen_from=segment.frozen_from, **kept))
    if start in ("blank", Segment.Kind.SNAPSHOT):
        kind = Segment.Kind.CONDITION if start == "blank" else Segment.Kind.SNAPSHOT
        return Start(Segment(kind=kind, condition=BLANK))
    if start == Segment.Kind.LIST:
        return Start(Segment(kind=Segment.Kind.LIST))
    starter = find_starter(start)
    if starter is None:
        return None
    made = Segment(name=str(starter.name), description=str(starter.description), condition=starter.condition)
    return Start(made, starter.adapt)


def _list_starts() -> dict[str, Any]:
    """The templates, each with the events it needs that have not been seen."""
    wanted = {event for each in STARTERS for event in each.events}
    seen = set(EventType.objects.filter(name__in=wanted).values_list("name", flat=True))
    starters = [(each, [event for event in each.events if event not in seen]) for each in STARTERS]
    freezable = Segment.objects.filter(kind__in=FREEZABLE).only("slug", "name").order_by("name")
    return {"title": _("New audience"), "starters": starters, "freezable": freezable}


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_audience(request: StudioRequest, slug: str) -> HttpResponse:
    """The draft with everything that is known of it; with POST: it is saved."""
    segment = find_segment(slug)
    may_edit = request.visitor.may(Ability.EDIT)
    if request.method == "POST" and not may_edit:
        return refuse(request, request.visitor, Ability.EDIT)
    form = AudienceForm(request.POST or None, instance=segment) if may_edit else None
    if request.method == "POST" and form is not None and save_form(request, form):
        return redirect("studio:audience", slug)
    failed = form is not None and bool(form.errors)
    stored = find_segment(slug) if failed else segment  # the form has changed its own
    context = {
        "title": stored.name,
        "form": form,
        "kind": dict(KINDS)[stored.kind],
        "words": say_definition(stored.kind, stored.condition, stored.as_of),
        "users": find_users([slug]).get(slug, []),
        "can_freeze": stored.kind in FREEZABLE,
        "undoable": find_undoable(stored) if stored.kind == Segment.Kind.LIST else None,
    }
    return show_about(request, "edit", stored, context, status=422 if failed else 200)
