"""What is answered when a page could not be made: come back soon, something here is wrong, there is no such page."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views.defaults import page_not_found

from ingestion.http import PROBLEM
from personalization.errors import problem_body, tell

RETRY_AFTER_S = 5
PROGRAMS = ("/api/", "/graphql")  # callers there read problems, not pages


def answer_failure(request: HttpRequest) -> HttpResponse:
    """Django's handler500: 503 with Retry-After while the database is away, else 500. Says nothing of the inside."""
    error = sys.exc_info()[1] or RuntimeError()
    if request.path.startswith(PROGRAMS):
        return _answer_program(error)
    is_away = isinstance(error, (OperationalError, InterfaceError))
    page = loader.get_template("failure.html").render({"is_away": is_away, "seconds": RETRY_AFTER_S})
    if is_away:
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    return HttpResponse(page, status=500)


def answer_missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if request.path.startswith(PROGRAMS):
        return _answer_program(Http404())
    return page_not_found(request, exception)


def _answer_program(error: BaseException) -> HttpResponse:
    told = tell(error)
    headers = told.named_headers
    return JsonResponse(problem_body(told), status=told.status, headers=headers, content_type=PROBLEM.decode())
