"""The pages of live."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.EVENTS)
def show_live(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Live events"})
