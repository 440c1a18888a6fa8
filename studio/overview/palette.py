"""What Ctrl-K finds: pages by their names."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_palette(request: HttpRequest) -> HttpResponse:
    return show(request, "studio/overview/palette.html", {})
