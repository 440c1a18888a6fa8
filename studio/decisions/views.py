"""The pages of decisions."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.PEOPLE)
def show_decisions(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Decisions"})


@needs(Ability.PEOPLE)
def show_decision(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Decision"})


@needs(Ability.PEOPLE)
def show_back_tests(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Back-tests"})
