"""Every address of Django's x everybody who could ask: in, sent to sign in, or refused, as one table says.

What keys and tokens may at /api/v1 and at the raw doors, scope by scope, is in tests/doors/test_auth_matrix.py; here is
who else could ask there, and everything that is behind no key.
"""

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from ingestion.scopes import Scope
from personalization import wiring
from personalization.callers import PERMISSIONS
from profiles.clients import Client
from studio.roles import Ability
from tests.doors.conftest import WRITE_KEY, put_in_force
from tests.doors.keyring import REVOKED_SECRET, REVOKED_TOKEN, keep_tokens, name_secret, name_token
from tests.security.routes import ONES_OWN, QUESTIONS, ROLES, Guard, Route, list_routes, may
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db

ROUTES = list_routes()
IN, SIGN_IN, UNKNOWN, REFUSED, NOTHING = "in", "sign in", "unknown", "refused", "nothing"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


class Asker(NamedTuple):
    """Somebody who asks: what they send, and how they signed in."""

    name: str
    headers: dict[str, str]
    sign_in: Callable[[], Browser] = Browser
    role: str | None = None
    is_staff: bool = False
    is_superuser: bool = False


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


def _sign_in_staff(*, is_superuser: bool = False) -> Callable[[], Browser]:
    def do() -> Browser:
        browser = Browser()
        browser.force_login(
            User.objects.create_user(f"operator-{User.objects.count()}", is_staff=True, is_superuser=is_superuser)
        )
        return browser

    return do


WITH_KEYS = (
    Asker("write key", _basic(WRITE_KEY)),
    Asker("secret key of every scope", _bearer(name_secret(*Scope, has=True))),
    Asker("token of every scope", _bearer(name_token(*Scope, has=True))),
    Asker("wrong key", _bearer("sk-wrong")),
    Asker("revoked key", _bearer(REVOKED_SECRET)),
    Asker("revoked token", _bearer(REVOKED_TOKEN)),
)
NOBODY = Asker("nobody", {})
MEMBERS = tuple(
    Asker(f"{role.value} of the Studio", {}, lambda role=role: sign_in(role.value), role=role.value)  # type: ignore[misc]
    for role in ROLES
)
STAFF = Asker("staff without permissions", {}, _sign_in_staff(), is_staff=True)
SUPERUSER = Asker("superuser", {}, _sign_in_staff(is_superuser=True), is_staff=True, is_superuser=True)
STRANGERS = (NOBODY, *WITH_KEYS)


@pytest.fixture(autouse=True)
def keyring(things: None, redis_client: Client) -> None:
    """Keys and tokens of every kind are in force, so that they are refused for what they are."""
    put_in_force(redis_client)
    keep_tokens(redis_client)
    wiring.gate.cache_clear()


def expect(asker: Asker, route: Route, method: str) -> set[str]:
    """What the table says may become of it. Of what is not there, who may come in is told so."""
    is_in = {IN, NOTHING}
    match route.guard:
        case Guard.NOBODY:
            return is_in
        case Guard.CLIENT:
            return {IN, UNKNOWN, REFUSED}  # what is sent is looked at, and is no client's secret
        case Guard.STUDIO:
            if asker.is_superuser or (asker.role is not None and may(asker.role, route.abilities(method))):
                return is_in
            return {REFUSED} if asker.role is not None or asker.is_staff else {SIGN_IN}
        case Guard.STAFF:
            return is_in if asker.is_staff else {SIGN_IN}
        case Guard.OPERATOR:
            if asker.is_superuser:
                return {*is_in, REFUSED} if route.route.endswith(NOBODYS) else is_in
            return {REFUSED, NOTHING} if asker.is_staff else {SIGN_IN}
        case Guard.TABLE:
            door = route.door(method)
            if asker.is_superuser and door.session:
                return is_in if door.any_scope or door.scope in PERMISSIONS else {REFUSED}
            return {REFUSED} if asker.is_staff and door.session else {UNKNOWN}


# Pages of the admin at which nobody adds, changes or removes anything, whoever they are.
NOBODYS = ("/add/", "/delete/", "/change/", "/autocomplete/", "/config/", "/qrcode/")


def judge(answer: Any) -> str:
    """What became of a call."""
    where = answer.headers.get("Location", "")
    if answer.status_code == 401:
        return SIGN_IN if answer.headers.get("HX-Redirect") else UNKNOWN
    if answer.status_code in (301, 302) and ("/sign-in/" in where or "/admin/login/" in where) and "next=" in where:
        return SIGN_IN
    if answer.status_code == 302 and where.startswith("/admin/"):
        return NOTHING  # the admin does so with what is not there
    return {403: REFUSED, 404: NOTHING, 405: NOTHING}.get(answer.status_code, IN)


def ask(browser: Browser, asker: Asker, method: str, route: Route) -> Any:
    if method in ("POST", "PUT", "PATCH") and route.guard is Guard.TABLE:
        return browser.generic(method, route.path, "{}", content_type="application/json", headers=asker.headers)
    return browser.generic(method, route.path, headers=asker.headers)


def walk(askers: tuple[Asker, ...], *, guards: set[Guard], unsafe: bool) -> str:
    """Where it is not as the table says."""
    wrong = []
    for asker in askers:
        browser = asker.sign_in()
        browser.raise_request_exception = False
        for route in (each for each in ROUTES if each.guard in guards):
            for method in (each for each in route.methods if (each in UNSAFE) is unsafe and each != "HEAD"):
                if route.path.endswith("/sign-out/") or "logout" in route.path:
                    continue  # it would end what the others are asked with; test_cookies.py looks at it
                answer = ask(browser, asker, method, route)
                if judge(answer) not in expect(asker, route, method) or answer.status_code >= 500:
                    wrong.append(f"{asker.name}: {method} {route.path}: {answer.status_code} {judge(answer)}")
    return "\n".join(wrong)


def test_every_route_has_its_row() -> None:
    """Of a route without one, say in tests/security/routes.py who stands at its door."""
    assert len(ROUTES) > 460
    assert {route.guard for route in ROUTES} == set(Guard)
    for route in (each for each in ROUTES if each.guard is Guard.STUDIO):
        assert isinstance(route.ability, Ability), route.route
    for route in (each for each in ROUTES if each.guard is Guard.TABLE):
        assert all(route.door(method) for method in route.methods), route.route


def test_what_changes_something_asks_for_more_than_looking() -> None:
    """But for one's own account, and for questions that are too long for an address."""
    posts = {
        each.route
        for each in ROUTES
        if each.guard is Guard.STUDIO and set(each.methods) & set(UNSAFE) and each.abilities("POST") == (Ability.LOOK,)
    }
    assert posts == ONES_OWN | QUESTIONS


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_strangers_and_keys_come_in_nowhere(unsafe: bool) -> None:
    """A key of every scope is no member, and no operator."""
    guards = {Guard.NOBODY, Guard.STUDIO, Guard.STAFF, Guard.OPERATOR, Guard.CLIENT}
    assert walk(STRANGERS[:1], guards=guards, unsafe=unsafe) == ""
    assert walk(WITH_KEYS, guards={Guard.STUDIO, Guard.STAFF, Guard.OPERATOR}, unsafe=unsafe) == ""


@pytest.mark.parametrize("asker", MEMBERS, ids=lambda each: each.name)
def test_members_do_what_their_role_may(asker: Asker) -> None:
    """Looking at pages is in tests/studio/test_roles.py."""
    assert walk((asker,), guards={Guard.STUDIO}, unsafe=True) == ""


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_a_member_is_no_operator_and_calls_no_api(unsafe: bool) -> None:
    assert walk(MEMBERS[-1:], guards={Guard.STAFF, Guard.OPERATOR, Guard.TABLE}, unsafe=unsafe) == ""


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_an_operator_without_permissions_sees_the_admins_front_and_nothing_behind(unsafe: bool) -> None:
    guards = {Guard.STUDIO, Guard.STAFF, Guard.OPERATOR, Guard.TABLE}
    assert walk((STAFF,), guards=guards, unsafe=unsafe) == ""


def test_a_superuser_comes_in_everywhere() -> None:
    guards = {Guard.STUDIO, Guard.STAFF, Guard.OPERATOR, Guard.TABLE}
    assert walk((SUPERUSER,), guards=guards, unsafe=False) == ""
