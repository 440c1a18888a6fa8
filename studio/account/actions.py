"""What happens when somebody signs in, out, or changes how they sign in; each leaves its trace in the audit trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from axes.utils import reset
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from profiles.audit import Act, record_act
from studio.account.recovery import make_recovery_codes
from studio.models import Session
from studio.sessions import ADDRESS, AGENT, STARTED

KIND = "login"


def note_act(act: Act, user: User, *, by: User | None, at: datetime, note: str = "", **change: Any) -> None:
    """An act about a login."""
    name = user.get_username()
    record_act(act, by=by, at=at, kind=KIND, subject=name, name=name, note=note, **change)


def sign_in(request: HttpRequest, user: User, *, at: datetime) -> None:
    """Signs in whoever has shown all they have to show; the session says since when and where from."""
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session[STARTED] = at.timestamp()
    request.session[ADDRESS] = request.META.get("REMOTE_ADDR") or None
    request.session[AGENT] = request.headers.get("User-Agent", "")[:200]
    note_act(Act.SIGNED_IN, user, by=user, at=at)


@transaction.atomic
def end_sessions(keys: Sequence[str], user: User, *, by: User, at: datetime) -> int:
    """Ends those of the login's sessions; returns how many there were."""
    ended, _ = Session.objects.filter(user=user, session_key__in=list(keys)).delete()
    if ended:
        note_act(Act.SIGNED_OUT, user, by=by, at=at, note=f"{ended} of the login's sessions were ended")
    return ended


def end_all_sessions(user: User, *, by: User, at: datetime, but: str = "") -> int:
    """Ends every session of a login but the one named."""
    keys = Session.objects.filter(user=user).exclude(session_key=but).values_list("session_key", flat=True)
    return end_sessions(list(keys), user, by=by, at=at)


def find_second_step(user: User) -> TOTPDevice | None:
    """The app that shows the login's codes, once it has been confirmed."""
    found: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return found


def start_second_step(user: User) -> TOTPDevice:
    """An app that is being set up: it counts once a code of it was typed in."""
    device, _ = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": "app"})
    return device


@transaction.atomic
def confirm_second_step(user: User, device: TOTPDevice, *, at: datetime) -> list[str]:
    """From now on a code is asked at sign-in. Returns the recovery codes, each of which works once."""
    TOTPDevice.objects.filter(user=user).exclude(pk=device.pk).delete()
    device.confirmed = True
    device.save()
    codes = make_recovery_codes(user)
    note_act(Act.CHANGED, user, by=user, at=at, after={"second_step": True}, before={"second_step": False})
    return codes


@transaction.atomic
def drop_second_step(user: User, *, by: User, at: datetime) -> None:
    """No code is asked any more."""
    gone, _ = TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    if gone:
        note_act(Act.CHANGED, user, by=by, at=at, before={"second_step": True}, after={"second_step": False})


def unlock(user: User, *, by: User, at: datetime) -> None:
    """Lets a login try again that was locked out."""
    if reset(username=user.get_username()):
        note_act(Act.CHANGED, user, by=by, at=at, before={"locked_out": True}, after={"locked_out": False})
