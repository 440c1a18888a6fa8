"""The pages of offers."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_offers(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Offers"})


@needs(Ability.EDIT)
def show_offer_new(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "New offer"})


@needs(Ability.LOOK)
def show_offer(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Offer"})
