"""The page of events as they arrive, and of what was refused. Its rows come over the socket (studio.live.socket)."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ingestion.models import Source
from ingestion.queries import count_refusals_by_day
from studio.pages import needs, show
from studio.roles import Ability

DAYS = 14
CHARTED = 6  # reasons; the rest is one
FIELDS = ("source", "name", "person")
MAX_LETTERS = 200


@needs(Ability.EVENTS)
def show_live(request: HttpRequest) -> HttpResponse:
    days, reasons = _count_refusals()
    person = reverse("studio:person", args=["00000000-0000-0000-0000-000000000000"])
    context = {
        "title": _("Live events"),
        "sources": list(Source.objects.order_by("name").values_list("slug", "name")),
        "asked": {field: request.GET.get(field, "")[:MAX_LETTERS] for field in FIELDS},
        "days": DAYS,
        "chart": {"days": days, "reasons": _shorten(reasons)} if reasons else None,
        "reasons": [(reason, sum(counts)) for reason, counts in reasons],
        "person_url": person if request.visitor.may(Ability.PEOPLE) else "",  # type: ignore[attr-defined]  # let in
    }
    return show(request, "studio/live/live.html", context)


def _count_refusals() -> tuple[list[str], list[tuple[str, list[int]]]]:
    """The last days, and of each reason how often it was the one on each of them; the most frequent reason first."""
    today = timezone.now().date()
    days = [today - timedelta(days=number) for number in reversed(range(DAYS))]
    places = {day: number for number, day in enumerate(days)}
    found: dict[str, list[int]] = {}
    for day, reason, count in count_refusals_by_day(today=today, days=DAYS):
        if day in places:
            found.setdefault(reason, [0] * DAYS)[places[day]] = count
    reasons = sorted(found.items(), key=lambda each: (-sum(each[1]), each[0]))
    return [day.isoformat() for day in days], reasons


def _shorten(reasons: list[tuple[str, list[int]]]) -> list[dict[str, Any]]:
    shown = [{"name": reason, "counts": counts} for reason, counts in reasons[:CHARTED]]
    if rest := reasons[CHARTED:]:
        counts = [sum(column) for column in zip(*(counts for _reason, counts in rest), strict=True)]
        shown.append({"name": _("others"), "counts": counts})
    return shown
