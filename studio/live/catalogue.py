"""The catalogue of events: everything that came by or was declared."""

from datetime import timedelta

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion import operating
from ingestion.models import EventType, Source
from ingestion.sampling import find_sources
from studio.lists import Column, Filter, Listing, Rows
from studio.live.forms import NewEventForm
from studio.pages import StudioRequest, find_by, needs, show
from studio.roles import Ability

QUIET = timedelta(days=30)


def _by_state(rows: Rows, state: str) -> Rows:
    if state == "unseen":
        return rows.filter(volume=0)
    old = timezone.now() - QUIET
    return rows.filter(volume__gt=0, last_seen__lt=old) if state == "quiet" else rows.filter(last_seen__gte=old)


def _by_schema(rows: Rows, kind: str) -> Rows:
    if kind == "none":
        return rows.filter(schema=None)
    strict = Q(schema__strict=True)
    return rows.filter(strict) if kind == "strict" else rows.exclude(schema=None).exclude(strict)


LISTING = Listing(
    columns=(
        Column(_("Event"), ("name",)),
        Column(_("Seen"), ("volume",), "number"),
        Column(_("Last seen"), ("last_seen",)),
        Column(_("Newest from")),
        Column(_("Properties"), ("properties_count",), "number"),
        Column(_("Remembered"), ("indexed_count",), "number"),
        Column(_("Schema")),
    ),
    search=("name", "description"),
    filters=(
        Filter(
            "state",
            _("Seen or not"),
            [
                ("fresh", _("In the last 30 days")),
                ("quiet", _("Quiet for 30 days")),
                ("unseen", _("Declared, never seen")),
            ],
            _by_state,
        ),
        Filter(
            "schema",
            _("Every schema"),
            [("strict", _("Strict")), ("lenient", _("Describes")), ("none", _("None"))],
            _by_schema,
        ),
        Filter(
            "private",
            _("Private or not"),
            [("yes", _("Has private properties"))],
            lambda rows, value: rows.filter(private_count__gt=0),
        ),
    ),
    sort="-volume",
)


@needs(Ability.EVENTS)
def show_catalogue(request: StudioRequest) -> HttpResponse:
    rows = EventType.objects.annotate(
        properties_count=Count("properties"),
        indexed_count=Count("properties", filter=Q(properties__indexed=True)),
        private_count=Count("properties", filter=Q(properties__private=True)),
    )
    listing = LISTING.show(request, rows)
    sources = find_sources(event_type.name for event_type in listing.rows)
    names = dict(Source.objects.values_list("slug", "name"))
    for event_type in listing.rows:
        event_type.sources = [(slug, names.get(slug, slug)) for slug in sources.get(event_type.name, ())]
        event_type.is_strict = bool(event_type.schema and event_type.schema.get("strict"))
    return show(request, "studio/live/catalogue.html", {"title": _("Catalogue"), "listing": listing})


@needs(Ability.EVENTS, methods=("GET", "HEAD", "POST"))
def show_new_event(request: StudioRequest) -> HttpResponse:
    form = NewEventForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {"title": _("Declare an event"), "form": form}
        return show(request, "studio/live/event_new.html", context, status=422 if form.is_bound else 200)
    event_type = operating.declare_event(**form.cleaned_data, by=find_by(request), at=timezone.now())
    messages.success(request, gettext("%(name)s is declared. Choose what is remembered of it.") % {"name": event_type})
    return redirect("studio:event_type", event_type.pk)
