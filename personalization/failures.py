"""What a page answers when it could not be made: come back soon, or something here is wrong."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

from personalization.rest.errors import answer_failure as answer_problem

RETRY_AFTER_S = 5
REST_PREFIX = "/api/v1/"


def answer_failure(request: HttpRequest) -> HttpResponse:
    """Django's handler500: 503 with Retry-After while the database is away, else 500. Says nothing of the inside."""
    is_away = isinstance(sys.exc_info()[1], (OperationalError, InterfaceError))
    if request.path.startswith(REST_PREFIX):
        return answer_problem(request, is_away=is_away)
    page = loader.get_template("failure.html").render({"is_away": is_away, "seconds": RETRY_AFTER_S})
    if is_away:
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    return HttpResponse(page, status=500)
