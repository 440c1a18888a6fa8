"""Signing in: one way for everybody, in two steps where one wants them, and shut after too many guesses."""

import time
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from profiles.audit import Act
from profiles.models import AuditEntry
from studio.account.sign_in import make_welcome
from studio.models import Session
from studio.sessions import BY_ITSELF, STARTED
from tests.studio.people import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
SIGN_IN = "/studio/sign-in/"


@pytest.fixture
def maria(redis_client: Any) -> User:
    user = make_user("marketer", name="maria")
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, password: str = PASSWORD, name: str = "maria", **more: str) -> Any:
    return client.post(SIGN_IN, {"username": name, "password": password, **more})


def code_of(user: User) -> str:
    """What the app of the user shows now."""
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = time.time()
    return f"{totp.token():06d}"


def switch_codes_on(client: Client, user: User) -> list[str]:
    client.get("/studio/account/codes/")
    page = client.post("/studio/account/codes/", {"code": code_of(user)})
    codes: list[str] = page.context["codes"]
    TOTPDevice.objects.filter(user=user).update(last_t=-1)  # a code works once, and the next one comes in 30 s
    return codes


def test_whoever_shows_the_password_is_in_and_the_trail_says_so(maria: User) -> None:
    client = Client(headers={"User-Agent": "Browser 1"})
    assert sign_in(client, next="/studio/audiences/")["Location"] == "/studio/audiences/"
    assert client.get("/studio/").status_code == 200
    session = Session.objects.get(user=maria)
    assert (session.agent, session.address) == ("Browser 1", "127.0.0.1")
    assert session.started is not None and timezone.now() - session.started < timedelta(minutes=1)
    assert list(AuditEntry.objects.values_list("act", "subject", "by")) == [("signed_in", "maria", maria.pk)]
    client.post("/studio/sign-out/")
    assert client.get("/studio/").status_code == 302
    assert AuditEntry.objects.filter(act=Act.SIGNED_OUT, subject="maria").count() == 1


def test_another_site_is_never_where_one_goes_next(maria: User) -> None:
    assert sign_in(Client(), next="https://evil.example/")["Location"] == "/studio/"


def test_operators_sign_in_at_the_same_door() -> None:
    answer = Client().get("/admin/login/?next=/admin/")
    assert answer["Location"] == f"{SIGN_IN}?next=/admin/"


def test_five_wrong_passwords_shut_the_door_for_this_name_from_here(maria: User) -> None:
    tries = [sign_in(Client(), "wrong").status_code for _ in range(6)]
    assert tries[:4] == [200] * 4 and tries[-1] == 429
    locked = sign_in(Client())
    assert locked.status_code == 429
    assert b"Wait 15 minutes" in locked.content
    assert AuditEntry.objects.filter(act=Act.LOCKED_OUT, subject="maria").exists()
    other = make_user("viewer", name="paul")
    other.set_password(PASSWORD)
    other.save()
    assert sign_in(Client(), name="paul").status_code == 302


def test_the_trail_never_says_a_password(maria: User) -> None:
    for _ in range(6):
        sign_in(Client(), "my-secret-password")
    sign_in(Client(), PASSWORD)
    for entry in AuditEntry.objects.values():
        assert "password" not in str(entry) or "secret" not in str(entry)
        assert PASSWORD not in str(entry)


def test_with_codes_the_password_alone_opens_nothing(maria: User) -> None:
    client = Client()
    sign_in(client)
    switch_codes_on(client, maria)
    second = Client()
    code_page = sign_in(second, next="/studio/publish/")["Location"]
    assert code_page == "/studio/sign-in/code/?next=%2Fstudio%2Fpublish%2F"
    assert second.get("/studio/").status_code == 302
    assert second.post("/studio/sign-in/code/", {"code": "000000"}).status_code == 422
    assert second.get("/studio/").status_code == 302
    TOTPDevice.objects.filter(user=maria).update(throttling_failure_count=0, last_t=-1)
    assert second.post(code_page, {"code": code_of(maria)})["Location"] == "/studio/publish/"
    assert second.get("/studio/").status_code == 200


def test_after_the_code_too_another_site_is_never_where_one_goes(maria: User) -> None:
    client, second = Client(), Client()
    sign_in(client)
    switch_codes_on(client, maria)
    sign_in(second)
    answer = second.post("/studio/sign-in/code/?next=https://evil.example/", {"code": code_of(maria)})
    assert answer["Location"] == "/studio/"


def test_where_somebody_wanted_to_go_is_not_kept(maria: User) -> None:
    """It may be the search for a person."""
    wanted = "/studio/people/?q=ann@example.com"
    client, second = Client(), Client()
    sign_in(client)
    switch_codes_on(client, maria)
    sign_in(second, next=wanted)
    sign_in(Client(), "wrong", next=wanted)
    assert [session.get_decoded() for session in Session.objects.all() if "people" in str(session.get_decoded())] == []
    assert AccessAttempt.objects.exists()
    assert [row for row in AccessAttempt.objects.values() if "people" in str(row)] == []


def test_a_recovery_code_lets_in_once(maria: User) -> None:
    client = Client()
    sign_in(client)
    codes = switch_codes_on(client, maria)
    assert len(codes) == 8
    first, again = Client(), Client()
    sign_in(first)
    assert first.post("/studio/sign-in/code/", {"code": codes[0]}).status_code == 302
    sign_in(again)
    assert again.post("/studio/sign-in/code/", {"code": codes[0]}).status_code == 422


def test_what_the_database_has_of_recovery_codes_opens_nothing(maria: User) -> None:
    client = Client()
    sign_in(client)
    codes = switch_codes_on(client, maria)
    kept = set(StaticToken.objects.filter(device__user=maria).values_list("token", flat=True))
    assert len(kept) == 8 and not kept & {each.replace("-", "") for each in codes}
    second = Client()
    sign_in(second)
    assert second.post("/studio/sign-in/code/", {"code": kept.pop()}).status_code == 422
    StaticDevice.objects.filter(user=maria).update(throttling_failure_count=0, throttling_failure_timestamp=None)
    typed = codes[3].upper().replace("-", " ")
    assert second.post("/studio/sign-in/code/", {"code": typed}).status_code == 302


def test_guesses_of_codes_are_slowed_down(maria: User) -> None:
    client = Client()
    sign_in(client)
    switch_codes_on(client, maria)
    second = Client()
    sign_in(second)
    second.post("/studio/sign-in/code/", {"code": "000000"})
    assert second.post("/studio/sign-in/code/", {"code": code_of(maria)}).status_code == 422  # right, but too soon


def test_switching_codes_off_asks_for_the_password(maria: User) -> None:
    client = Client()
    sign_in(client)
    switch_codes_on(client, maria)
    assert client.post("/studio/account/codes/off/", {"password": "wrong"}).status_code == 422
    assert TOTPDevice.objects.filter(user=maria, confirmed=True).exists()
    assert client.post("/studio/account/codes/off/", {"password": PASSWORD}).status_code == 302
    assert not TOTPDevice.objects.exists()


def test_sessions_are_seen_and_ended(maria: User) -> None:
    here, there, third = Client(), Client(headers={"User-Agent": "Phone"}), Client()
    for client in (here, there, third):
        sign_in(client)
    page = here.get("/studio/account/").content.decode()
    assert "Phone" in page and page.count('name="key"') == 2
    key = Session.objects.get(user=maria, agent="Phone").pk
    here.post("/studio/account/sessions/end/", {"key": key})
    assert there.get("/studio/").status_code == 302 and third.get("/studio/").status_code == 200
    here.post("/studio/account/sessions/end/")
    assert third.get("/studio/").status_code == 302 and here.get("/studio/").status_code == 200


def test_a_session_is_over_when_nobody_has_used_it_for_a_while(maria: User) -> None:
    client, ours = Client(), Session.objects.filter(user=maria)
    sign_in(client)
    now, idle = timezone.now(), timedelta(minutes=settings.PZ_SESSION_IDLE_MINUTES)
    ours.update(seen=now - idle + timedelta(minutes=1))
    assert client.get("/studio/", headers={BY_ITSELF: "1"}).status_code == 200  # the page asks, and nobody is there
    assert ours.get().seen < now
    assert client.get("/studio/").status_code == 200
    assert ours.get().seen > now
    ours.update(seen=now - idle)
    assert client.get("/studio/").status_code == 302
    assert not ours.exists()


def test_a_session_that_is_saved_does_not_last_longer(maria: User) -> None:
    client = Client()
    sign_in(client)
    session = client.session
    session[STARTED] -= settings.SESSION_COOKIE_AGE - 3_600
    session.save()
    assert Session.objects.get(user=maria).expire_date < timezone.now() + timedelta(hours=1, minutes=1)
    session = client.session
    session[STARTED] -= 3_600
    session.save()
    assert client.get("/studio/").status_code == 302


def test_nobody_ends_somebody_elses_session(maria: User) -> None:
    here, stranger = Client(), Client()
    sign_in(here)
    stranger.force_login(make_user("owner"))
    stranger.post("/studio/account/sessions/end/", {"key": Session.objects.get(user=maria).pk})
    assert here.get("/studio/").status_code == 200


def test_a_new_password_ends_the_other_sessions(maria: User) -> None:
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    new = {"new_password1": "another battery staple", "new_password2": "another battery staple"}
    assert here.post("/studio/account/password/", {"old_password": "wrong", **new}).status_code == 422
    assert here.post("/studio/account/password/", {"old_password": PASSWORD, **new}).status_code == 302
    assert here.get("/studio/").status_code == 200 and there.get("/studio/").status_code == 302


def test_a_link_sets_a_password_once(maria: User) -> None:
    link, new = (
        make_welcome(maria),
        {"new_password1": "another battery staple", "new_password2": "another battery staple"},
    )
    assert Client().post(link, {"new_password1": "short", "new_password2": "short"}).status_code == 422
    assert Client().post(link, new)["Location"] == SIGN_IN
    assert Client().post(link, new).status_code == 410
    assert sign_in(Client(), "another battery staple").status_code == 302


@pytest.mark.parametrize("link", ["/studio/welcome/eA/abc/", "/studio/welcome/MQ/abc-def/", "/studio/welcome/__/a-b/"])
def test_a_made_up_link_is_over(link: str) -> None:
    assert Client().get(link).status_code == 410
