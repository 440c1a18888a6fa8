"""Who else has a draft open: known for a few seconds at a time, as a page that is open says so again and again."""

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from studio.pages import find_by, needs, show
from studio.roles import Ability

STAYS_S = 25  # after a page was heard of last; it says so every 10 s


def _key(kind: str, slug: str) -> str:
    return f"studio:presence:{kind}:{slug}"


def sit_down(kind: str, slug: str, name: str) -> list[str]:
    """Notes that `name` has it open; returns who else has."""
    now = timezone.now().timestamp()
    seats = {who: at for who, at in (cache.get(_key(kind, slug)) or {}).items() if now - at < STAYS_S}
    seats[name] = now
    cache.set(_key(kind, slug), seats, STAYS_S)
    return sorted(who for who in seats if who != name)


def stand_up(kind: str, slug: str, name: str) -> None:
    seats = cache.get(_key(kind, slug)) or {}
    if seats.pop(name, None) is not None:
        cache.set(_key(kind, slug), seats, STAYS_S)


@needs(Ability.EDIT, methods=("GET", "POST"))
def show_presence(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    """The line that says who else is at it; with POST: the page was closed."""
    name = find_by(request).get_username()
    if request.method == "POST":
        stand_up(kind, slug, name)
        return HttpResponse(status=204)
    return show(request, "studio/parts/presence_line.html", {"others": sit_down(kind, slug, name)})


urlpatterns = [path("<slug:kind>/<slug:slug>/", show_presence, name="presence")]
