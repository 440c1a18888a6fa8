"""Signing in, in one step or two, and out; and what is said when somebody has guessed too often."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import match_token

from personalization.refused import name_login, note_refusal
from profiles.audit import Act, record_act
from studio.account.actions import KIND, find_second_step, note_act, sign_in
from studio.account.forms import CodeForm, FirstPasswordForm, SignInForm

HALF = "pz_half"  # who has shown the password and not the code yet, in the session
HALF_LASTS = timedelta(minutes=10)


class SignIn(LoginView):
    """The password; whoever has a second step is asked for its code next."""

    template_name = "studio/account/sign_in.html"
    authentication_form = SignInForm
    next_page = "studio:overview"

    def form_valid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]  # the stubs say AuthenticationForm
        user = form.get_user()
        if find_second_step(user) is None:
            sign_in(self.request, user, at=timezone.now())
            return redirect(self.get_success_url())
        self.request.session[HALF] = [user.pk, timezone.now().timestamp()]
        # Where they wanted to go is not kept: it may name a person.
        wanted = urlencode({REDIRECT_FIELD_NAME: self.get_success_url()})
        return redirect(f"{reverse('studio:sign_in_code')}?{wanted}")

    def form_invalid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]  # as above
        note_refusal("studio/sign-in/", "wrong_password")
        return super().form_invalid(form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show_code(request: HttpRequest) -> HttpResponse:
    """The second step."""
    user_id, at = request.session.get(HALF, (None, 0.0))
    is_late = timezone.now().timestamp() - at > HALF_LASTS.total_seconds()
    user = None if is_late else User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return redirect("studio:sign_in")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        # Each wrong code makes the next try wait longer; django-otp counts them by device.
        if match_token(user, form.cleaned_data["code"]) is not None:
            del request.session[HALF]
            sign_in(request, user, at=timezone.now())
            return redirect(_find_way(request))
        note_refusal("studio/sign-in/code/", "wrong_code", name_login(user.pk))
        form.add_error(
            "code", _("That is not the code, or it was typed too soon after a wrong one. Wait, and try anew.")
        )
    context = {"form": form, "title": _("Your code")}
    status = 422 if form.errors else 200
    return TemplateResponse(request, "studio/account/code.html", context, status=status)


def _find_way(request: HttpRequest) -> str:
    """To where they wanted to go, if that is a page of this site."""
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else reverse("studio:overview")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    user = request.user
    if isinstance(user, User):
        note_act(Act.SIGNED_OUT, user, by=user, at=timezone.now())
    logout(request)
    return redirect("studio:sign_in")


def answer_locked(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Mapping[str, Any] | None = None
) -> HttpResponse:
    """What axes shows whoever has guessed too often; the trail tells once each time it shuts."""
    name = str((credentials or {}).get("username") or request.POST.get("username", ""))[:150]
    note = f"from {request.META.get('REMOTE_ADDR', '')}"
    now = timezone.now()
    note_refusal("studio/sign-in/", "locked_out")
    record_act(Act.LOCKED_OUT, by=None, at=now, kind=KIND, subject=name, name=name, note=note)
    context = {"minutes": int(settings.AXES_COOLOFF_TIME.total_seconds() // 60), "title": _("Too many tries")}
    return TemplateResponse(request, "studio/account/locked.html", context, status=429).render()


def make_welcome(user: User) -> str:
    """The path by which somebody sets their password: it works once, and for as long as PASSWORD_RESET_TIMEOUT."""
    token = default_token_generator.make_token(user)
    return reverse("studio:welcome", args=[urlsafe_base64_encode(str(user.pk).encode()), token])


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def show_welcome(request: HttpRequest, uid: str, token: str) -> HttpResponseBase:
    """Setting one's password by the link that an owner has handed over."""
    user = _find_welcomed(uid)
    if user is None or not default_token_generator.check_token(user, token):
        return TemplateResponse(
            request, "studio/account/welcome_over.html", {"title": _("This link is over")}, status=410
        )
    form = FirstPasswordForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        note_act(Act.CHANGED, user, by=user, at=timezone.now(), after={"password": "set"})
        return redirect("studio:sign_in")
    context = {"form": form, "title": _("Choose your password"), "name": user.get_username()}
    return TemplateResponse(request, "studio/account/welcome.html", context, status=422 if form.errors else 200)


def _find_welcomed(uid: str) -> User | None:
    try:
        pk = int(urlsafe_base64_decode(uid).decode())
    except ValueError:
        return None
    return User.objects.filter(pk=pk, is_active=True).first()
