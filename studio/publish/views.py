"""The pages of publish."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_publish(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Publish"})


@needs(Ability.LOOK)
def show_books(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Books"})


@needs(Ability.LOOK)
def show_book(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Book"})
