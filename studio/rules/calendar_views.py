"""The calendar: what runs when."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext

from profiles.organisation import find_zone
from rules.models import Slot
from studio.pages import needs, show
from studio.roles import Ability
from studio.rules.calendar import find_month, read_month
from studio.rules.rows import tell

VIEWS = ("month", "list")


@needs(Ability.LOOK)
def show_calendar(request: HttpRequest) -> HttpResponse:
    """One month, as bars or as a list."""
    slots = list(Slot.objects.order_by("name", "slug").values_list("slug", "name"))
    slot = request.GET.get("slot", "")
    slot = slot if slot in dict(slots) else ""
    month = find_month(read_month(request.GET.get("month", ""), timezone.localdate()), slot=slot)
    tell(month.rules)
    view = request.GET.get("view", "")
    context = {
        "title": gettext("Calendar"),
        "month": month,
        "slots": slots,
        "slot": slot,
        "view": view if view in VIEWS else VIEWS[0],
        "zone": find_zone(),
        "today": timezone.localdate().replace(day=1),
        "week": month.weeks[0].days,
    }
    return show(request, "studio/rules/calendar.html", context)
