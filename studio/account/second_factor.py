"""Who has to have a second step before anything else: members of the roles of PZ_REQUIRE_SECOND_FACTOR."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from ingestion.http import PROBLEM
from personalization.errors import CallRefused, problem_body, tell
from personalization.failures import PROGRAMS
from studio.account.actions import find_second_step
from studio.pages import HOME
from studio.roles import find_visitor

GUARDED = (HOME, "/admin/", *PROGRAMS)
SET_UP = "studio:second_step"
OPEN = frozenset({SET_UP, "studio:sign_in", "studio:sign_in_code", "studio:sign_out", "studio:welcome", "admin:logout"})


def lacks_second_step(user: User | AnonymousUser) -> bool:
    """Whether the login has to set one up. Operators of the admin who have no role need one as soon as anybody does."""
    roles = settings.PZ_REQUIRE_SECOND_FACTOR
    if not roles or not isinstance(user, User):
        return False
    visitor = find_visitor(user)
    needs = user.is_staff if visitor is None else visitor.role in roles
    return needs and find_second_step(user) is None


class RequireSecondFactor(MiddlewareMixin):
    """Middleware: leads them to the page where it is set up, from every page of the Studio and the admin."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.PZ_REQUIRE_SECOND_FACTOR:
            raise MiddlewareNotUsed
        super().__init__(get_response)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        match = request.resolver_match
        is_open = not request.path.startswith(GUARDED) or (match is not None and match.view_name in OPEN)
        if is_open or not lacks_second_step(request.user):
            return None
        if request.path.startswith(PROGRAMS):
            told = tell(CallRefused("second_factor_needed", "set up a second step in the Studio first"))
            return JsonResponse(problem_body(told), status=told.status, content_type=PROBLEM.decode())
        where = reverse(SET_UP)
        if request.headers.get("HX-Request"):
            return HttpResponse(status=403, headers={"HX-Redirect": where})
        return redirect(where)
