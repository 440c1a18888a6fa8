"""The pages of audit."""

from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_audit(request: HttpRequest, **place: object) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Audit trail"})
