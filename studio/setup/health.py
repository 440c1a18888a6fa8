"""How every part of the product is: looked at again every few seconds."""

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from personalization.checkup import check_all, read_version
from personalization.wiring import redis_client
from studio.pages import StudioRequest, is_part, needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_health(request: StudioRequest) -> HttpResponse:
    """The page; or of it what is looked at again, the summary only if it says something else than before."""
    checkup = check_all(redis_client(), at=timezone.now())
    seen = ",".join(f"{part.key}:{part.light}" for part in checkup.parts)
    context = {
        "title": _("Health"),
        "checkup": checkup,
        "seen": seen,
        "version": read_version(),
        "is_news": request.GET.get("seen", seen) != seen,
    }
    return show(request, "studio/setup/health_parts.html" if is_part(request) else "studio/setup/health.html", context)


@needs(Ability.LOOK)
def show_summary(request: StudioRequest) -> HttpResponse:
    """One line for other pages."""
    checkup = check_all(redis_client(), at=timezone.now())
    return show(request, "studio/setup/health_summary.html", {"checkup": checkup})
