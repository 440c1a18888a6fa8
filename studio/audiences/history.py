"""Every revision of an audience, and how any two differ."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.describe import describe_draft
from rules.models import Revision
from segments.in_words import say_definition
from segments.models import Segment
from studio.audiences.finding import find_segment, show_about
from studio.audiences.heading import make_heading, tell_draft_differences
from studio.history import tell_history
from studio.pages import needs
from studio.roles import Ability

LIVE, DRAFT = "live", "draft"


@needs(Ability.LOOK)
def show_history(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest first, each with what it changed in words; any two can be compared."""
    segment = find_segment(slug)
    heading = make_heading(segment)
    context = {
        "title": _("History"),
        "heading": heading,
        "live": None if heading.live is None else heading.live.version,
        "compare": reverse("studio:audience_compare", args=[slug]),
        **tell_history(request, "segment", slug, segment),
    }
    return show_about(request, "history", segment, context)


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
    told = tell_draft_differences(before, after, published=a == LIVE)
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
