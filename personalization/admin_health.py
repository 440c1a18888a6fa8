"""The operators' pages of how segments are: a table of all, and each with its sizes over time and newest changes."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from personalization.vitals import REFRESH_S, Overview, look_over_segments
from personalization.wiring import redis_client
from segments.charts import Chart, draw_chart
from segments.models import Segment
from segments.queries import list_changes
from segments.sizes import Size, list_sizes

LOOK = "segments.view_segment"
LOOK_AT_PEOPLE = "profiles.view_storedprofile"
PER_PAGE = 100
SHOWN_CHANGES = SHOWN_SIZES = 50
WEEK = timedelta(days=7)
COUNTED_WITHIN = timedelta(hours=2)  # an older number says of when it is
SPARK = (120, 28)
CHART = (720, 220)
PERIODS = {"1": "day", "7": "week", "30": "month", "365": "year"}


@require_safe
def show_health(request: HttpRequest) -> HttpResponse:
    """All segments, those with trouble on top."""
    _require(request, LOOK)
    at = timezone.now()
    overview = look_over_segments(redis_client(), at=at)
    page = Paginator(overview.segments, PER_PAGE).get_page(request.GET.get("p"))
    sizes = list_sizes([each.segment for each in page], since=at - WEEK)
    rows = [{"health": each, "chart": _draw(sizes[each.segment], at - WEEK, at, SPARK)} for each in page]
    return _show(request, "health", overview, at, {"title": "Health of segments", "rows": rows, "page": page})


@require_safe
def show_segment_health(request: HttpRequest, slug: str) -> HttpResponse:
    """One segment, by its slug: it may be in force while its draft is gone."""
    _require(request, LOOK)
    at = timezone.now()
    overview = look_over_segments(redis_client(), at=at, only=slug)
    draft = Segment.objects.filter(slug=slug).first()
    [health] = overview.segments
    if draft is None and health.version is None and health.changed is None:
        raise Http404
    days = request.GET.get("days", "7")
    days = days if days in PERIODS else "7"
    since = at - timedelta(days=int(days))
    sizes = list_sizes([slug], since=since)[slug]
    context = {
        "title": health.name,
        "health": health,
        "draft": draft,
        "chart": _draw(sizes, since, at, CHART),
        "sizes": sizes[: -SHOWN_SIZES - 1 : -1],
        "days": days,
        "periods": PERIODS.items(),
        "changes": list_changes(slug, limit=SHOWN_CHANGES) if request.user.has_perm(LOOK_AT_PEOPLE) else None,
    }
    return _show(request, "segment_health", overview, at, context)


def _draw(sizes: list[Size], since: datetime, until: datetime, field: tuple[int, int]) -> Chart | None:
    width, height = field
    return draw_chart(sizes, since=since, until=until, width=width, height=height, most=width // 3)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _show(request: HttpRequest, page: str, overview: Overview, at: datetime, context: dict[str, Any]) -> HttpResponse:
    common = {
        **admin.site.each_context(request),
        "opts": Segment._meta,
        "overview": overview,
        "at": at,
        "stale": at - COUNTED_WITHIN,
        "refresh": REFRESH_S if overview.is_moving else None,
    }
    return TemplateResponse(request, f"admin/segments/{page}.html", {**common, **context})
