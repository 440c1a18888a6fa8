"""The pages of rules."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_rules(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Rules"})


@needs(Ability.EDIT)
def show_rule_new(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "New rule"})


@needs(Ability.LOOK)
def show_rule(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Rule"})


@needs(Ability.LOOK)
def show_slots(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Slots"})


@needs(Ability.EDIT)
def show_slot_new(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "New slot"})


@needs(Ability.LOOK)
def show_slot(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Slot"})
