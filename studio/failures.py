"""What is answered when a page of the Studio could not be made: said inside its frame to those who work here."""

import sys

from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from personalization import failures
from studio.pages import HOME, is_part
from studio.roles import find_visitor


def answer_missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if _comes_from_the_studio(request):
        return render(request, "studio/missing.html", {"title": _("There is no such page")}, status=404)
    return failures.answer_missing(request, exception)


def answer_failure(request: HttpRequest) -> HttpResponse:
    """Django's handler500. The frame needs the database: while it is away, or when the frame is what broke, the page
    is a plain one."""
    plain = failures.answer_failure(request)
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return plain
    try:
        if _comes_from_the_studio(request):
            return render(request, "studio/failed.html", {"title": _("Something is wrong")}, status=500)
    except Exception:  # whatever it is, the failure that came before it is the one that is told
        return plain
    return plain


def _comes_from_the_studio(request: HttpRequest) -> bool:
    """Whether a member asked for a whole page of it."""
    if not request.path.startswith(HOME) or is_part(request):
        return False
    visitor = find_visitor(getattr(request, "user", AnonymousUser()))
    if visitor is None:
        return False
    request.visitor = visitor  # type: ignore[attr-defined]  # what the frame asks for
    return True
