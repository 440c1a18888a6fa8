"""The overview: what happens now, how everything is, what works, and what people are at. Its page is drawn at once; the
pulse brings the numbers, and each part that is dearer comes by itself, anew whenever something has changed."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from personalization.vitals import look_over_segments
from personalization.wiring import redis_client
from profiles.audit import Act
from profiles.models import AuditEntry
from rules.queries import list_draft_changes
from rules.scheduling import list_waiting
from studio.audit.views import Line, tell
from studio.overview.coming import list_coming
from studio.overview.first_steps import find_first_steps
from studio.overview.movers import find_movers
from studio.overview.top_rules import find_top_rules
from studio.overview.warnings import find_warnings
from studio.pages import needs, show
from studio.roles import Ability

SHOWN_ACTS = 10
SHOWN_DRAFTS = 8


@needs(Ability.LOOK)
def show_overview(request: HttpRequest) -> HttpResponse:
    context = {"title": _("Overview"), "steps": find_first_steps(), "lines": _list_acts()}
    return show(request, "studio/overview/overview.html", context)


@needs(Ability.LOOK)
def show_first_steps(request: HttpRequest) -> HttpResponse:
    return show(request, "studio/overview/first_steps.html", {"steps": find_first_steps()})


@needs(Ability.LOOK)
def show_standing(request: HttpRequest) -> HttpResponse:
    """What somebody should look at, and which audiences have grown or shrunk most."""
    at = timezone.now()
    overview = look_over_segments(redis_client(), at=at)
    context = {
        "warnings": find_warnings(overview, at=at),
        "movers": find_movers(overview.segments),
        "has_audiences": bool(overview.segments),
    }
    return show(request, "studio/overview/standing.html", context)


@needs(Ability.LOOK)
def show_top_rules(request: HttpRequest) -> HttpResponse:
    return show(request, "studio/overview/rules.html", {"top": find_top_rules(at=timezone.now())})


@needs(Ability.LOOK)
def show_work(request: HttpRequest) -> HttpResponse:
    """What is not published yet, and what comes by the clock."""
    at = timezone.now()
    book, changes = list_draft_changes()
    context = {
        "book": book,
        "changes": changes[:SHOWN_DRAFTS],
        "more_changes": len(changes[SHOWN_DRAFTS:]),
        "waiting": list_waiting(),
        "coming": list_coming(at=at),
    }
    return show(request, "studio/overview/work.html", context)


@needs(Ability.LOOK)
def show_acts(request: HttpRequest) -> HttpResponse:
    """What was done last."""
    return show(request, "studio/overview/acts.html", {"lines": _list_acts()})


def _list_acts() -> list[Line]:
    """Of what somebody has changed: who came and went is told by the trail."""
    changes = AuditEntry.objects.exclude(act__in=(Act.SIGNED_IN, Act.SIGNED_OUT)).defer("before", "after")
    return tell(changes[:SHOWN_ACTS])
