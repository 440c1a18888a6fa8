"""The pages of people."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.PEOPLE)
def show_people(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "People"})


@needs(Ability.PEOPLE)
def show_person(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Person"})
