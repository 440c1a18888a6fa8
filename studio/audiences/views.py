"""The pages of audiences."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_audiences(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Audiences"})


@needs(Ability.EDIT)
def show_audience_new(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "New audience"})


@needs(Ability.LOOK)
def show_audience(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Audience"})
