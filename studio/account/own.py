"""One's own account: password, second step, language, and where one is signed in."""

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import check_for_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from personalization.agents import read_agent
from profiles.audit import Act
from studio.account.actions import (
    confirm_second_step,
    drop_second_step,
    end_all_sessions,
    end_sessions,
    find_second_step,
    note_act,
    start_second_step,
)
from studio.account.forms import CodeForm, NewPasswordForm, PasswordForm
from studio.models import Member, Session
from studio.pages import StudioRequest, find_by, needs, show
from studio.roles import MEANINGS, Ability
from studio.sessions import find_idle_since

YEAR_S = 31_536_000


def _name_browser(agent: str) -> str:
    """“Chrome, Linux” of what a browser says of itself; of what is not known, all of it."""
    told = read_agent(agent)
    names = [told["browser"]["name"], told["os"]["name"]]
    return ", ".join(filter(None, names)) or agent


@needs(Ability.LOOK)
def show_account(request: StudioRequest) -> HttpResponse:
    user, role = request.visitor.user, Member.Role(request.visitor.role)
    now = timezone.now()
    sessions = Session.objects.filter(user=user, expire_date__gt=now, seen__gt=find_idle_since(now)).order_by("-seen")
    context = {
        "title": _("Your account"),
        "meaning": MEANINGS[role],
        "role_name": role.label,
        "second_step": find_second_step(user),
        "sessions": [(each, _name_browser(each.agent)) for each in sessions],
        "this_session": request.session.session_key,
        "languages": settings.LANGUAGES,
        "language": request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
    }
    return show(request, "studio/account/account.html", context)


@needs(Ability.LOOK, methods=["GET", "HEAD", "POST"])
def show_password(request: HttpRequest) -> HttpResponse:
    """A new password; other sessions end with the old one."""
    user = find_by(request)
    form = NewPasswordForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        update_session_auth_hash(request, user)
        note_act(Act.CHANGED, user, by=user, at=timezone.now(), after={"password": "changed"})
        messages.success(request, _("Your password is changed. You are signed out everywhere else."))
        return redirect("studio:account")
    context = {"title": _("Change your password"), "form": form}
    return show(request, "studio/account/form.html", context, status=422 if form.errors else 200)


@never_cache
@needs(Ability.LOOK, methods=["GET", "HEAD", "POST"])
def show_second_step(request: HttpRequest) -> HttpResponse:
    """Setting up the app that shows codes: a picture to scan, and a first code that proves it works."""
    user = find_by(request)
    if find_second_step(user) is not None:
        return redirect("studio:account")
    device = start_second_step(user)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        if device.verify_token(form.cleaned_data["code"]):
            codes = confirm_second_step(user, device, at=timezone.now())
            return show(request, "studio/account/recovery.html", {"title": _("Your recovery codes"), "codes": codes})
        form.add_error("code", _("That is not the code that the app should show now. Look at the clock of your phone."))
    context = {
        "title": _("Codes from an app"),
        "form": form,
        "picture": segno.make(device.config_url, error="m").svg_inline(scale=5, dark="#16161f", light="#ffffff"),
        "secret": device.config_url.partition("secret=")[2].partition("&")[0],
    }
    return show(request, "studio/account/second_step.html", context, status=422 if form.errors else 200)


@needs(Ability.LOOK, methods=["GET", "HEAD", "POST"])
def show_drop_second_step(request: HttpRequest) -> HttpResponse:
    user = find_by(request)
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        if user.check_password(form.cleaned_data["password"]):
            drop_second_step(user, by=user, at=timezone.now())
            messages.success(request, _("From now on your password alone lets you in."))
            return redirect("studio:account")
        form.add_error("password", _("That is not your password."))
    context = {"title": _("No more codes"), "form": form}
    return show(request, "studio/account/form.html", context, status=422 if form.errors else 200)


@needs(Ability.LOOK, methods=["POST"])
def end_session(request: HttpRequest) -> HttpResponse:
    """Ends one session, or all but this one."""
    user = find_by(request)
    key = request.POST.get("key", "")
    if key:
        ended = end_sessions([key], user, by=user, at=timezone.now())
    else:
        ended = end_all_sessions(user, by=user, at=timezone.now(), but=request.session.session_key or "")
    messages.success(request, _("Ended: %(count)s.") % {"count": ended})
    return redirect("studio:account")


@needs(Ability.LOOK, methods=["POST"])
def choose_language(request: HttpRequest) -> HttpResponse:
    """The language of the Studio in this browser; empty: the browser's."""
    language = request.POST.get("language", "")
    answer = redirect("studio:account")
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        name, is_secure = settings.LANGUAGE_COOKIE_NAME, settings.LANGUAGE_COOKIE_SECURE
        answer.set_cookie(name, language, max_age=YEAR_S, secure=is_secure, httponly=True, samesite="Lax")
    else:
        answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
    return answer
