"""The pages of blocks."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_blocks(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Blocks"})


@needs(Ability.EDIT)
def show_block_new(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "New block"})


@needs(Ability.LOOK)
def show_block(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Block"})
