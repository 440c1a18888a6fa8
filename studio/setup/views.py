"""The pages of setup."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_set_up(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Set-up"})


@needs(Ability.SET_UP)
def show_sources(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Sources"})


@needs(Ability.SET_UP)
def show_source(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Source"})


@needs(Ability.SET_UP)
def show_health(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Health"})
