"""Sources: the list, a new one, and the page of one with its keys, lines to paste and whether anything arrives."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion import operating
from ingestion.arriving import Arrivals, add_up_arrivals, list_arrived, list_complaints
from ingestion.models import Source
from ingestion.operating import describe_source
from ingestion.queries import count_outcomes
from ingestion.refusals import HARMLESS
from studio.lists import Column, Filter, Listing
from studio.pages import StudioRequest, find_by, needs, refuse, show
from studio.roles import Ability
from studio.setup.forms import NewSourceForm, SourceForm, digest
from studio.setup.snippets import list_ways
from studio.setup.words import ADVICE, KINDS

COMPLAINTS_OF = timedelta(minutes=30)
SHOWN_EVENTS = 5
SHOWN_DAYS = 7
TAKEN = "new"  # the name of a page

LISTING = Listing(
    columns=(
        Column(_("Source"), ("name",)),
        Column(_("Kind"), ("kind",)),
        Column(_("Events today"), more="number"),
        Column(_("Refused today"), more="number"),
        Column(_("Last event")),
        Column(_("Keys"), more="number"),
    ),
    search=("name", "slug"),
    filters=(
        Filter(
            "kind",
            _("Every kind"),
            [(kind, label) for kind, (label, _s, _i) in KINDS.items()],
            lambda rows, value: rows.filter(kind=value),
        ),
        Filter(
            "state",
            _("On and off"),
            [("on", _("Switched on")), ("off", _("Switched off"))],
            lambda rows, value: rows.filter(off__isnull=value == "on"),
        ),
    ),
    sort="name",
)


@needs(Ability.LOOK)
def show_sources(request: StudioRequest) -> HttpResponse:
    good = Q(secret_keys__revoked=None, secret_keys__isnull=False)
    listing = LISTING.show(request, Source.objects.annotate(keys=Count("secret_keys", filter=good)))
    now = timezone.now()
    arrivals = add_up_arrivals([source.slug for source in listing.rows], today=now.date())
    for source in listing.rows:
        source.arrivals = arrivals.get(source.slug, Arrivals())
        source.is_fresh = source.arrivals.is_fresh(now)
        source.kind_label, _says, source.icon = KINDS[source.kind]
    return show(request, "studio/setup/sources.html", {"title": _("Sources"), "listing": listing})


@needs(Ability.SET_UP, methods=("GET", "HEAD", "POST"))
def show_new_source(request: StudioRequest) -> HttpResponse:
    form = NewSourceForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        kinds = [(kind, *said) for kind, said in KINDS.items()]
        context = {"title": _("New source"), "form": form, "kinds": kinds}
        return show(request, "studio/setup/source_new.html", context, status=422 if form.is_bound else 200)
    said = form.cleaned_data
    source = operating.add_source(
        slug=find_free_slug(said["name"]),
        name=said["name"],
        kind=said["kind"],
        origins=[said["address"]] if said["address"] else [],
        by=find_by(request),
        at=timezone.now(),
    )
    messages.success(request, gettext("%(name)s is made. Now let it send its first event.") % {"name": source})
    return redirect("studio:source", source.slug)


def find_free_slug(name: str) -> str:
    """Made of the name; it stands in every event, so that it never changes."""
    base = slugify(name)[:56].strip("-_") or "source"
    taken = set(Source.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | {TAKEN}
    return next(
        slug
        for number in range(1, len(taken) + 2)
        if (slug := base if number == 1 else f"{base}-{number}") not in taken
    )


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_source(request: StudioRequest, slug: str) -> HttpResponse:
    source = get_object_or_404(Source, slug=slug)
    if request.method == "POST" and not request.visitor.may(Ability.SET_UP):
        return refuse(request, request.visitor, Ability.SET_UP)
    said = describe_source(source)
    form = SourceForm(request.POST if request.method == "POST" else None, initial=said, now=said)
    if form.is_valid():
        for field in ("name", "kind", "origins", "strict", "debug"):
            setattr(source, field, form.cleaned_data[field])
        operating.change_source(source, by=find_by(request), at=timezone.now())
        messages.success(request, gettext("Saved. It holds from within a second."))
        return redirect("studio:source", source.slug)
    now = timezone.now()
    context = {
        "title": source.name,
        "source": source,
        "form": form,
        "kind": KINDS[source.kind],
        "secret_keys": source.secret_keys.order_by(F("revoked").desc(nulls_first=True), "-created"),
        "clients": source.oauth_clients.select_related("application").order_by("application__name"),
        "outcomes": count_outcomes(source.slug, today=now.date(), days=SHOWN_DAYS),
        "days": SHOWN_DAYS,
        "now": now,
        **look_for_events(source),
    }
    if request.visitor.may(Ability.SET_UP):
        context["ways"] = list_ways(source, request.build_absolute_uri("/").rstrip("/"))
    return show(request, "studio/setup/source.html", context, status=422 if form.is_bound else 200)


@needs(Ability.LOOK)
def show_arriving(request: StudioRequest, slug: str) -> HttpResponse:
    """Whether anything arrives, as it is asked again and again; nothing is said while nothing has changed."""
    source = Source.objects.filter(slug=slug).first()
    if source is None:  # removed, perhaps a moment ago, while its page was still open
        return HttpResponse(status=204)
    found = look_for_events(source)
    if request.GET.get("seen") == found["seen"]:
        return HttpResponse(status=204)
    return show(request, "studio/setup/arriving.html", {"source": source, **found})


def look_for_events(source: Source) -> dict[str, Any]:
    """What has come, and else what speaks against it."""
    now = timezone.now()
    arrivals = add_up_arrivals([source.slug], today=now.date()).get(source.slug, Arrivals())
    complaints = [
        each for each in list_complaints(source.slug, since=now - COMPLAINTS_OF) if each.reason not in HARMLESS
    ]
    return {
        "arrivals": arrivals,
        "is_fresh": arrivals.is_fresh(now),
        "newest": list_arrived(source.slug, limit=SHOWN_EVENTS) if arrivals.total else [],
        "complaints": [(each, ADVICE.get(each.reason, each.message)) for each in complaints],
        "seen": digest({"arrivals": arrivals, "fresh": arrivals.is_fresh(now), "off": source.off, "said": complaints}),
    }


@needs(Ability.SET_UP, methods=("POST",))
def rotate(request: StudioRequest, slug: str) -> HttpResponse:
    source = get_object_or_404(Source, slug=slug)
    operating.rotate_write_key(source, by=find_by(request), at=timezone.now())
    messages.success(request, gettext("There is a new write key: put it into the snippet and the SDKs."))
    return redirect("studio:source", slug)


@needs(Ability.SET_UP, methods=("POST",))
def switch(request: StudioRequest, slug: str) -> HttpResponse:
    source = get_object_or_404(Source, slug=slug)
    on = request.POST.get("on") == "yes"
    operating.switch_source(source, on=on, by=find_by(request), at=timezone.now())
    said = gettext("%(name)s is switched on.") if on else gettext("%(name)s is switched off: its events are refused.")
    messages.success(request, said % {"name": source})
    return redirect("studio:source", slug)


@needs(Ability.SET_UP, methods=("POST",))
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    source = get_object_or_404(Source, slug=slug)
    operating.remove_source(source, by=find_by(request), at=timezone.now())
    messages.success(request, gettext("%(name)s is removed. What it has sent stays.") % {"name": source})
    return redirect("studio:sources")
