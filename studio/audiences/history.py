"""Every revision of an audience, how any two differ, and going back to one."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.describe import describe_draft
from rules.drafts import restore_revision
from rules.models import Revision
from rules.validating import BadDraft
from segments.in_words import say_definition
from segments.models import Segment
from studio.audiences.finding import ask, find_segment, show_about
from studio.audiences.heading import make_heading, tell_differences
from studio.pages import find_by, needs
from studio.roles import Ability

SHOWN = 30
LIVE, DRAFT = "live", "draft"


@needs(Ability.LOOK)
def show_history(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest first, each with what it changed in words."""
    segment = find_segment(slug)
    revisions = Revision.objects.filter(kind="segment", slug=slug).select_related("by").order_by("-version", "-pk")
    page = Paginator(revisions, SHOWN).get_page(request.GET.get("page"))
    shown = list(page)
    before: list[Revision | None] = [*shown[1:], *_list_older(shown, revisions)]
    edits = [
        (each, was, [] if was is None else tell_differences(was.definition, each.definition))
        for each, was in zip(shown, before, strict=True)
    ]
    heading = make_heading(segment)
    context = {"title": _("History"), "edits": edits, "page": page, "heading": heading}
    return show_about(request, "history", segment, context)


def _list_older(shown: list[Revision], revisions: QuerySet[Revision]) -> list[Revision | None]:
    """The one before the last that is shown."""
    return [revisions.filter(version__lt=shown[-1].version).first()] if shown else []


@needs(Ability.LOOK)
def show_comparison(request: HttpRequest, slug: str) -> HttpResponse:
    """How two revisions differ: `a` and `b` are versions, `live` or `draft`."""
    segment = find_segment(slug)
    heading = make_heading(segment)
    published = heading.known.published.get(slug)
    a, b = request.GET.get("a", LIVE if published else DRAFT), request.GET.get("b", DRAFT)
    before, after = (_read(segment, published, each) for each in (a, b))
    if _rank(a) > _rank(b):
        a, b, before, after = b, a, after, before
    told = tell_differences(before, after, published=a == LIVE)
    older = int(a) if a.isdigit() else None
    context = {
        "title": _("What differs"),
        "before": _name(a, heading.live),
        "after": _name(b, heading.live),
        "told": told,
        "words": [_say(before), _say(after)],
        "older": older,
        "can_restore": older is not None and before is not None and before != describe_draft(segment),
    }
    return show_about(request, "compare", segment, context)


def _rank(which: str) -> int:
    """Which one comes first: what is live, then the versions, then the draft."""
    return int(which) if which.isdigit() else -1 if which == LIVE else 10**9


def _read(segment: Segment, published: Any, which: str) -> Any:
    if which == DRAFT:
        return describe_draft(segment)
    if which == LIVE and published is not None:
        return published
    if not which.isdigit() or len(which) > 9:
        raise Http404
    return _find(segment.slug, int(which)).definition


def _find(slug: str, number: int) -> Revision:
    found = Revision.objects.filter(kind="segment", slug=slug, version=number).order_by("-pk").first()
    if found is None:
        raise Http404
    return found


def _name(which: str, live: Revision | None) -> str:
    if which == DRAFT:
        return gettext("The draft")
    if which == LIVE:
        return gettext("Live") if live is None else gettext("Live, v%(version)s") % {"version": live.version}
    return gettext("Version %(version)s") % {"version": which}


def _say(definition: Any) -> str:
    if definition is None:
        return gettext("removed")
    return say_definition(definition.get("kind", "condition"), definition.get("condition"), definition.get("as_of"))


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_restore(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """With POST: the draft says again what it said in that version; also of one that was removed."""
    revision = _find(slug, number)
    if request.method != "POST":
        segment = Segment.objects.filter(slug=slug).first()
        if segment is None:
            return redirect("studio:audiences_removed")
        says = _("The draft says again what it said then, as a new version. What is live stays until you publish.")
        return ask(request, segment, _("Go back to version %(number)s") % {"number": number}, says, _("Go back"))
    was_there = Segment.objects.filter(slug=slug).exists()
    try:
        restored = restore_revision(revision, by=find_by(request), at=timezone.now())
    except BadDraft as error:
        messages.error(request, gettext("Nothing was restored: %(why)s") % {"why": error})
        return redirect(
            "studio:audience_history" if was_there else "studio:audiences_removed", *[slug][: int(was_there)]
        )
    if restored is None:
        messages.info(request, gettext("It says already what it said in version %(number)s.") % {"number": number})
    else:
        said = gettext(
            "“%(name)s” says again what it said in version %(number)s. Visitors meet it once it is published."
        )
        name = (revision.definition or {}).get("name", slug)
        messages.success(request, said % {"name": name, "number": number})
    return redirect("studio:audience", slug)
