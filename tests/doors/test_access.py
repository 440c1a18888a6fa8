"""What stands before every REST resource: callers, doors, limits, and one form of errors."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from ingestion.actions import create_oauth_client, create_source
from ingestion.models import OAuthClient
from ingestion.scopes import Scope
from ingestion.uses import copy_uses
from personalization import wiring
from personalization.announcing import announce_newest
from personalization.doors import DOORS, NoDoor, find_door, name_door
from profiles import keys
from profiles.clients import Client
from tests.doors import things
from tests.doors.conftest import put_in_force
from tests.doors.keyring import keep_tokens, name_secret, name_token
from tests.doors.test_auth_matrix import KINDS_OF_KEY, find_routes, try_every_key

pytestmark = pytest.mark.django_db
URLCONF = "tests.doors.things"
THING = "/api/v1/things/one"


@pytest.fixture(autouse=True)
def resource(redis_client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of tests/doors/things.py are served, and their rows stand in the table."""
    settings.ROOT_URLCONF = URLCONF
    put_in_force(redis_client)
    keep_tokens(redis_client)
    wiring.gate.cache_clear()
    for name, door in things.ROWS.items():
        monkeypatch.setitem(DOORS, name, door)


def call(method: str = "GET", path: str = THING, bearer: str = "", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    browser = Browser(raise_request_exception=False)
    return browser.generic(method, path, "{}", content_type="application/json", headers=headers, **more)


READER = name_secret(Scope.CONTENT_READ, has=True)


def test_the_routes_are_found_with_the_names_of_their_rows() -> None:
    assert {route.name for route in find_routes(URLCONF)} == things.ROWS.keys()


@pytest.mark.parametrize("name", things.ROWS)
def test_every_kind_of_key_gets_in_where_the_table_says_so(name: str) -> None:
    route = next(route for route in find_routes(URLCONF) if route.name == name)
    if name.startswith("POST"):
        route = route._replace(path="/api/v1/things/book")
    assert try_every_key(route) == {kind.name: kind.gets_in(things.ROWS[name]) for kind in KINDS_OF_KEY}


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("api/v1/profiles/<str:id>/events", "GET /api/v1/profiles/{id}/events"),
        ("api/v1/rules/", "GET /api/v1/rules"),
        (r"^api/v1/^things/(?P<pk>[^/.]+)/$", "GET /api/v1/things/{pk}"),
        (r"api/v1/things/(?P<id>(?:a|b)+)\Z", "GET /api/v1/things/{id}"),
    ],
)
def test_a_route_has_one_name_however_it_is_written(route: str, name: str) -> None:
    assert name_door("GET", route) == name_door("HEAD", route) == name


def test_a_route_without_a_row_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(DOORS, "GET /api/v1/things/{slug}")
    answer = call(bearer=READER)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_door")
    with pytest.raises(NoDoor):
        find_door("GET /api/v1/things/{slug}")


def test_the_caller_is_known_by_source_and_kind() -> None:
    assert call(bearer=READER).json() == {"source": "site", "kind": "secret_key"}
    assert call(bearer=name_token(Scope.CONTENT_READ, has=True)).json() == {"source": "site", "kind": "oauth"}
    browser = Browser()
    browser.force_login(User.objects.create_superuser("owner"))
    assert browser.get(THING).json() == {"source": "", "kind": "session"}


def test_a_session_writes_with_the_forms_own_token_only() -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("owner"))
    answer = browser.put(THING, "{}", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_session_of_a_visitor_is_nobody() -> None:
    browser = Browser()
    browser.force_login(User.objects.create_user("visitor", is_superuser=True))
    assert browser.get(THING).status_code == 401


def test_who_is_not_known_is_told_how_to_come_in() -> None:
    answer = call()
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "code", "message"}


def test_other_methods_are_refused_before_anything_else() -> None:
    assert [call(method).status_code for method in ("DELETE", "OPTIONS")] == [405, 405]


def test_an_answer_says_how_many_calls_are_left(settings: Any) -> None:
    settings.PZ_KEY_CALLS = 3
    wiring.gate.cache_clear()
    answers = [call(bearer=READER) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [
        f'"key";r={left}' for left in (2, 1, 0, 0)
    ]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"key";q=3;w=60'}
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_calls"
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert call(bearer=name_token(Scope.CONTENT_READ, has=True)).status_code == 200  # another caller's bucket is full


def test_a_write_key_has_a_limit_for_each_address(settings: Any) -> None:
    settings.PZ_VISITOR_CALLS = 1
    wiring.gate.cache_clear()

    def put(address: str) -> int:
        headers = {"Authorization": "Basic d2stc2l0ZTo="}
        browser = Browser(REMOTE_ADDR=address)
        return browser.put(THING, "{}", content_type="application/json", headers=headers).status_code

    assert [put("203.0.113.7"), put("203.0.113.7"), put("203.0.113.8")] == [200, 429, 200]
    # Of IPv6 each household has a whole network.
    assert [put("2001:db8:1:2::1"), put("2001:db8:1:2::ffff"), put("2001:db8:1:3::1")] == [200, 429, 200]


def test_while_redis_is_away_known_keys_are_let_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert call(bearer=READER).status_code == 200
    gone = redis.Redis.from_url("redis://127.0.0.1:1/0")
    monkeypatch.setattr(wiring, "redis_client", lambda: gone)
    gate = wiring.gate.__wrapped__()
    monkeypatch.setattr("personalization.access.gate", lambda: gate)
    source = create_source(slug="later", name="Later")  # PostgreSQL knows who may call, and is asked
    headers = {"Authorization": httpx.BasicAuth(source.write_key, "")._auth_header}
    answer = Browser().put(THING, "{}", content_type="application/json", headers=headers)
    assert (answer.status_code, answer.headers.get("RateLimit-Policy")) == (200, '"visitor";q=1200;w=60')


def test_a_token_that_redis_has_forgotten_is_found_in_postgresql(redis_client: Client) -> None:
    client, _ = create_oauth_client(
        name="Mailer", source=create_source(slug="mail", name="Mail"), scopes=["content:read"]
    )
    announce_newest(redis_client)
    wiring.gate.cache_clear()
    token = AccessToken(
        application=client.application, scope="content:read erase", expires=timezone.now() + timedelta(hours=1)
    )
    set_token_value(token, "at_issued")
    token.save()
    assert redis_client.get(keys.token(token.token_checksum)) is None
    assert call(bearer="at_issued").json() == {"source": "mail", "kind": "oauth"}
    assert redis_client.pttl(keys.token(token.token_checksum)) > 3_000_000  # every door knows it again
    assert call("POST", "/api/v1/things/book", bearer="at_issued").status_code == 403


def test_when_a_client_was_last_used_is_kept(redis_client: Client) -> None:
    client, _ = create_oauth_client(name="Mailer", source=create_source(slug="m", name="M"), scopes=["content:read"])
    redis_client.hset(keys.USED, mapping={f"o:{client.pk}": 1_800_000_000_000, "s:999999": 1_800_000_000_000})
    assert copy_uses(redis_client) == 1
    assert OAuthClient.objects.get().last_used.timestamp() == 1_800_000_000  # type: ignore[union-attr]
    assert redis_client.hkeys(keys.USED) == [f"o:{client.pk}".encode()]  # of a key that is gone nothing is kept
    assert copy_uses(redis_client) == 0


def test_the_use_of_a_key_is_noted_once_a_minute(redis_client: Client) -> None:
    for _ in range(3):
        call(bearer=READER)
    noted = redis_client.hgetall(keys.USED)
    assert list(noted) == [b"s:106"]
    redis_client.delete(keys.USED)
    call(bearer=READER)
    assert not redis_client.exists(keys.USED)


@pytest.mark.parametrize(
    ("slug", "status", "code", "more"),
    [
        ("away", 503, "unavailable", {}),
        (
            "book",
            422,
            "cannot_publish",
            {
                "errors": [
                    {"pointer": "", "code": "cannot_publish", "message": "a rule shows nothing"},
                    {"pointer": "", "code": "cannot_publish", "message": "a slot is not there"},
                ]
            },
        ),
        (
            "fields",
            422,
            "invalid",
            {
                "errors": [
                    {"pointer": "/name", "code": "invalid", "message": "too long"},
                    {"pointer": "/caps/1/most", "code": "invalid", "message": "no number"},
                ]
            },
        ),
        ("fault", 500, "internal", {}),
    ],
)
def test_what_goes_wrong_is_told_in_one_form(slug: str, status: int, code: str, more: dict[str, Any]) -> None:
    answer = call("POST", f"/api/v1/things/{slug}", bearer=name_secret(Scope.PUBLISH, has=True))
    said = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert (said["status"], said["code"]) == (status, code)
    assert {name: said[name] for name in said.keys() - {"type", "title", "status", "code", "message"}} == more
    assert "10.0.0.1" not in json.dumps(said) and "inside" not in json.dumps(said).replace("of the inside", "")
    assert ("Retry-After" in answer.headers) is (status == 503)


def test_an_address_that_is_not_there_is_told_in_the_same_form() -> None:
    answer = call(path="/api/v1/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert call(path="/nowhere").headers["Content-Type"].startswith("text/html")


def test_a_body_that_cannot_be_read_is_a_mistake_of_the_caller() -> None:
    answer = Browser().generic(
        "PUT",
        THING,
        "{",
        content_type="application/json",
        headers={"Authorization": f"Bearer {name_secret(Scope.CONTENT_WRITE, has=True)}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")
