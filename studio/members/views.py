"""The pages of members."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.MEMBERS)
def show_members(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "People and roles"})
