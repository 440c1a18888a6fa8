"""Signing in and out, and one's own account."""

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse

from studio.pages import needs, show
from studio.roles import Ability


class SignIn(LoginView):
    template_name = "studio/account/sign_in.html"
    next_page = "studio:overview"


class SignOut(LogoutView):
    next_page = "studio:sign_in"


@needs(Ability.LOOK)
def show_account(request: HttpRequest) -> HttpResponse:
    return show(request, "studio/base.html", {"title": "Account"})
