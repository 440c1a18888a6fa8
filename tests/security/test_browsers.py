"""What browsers are told and asked for: forged calls, foreign origins, headers of every kind of answer, cookies."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from pytest_django import DjangoDbBlocker
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from personalization.asgi import Application
from personalization.metrics_door import is_from_here
from personalization.servers import free_port
from personalization.web import Web
from profiles.clients import Client
from studio.live.admission import is_our_page
from tests.docs.pages import ROOT, fences
from tests.doors.conftest import WRITE_KEY, put_in_force
from tests.doors.keyring import EVERY, keep_tokens, name_secret
from tests.product import wait_until
from tests.security.routes import Guard, Route, list_routes

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
EVIL = "https://evil.example"
PROXIED = {"X-Forwarded-Proto": "https"}
BEARER = {"Authorization": f"Bearer {name_secret(*EVERY, has=True)}"}

# --- Forged calls -----------------------------------------------------------------------------------------------------


def list_unsafe() -> list[tuple[Route, str]]:
    """Everything that a page of somebody else could make a browser send with the cookies of who is signed in."""
    return [
        (route, method)
        for route in list_routes()
        if route.guard is not Guard.CLIENT  # asks for a secret, and looks at no cookie
        for method in set(route.methods) & set(UNSAFE) or ({"POST"} if route.guard is not Guard.TABLE else set())
    ]


@pytest.fixture
def signed_in(redis_client: Client, db: None) -> Browser:
    """The browser of somebody who may do everything, where forged calls are looked for."""
    put_in_force(redis_client)
    browser = Browser(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("owner"))
    return browser


def test_only_doors_that_look_at_no_cookie_or_look_for_themselves_are_exempt() -> None:
    exempt = {each.guard for each in list_routes() if getattr(each.view, "csrf_exempt", False)}
    assert exempt == {Guard.CLIENT, Guard.TABLE}


def test_a_call_without_the_forms_own_token_changes_nothing(signed_in: Browser) -> None:
    wrong = []
    for route, method in list_unsafe():
        answer = signed_in.generic(method, route.path, "{}", content_type="application/json")
        is_session = route.guard is not Guard.TABLE or route.door(method).session
        if answer.status_code not in ((403, 405) if is_session else (401, 403, 405)):
            wrong.append(f"{method} {route.path}: {answer.status_code}")
    assert "\n".join(wrong) == ""


def test_a_foreign_page_that_has_the_token_changes_nothing(signed_in: Browser) -> None:
    token = find_token(signed_in)
    wrong = []
    for route, method in list_unsafe():
        headers = {"X-CSRFToken": token, "Origin": EVIL}
        answer = signed_in.generic(method, route.path, "{}", content_type="application/json", headers=headers)
        if answer.status_code not in (401, 403, 405):
            wrong.append(f"{method} {route.path}: {answer.status_code}")
    assert "\n".join(wrong) == ""


def test_ones_own_page_with_the_token_does(signed_in: Browser) -> None:
    headers = {"X-CSRFToken": find_token(signed_in), "Origin": "http://testserver"}
    assert signed_in.post("/studio/account/language/", {"language": "de"}, headers=headers).status_code == 302
    assert signed_in.cookies["django_language"].value == "de"


def find_token(browser: Browser) -> str:
    browser.get("/admin/rules/slot/add/")
    return browser.cookies["csrftoken"].value


# --- A web process as in production -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[httpx.Client]:
    """A client of a web process with the settings of the page on production, behind a proxy that speaks HTTPS."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
        put_in_force(client)
        keep_tokens(client)
    port, name = free_port(), connection.settings_dict["NAME"]
    database = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"
    more = {"DATABASE_URL": database, "PZ_HTTPS": "on", "PZ_HSTS_SUBDOMAINS": "on", "ALLOWED_HOSTS": "engine.example"}
    command = ("-m", "uvicorn", "personalization.asgi:application", "--port", str(port), "--ws", "websockets-sansio")
    web = subprocess.Popen(
        [sys.executable, *command, "--no-access-log", "--no-server-header"],
        cwd=ROOT,
        env={**os.environ, **more},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_open(port), 150)
        headers = {"Host": "engine.example", **PROXIED}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as made:
            yield made
    finally:
        web.terminate()
        web.wait(30)


def is_open(port: int) -> bool:
    """Whether the doors are open, and know who may come in."""
    with suppress(httpx.TransportError):
        question = {"slots": ["hero"], "writeKey": WRITE_KEY}
        asked = httpx.post(f"http://127.0.0.1:{port}/api/v1/decide", json=question, headers=PROXIED, timeout=60)
        return asked.status_code == 200
    return False


# Method, path, headers, and which origins may read the answer: everybody's ("*") or nobody else's.
ANSWERS: list[tuple[str, str, dict[str, str], str | None]] = [
    *(("GET", path, {}, None) for path in ("/", "/demo/", "/demo/p/none/", "/nowhere", "/favicon.ico")),
    *(("GET", f"/studio/{path}", {}, None) for path in ("", "sign-in/", "sign-in/code/", "catalog.js", "nowhere/")),
    *(("GET", f"/studio/{path}", {}, None) for path in ("people/", "welcome/a/b/", "live/")),
    ("POST", "/studio/sign-in/", {}, None),
    ("POST", "/studio/sign-out/", {}, None),
    *(("GET", f"/admin/{path}", {}, None) for path in ("", "login/", "nowhere/", "rules/slot/")),
    *((method, "/api/v1/slots", {}, None) for method in ("GET", "POST", "OPTIONS", "HEAD", "TRACE")),
    ("GET", "/api/v1/slots", BEARER, None),
    ("GET", "/api/v1/nowhere", BEARER, None),
    ("DELETE", "/api/v1/slots/none", BEARER, None),
    ("POST", "/api/v1/events", BEARER, None),
    *((method, f"/oauth/{path}", {}, None) for path in ("token", "revoke", "introspect") for method in ("POST", "GET")),
    *((method, "/graphql", {}, None) for method in ("POST", "GET", "OPTIONS")),
    ("POST", "/graphql", BEARER, None),
    *((method, "/v1/batch", {}, "*") for method in ("POST", "GET", "OPTIONS")),
    ("POST", "/beacon/v1/batch", {}, "*"),
    ("GET", "/v1/nowhere", {}, "*"),
    ("GET", "/sourceConfig", {}, "*"),
    ("GET", f"/sourceConfig?writeKey={WRITE_KEY}", {}, "*"),
    ("GET", f"/v1/projects/{WRITE_KEY}/settings", {}, "*"),
    *((method, "/api/v1/decide", {}, "*") for method in ("POST", "GET", "OPTIONS")),
    ("POST", "/api/v1/decide/batch", BEARER, "*"),
    ("POST", "/api/v1/email/render", BEARER, "*"),
    *(("GET", f"/edge/v1/{path}", {}, "*") for path in ("bundle.json", "facts", "key", "slots/hero", "nowhere")),
    *(("GET", f"/edge/v1/{path}?writeKey={WRITE_KEY}", {}, "*") for path in ("bundle.json", "slots/bar", "key")),
    ("OPTIONS", "/edge/v1/facts", {}, "*"),
    *(("GET", f"/t/{path}", {}, None) for path in ("o/none.gif", "c/none", "v/none", "u/none", "x/none", "")),
    ("POST", "/t/u/none", {}, None),
    ("GET", "/static/nowhere.js", {}, "*"),
    ("GET", "/media/nowhere.png", {}, "*"),
    ("POST", "/media/" + "0" * 32 + ".png", {}, "*"),
    *(("GET", path, {}, "*") for path in ("/health/live", "/health/ready", "/health/nowhere", "/metrics")),
    ("POST", "/health/live", {}, "*"),
]


async def test_every_raw_door_is_among_them() -> None:
    """Of a new one, say above which origins may read it."""
    web = Web()
    beginnings = [path for path in web._doors if not path.endswith("/")] + [prefix for prefix, _ in web._prefixes]
    asked = [path for _, path, _, _ in ANSWERS]
    assert len(beginnings) >= 9
    assert [each for each in beginnings if not any(path.startswith(each) for path in asked)] == []


def test_metrics_are_told_to_no_page() -> None:
    """Also where they are told to this machine without a token: a browser on it may show anybody's page."""
    scope: dict[str, Any] = {"client": ("127.0.0.1", 1), "headers": [(b"host", b"127.0.0.1:8000")]}
    assert is_from_here(scope)
    assert not is_from_here({**scope, "headers": [*scope["headers"], (b"origin", EVIL.encode())]})


@pytest.mark.parametrize(("method", "path", "headers", "origins"), ANSWERS)
def test_every_kind_of_answer(
    engine: httpx.Client, method: str, path: str, headers: dict[str, str], origins: str | None
) -> None:
    answer = engine.request(method, path, headers={"Origin": EVIL, **headers})
    said = answer.headers
    assert answer.status_code < 500 or path == "/health/ready", answer.text  # the other processes are not there
    assert said["x-content-type-options"] == "nosniff"
    assert said["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert said["referrer-policy"] in ("same-origin", "no-referrer")
    policy = said["content-security-policy"]
    assert "base-uri 'none'" in policy or "sandbox" in policy
    assert "object-src 'none'" in policy or "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy or path.startswith("/media/")
    # Nobody is let in by their cookies from a page of somebody else.
    assert said.get("access-control-allow-origin") == origins
    assert "access-control-allow-credentials" not in said
    assert "server" not in said and "x-powered-by" not in said
    kind = said.get("content-type", "")
    assert not answer.content or kind, "a body without its type"
    assert not kind.startswith("text/") or "charset" in kind, kind
    for cookie in said.get_list("set-cookie"):
        check_cookie(cookie)


def check_cookie(cookie: str) -> None:
    name, _, rest = cookie.partition("=")
    attributes = {each.strip().lower() for each in rest.split(";")[1:]}
    assert {"secure", "path=/", "samesite=lax"} <= attributes, cookie
    assert not any(each.startswith("domain") for each in attributes), cookie
    if name != "django_language":
        assert name.startswith("__Host-"), cookie
    if name != "__Host-csrftoken":
        assert "httponly" in attributes, cookie


@pytest.mark.django_db(transaction=True)
def test_the_cookies_of_whoever_signs_in_and_out(engine: httpx.Client) -> None:
    User.objects.create_superuser("owner", password="a long password of the owner")
    page = engine.get("/studio/sign-in/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None and "__Host-csrftoken" in page.cookies
    cookies = {"Cookie": f"__Host-csrftoken={page.cookies['__Host-csrftoken']}", "Origin": "https://engine.example"}
    form = {"username": "owner", "password": "a long password of the owner", "csrfmiddlewaretoken": token[1]}
    answer = engine.post("/studio/sign-in/", data=form, headers=cookies)
    assert answer.status_code == 302, answer.text[:500]
    made = answer.headers.get_list("set-cookie")
    assert any(each.startswith("__Host-sessionid=") for each in made)
    for cookie in made:
        check_cookie(cookie)
    session = answer.cookies["__Host-sessionid"]
    newer = answer.cookies.get("__Host-csrftoken") or page.cookies["__Host-csrftoken"]
    cookies["Cookie"] = f"__Host-csrftoken={newer}; __Host-sessionid={session}"
    inside = engine.get("/studio/people/", headers=cookies)
    assert (inside.status_code, inside.headers["cache-control"]) == (200, "no-store")
    out = engine.post("/studio/sign-out/", headers={**cookies, "X-CSRFToken": newer})
    assert out.status_code == 302, out.text[:500]
    # Whoever kept the cookie is nobody by now.
    assert engine.get("/studio/people/", headers=cookies).status_code == 302


def test_pages_asked_for_in_the_clear_are_sent_to_https(engine: httpx.Client) -> None:
    for path in ("/studio/sign-in/", "/admin/", "/demo/"):
        answer = engine.get(path, headers={"X-Forwarded-Proto": "http"})
        assert (answer.status_code, answer.headers["location"]) == (301, f"https://engine.example{path}")
        assert "strict-transport-security" not in answer.headers


def test_keys_are_not_taken_in_the_clear(engine: httpx.Client) -> None:
    plain = {"X-Forwarded-Proto": "http", **BEARER}
    for method, path, headers, _ in ANSWERS:
        if not path.startswith(("/api/", "/graphql", "/oauth/", "/edge/", "/v1/", "/beacon/", "/sourceConfig")):
            continue
        answer = engine.request(method, path, headers={**headers, **plain})
        assert (answer.status_code, "location" in answer.headers) == (403, False), path
        assert method == "HEAD" or answer.json()["code"] == "https_needed", path
    assert engine.get("/health/live", headers=plain).status_code == 200
    address = f"ws://127.0.0.1:{engine.base_url.port}/ws/v1/"
    with pytest.raises(InvalidStatus, match="403"), connect(address, additional_headers={"Host": "engine.example"}):
        pass


def test_a_host_that_is_not_ours_is_not_answered(engine: httpx.Client) -> None:
    for path in ("/studio/sign-in/", "/admin/", "/api/v1/slots"):
        assert engine.get(path, headers={"Host": "evil.example"}).status_code == 400


def test_what_production_is_told_to_set_leaves_nothing_to_be_warned_of() -> None:
    page = ROOT / "docs/how-to/run-in-production.md"
    [settings] = [fence.body for fence in fences(page) if "export PZ_HTTPS" in fence.body]
    said = dict(re.findall(r"export (\w+)='?([^'\n]+)'?", settings))
    said["SECRET_KEY"] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**os.environ, **said},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_what_no_door_foresaw_is_told_without_a_word_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Any] = []

    async def fail(*call: Any) -> None:
        raise ZeroDivisionError("password=x")

    class Broken:
        def find_door(self, path: str) -> Any:
            return fail

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    application = Application()
    application._web = Broken()  # type: ignore[assignment]
    asyncio.run(application({"type": "http", "path": "/v1/track", "scheme": "http"}, receive, send))
    assert sent[0]["status"] == 500 and b'"code":"internal"' in sent[1]["body"]
    assert b"password" not in sent[1]["body"] and "ZeroDivisionError" in caplog.text
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]


# --- Origins of sockets; that of the snippet is in tests/ingestion/test_origins.py ------------------------------------


@pytest.mark.parametrize(
    ("origin", "is_ours"),
    [
        ("https://engine.example", True),
        ("https://studio.partner.example", True),
        ("http://engine.example", False),
        ("https://engine.example:8443", False),
        ("https://engine.example.evil.example", False),
        ("https://evil.example/engine.example", False),
        ("https://xengine.example", False),
        ("https://partner.example.evil.example", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("https://[", False),
    ],
)
def test_the_studios_socket_is_opened_by_our_pages_alone(settings: Any, origin: str, is_ours: bool) -> None:
    settings.PZ_HTTPS, settings.ALLOWED_HOSTS = True, ["engine.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.partner.example"]
    assert is_our_page({b"origin": origin.encode(), b"host": b"engine.example"}) is is_ours
    assert not is_our_page({b"origin": EVIL.encode(), b"host": b"evil.example"})
