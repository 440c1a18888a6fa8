"""OAuth 2 by client credentials, on the running web process: tokens given out, obeyed by hot doors, taken back."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import redis
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from ingestion.actions import change_oauth_client, create_oauth_client, create_source, remove_oauth_client
from ingestion.models import OAuthClient
from personalization.announcing import announce_newest
from personalization.issued import forget_ended
from personalization.tokens import TokenCache, hash_token
from profiles import keys
from profiles.clients import Client
from tests.doors.conftest import Web
from tests.product import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = {"slots": ["hero"], "userId": "u1"}


class Program:
    """A back end with a client id and a secret."""

    def __init__(self, web: Web, row: OAuthClient, secret: str) -> None:
        self.url, self.row, self.secret = web.url, row, secret
        self.id = row.application.client_id

    def post(self, door: str, secret: str | None = None, **form: str) -> httpx.Response:
        auth = (self.id, self.secret if secret is None else secret)
        return httpx.post(f"{self.url}/oauth/{door}", data=form, auth=auth, timeout=30)

    def get_token(self, **form: str) -> str:
        answer = self.post("token", grant_type="client_credentials", **form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def decide(self, token: str) -> tuple[int, str | None]:
        answer = httpx.post(
            f"{self.url}/api/v1/decide", json=QUESTION, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        return answer.status_code, answer.json().get("code")


@pytest.fixture
def make(web: Web, redis_client: Client) -> Callable[..., Program]:
    """Makes programs that every door knows already."""

    def make(*scopes: str, name: str = "Mailer") -> Program:
        source = create_source(slug=f"s{OAuthClient.objects.count()}", name="Mail")
        program = Program(web, *create_oauth_client(name=name, source=source, scopes=scopes))
        announce_newest(redis_client)
        # The doors take the directory over within their next look: then a token nobody has is another's.
        wait_until(lambda: httpx.get(f"{web.url}/sourceConfig", params={"writeKey": source.write_key}).is_success)
        return program

    return make


def test_a_token_opens_the_hot_door_that_never_asks_postgresql(
    make: Callable[..., Program], redis_client: Client
) -> None:
    program = make("decide", "email:send")
    answer = program.post("token", grant_type="client_credentials")
    said = answer.json()
    assert said == {
        "access_token": said["access_token"],
        "expires_in": 3600,
        "token_type": "Bearer",
        "scope": "decide email:send",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    token = said["access_token"]
    kept = json.loads(redis_client.get(keys.token(hash_token(token))))
    assert (kept["client"], kept["scopes"]) == (program.id, ["decide", "email:send"])
    assert 3_500_000 < redis_client.pttl(keys.token(hash_token(token))) <= 3_600_000
    row = AccessToken.objects.get()
    row.delete()  # PostgreSQL has forgotten it, and the door does not see that
    assert program.decide(token) == (200, None)
    wait_until(lambda: redis_client.hexists(keys.USED, f"o:{program.row.pk}"))


def test_neither_token_nor_secret_is_stored_as_it_is(make: Callable[..., Program], redis_client: Client) -> None:
    program = make("decide")
    token = program.get_token()
    stored = str([*AccessToken.objects.values(), *Application.objects.values()])
    assert token not in stored and program.secret not in stored
    assert not [key for key in redis_client.scan_iter() if token.encode() in key]


def test_less_may_be_asked_for_and_never_more(make: Callable[..., Program]) -> None:
    program = make("decide", "email:send")
    assert program.decide(program.get_token(scope="email:send")) == (403, "scope_missing")
    assert program.decide(program.get_token(scope="decide")) == (200, None)
    for scope in ("decide erase", "everything", "introspection"):
        refused = program.post("token", grant_type="client_credentials", scope=scope)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("form", "secret", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, "wrong", 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, "", 401, "invalid_client"),
        ({"grant_type": "password", "username": "owner", "password": "x"}, None, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, None, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, None, 400, "unsupported_grant_type"),
        ({}, None, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "resource": "https://a.example/"}, None, 400, "invalid_target"),
    ],
)
def test_no_other_way_leads_to_a_token(
    make: Callable[..., Program], form: dict[str, str], secret: str | None, status: int, error: str
) -> None:
    refused = make("decide").post("token", secret=secret, **form)
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert not AccessToken.objects.exists()


def test_an_application_that_is_no_client_of_ours_gets_nothing(make: Callable[..., Program]) -> None:
    program = make("decide")
    program.row.delete()  # leaves the toolkit's own row behind
    refused = program.post("token", grant_type="client_credentials")
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")


def test_a_revoked_token_is_refused_soon(make: Callable[..., Program], redis_client: Client) -> None:
    program = make("decide")
    token = program.get_token()
    assert program.decide(token) == (200, None)
    assert program.post("revoke", token=token).status_code == 200
    assert not redis_client.exists(keys.token(hash_token(token)))
    assert not AccessToken.objects.exists()
    wait_until(lambda: program.decide(token) == (401, "unknown_key"))


def test_nobody_revokes_the_token_of_another(make: Callable[..., Program]) -> None:
    program, other = make("decide"), make("decide", name="Other")
    token = program.get_token()
    assert other.post("revoke", token=token).status_code == 200  # and says nothing of what there is
    assert AccessToken.objects.count() == 1
    assert program.decide(token) == (200, None)


def test_while_redis_is_away_nothing_is_revoked_and_that_is_said(
    make: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = make("decide")
    token = program.get_token()
    monkeypatch.setattr("personalization.oauth.redis_client", lambda: redis.Redis.from_url("redis://127.0.0.1:1/0"))
    answer = program.post("revoke", token=token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert AccessToken.objects.count() == 1


def test_a_client_learns_what_its_token_may(make: Callable[..., Program]) -> None:
    program = make("decide")
    token = program.get_token()
    told = program.post("introspect", token=token).json()
    assert (told["active"], told["scope"], told["client_id"]) == (True, "decide", program.id)
    assert program.post("introspect", token="at_unknown").json() == {"active": False}
    assert httpx.post(f"{program.url}/oauth/introspect", data={"token": token}).status_code in (401, 403)
    assert httpx.get(f"{program.url}/oauth/introspect", params={"token": token}).status_code in (401, 403, 405)


def test_a_client_that_may_less_from_now_on_has_tokens_that_may_less(
    make: Callable[..., Program], redis_client: Client
) -> None:
    program = make("decide")
    token = program.get_token()
    assert program.decide(token) == (200, None)
    change_oauth_client(program.row, name="Mailer", scopes=["email:send"])
    announce_newest(redis_client)
    wait_until(lambda: program.decide(token) == (403, "scope_missing"))
    remove_oauth_client(program.row)
    announce_newest(redis_client)
    wait_until(lambda: program.decide(token) == (401, "unknown_key"))


def test_only_three_doors_of_the_toolkit_are_mounted(web: Web) -> None:
    names = ("authorize", "applications", "device", "userinfo", ".well-known/openid-configuration", "register")
    assert {httpx.get(f"{web.url}/oauth/{name}/").status_code for name in names} == {404}
    assert httpx.get(f"{web.url}/oauth/token").status_code == 405


def test_secrets_are_tried_now_and_then_only(make: Callable[..., Program], settings: Any, redis_client: Client) -> None:
    settings.PZ_TOKEN_CALLS = 2
    program = make("decide")
    answers = [program.post("token", secret="wrong", grant_type="client_credentials") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert answers[0].headers["RateLimit-Policy"] == '"token";q=2;w=60'


def test_tokens_that_ended_long_ago_are_removed(make: Callable[..., Program]) -> None:
    program = make("decide")
    program.get_token()
    assert forget_ended(at=timezone.now() + timedelta(hours=24)) == 0
    assert forget_ended(at=timezone.now() + timedelta(hours=26)) == 1
    assert not AccessToken.objects.exists()


def test_what_a_process_remembers_of_tokens_is_bounded_and_short() -> None:
    now = 1_000
    cache = TokenCache(lambda: now)
    cache.keep("first", None)
    assert cache.get("first") == (True, None)
    now += 2_000
    assert cache.get("first") == (False, None)
    for number in range(10_001):
        cache.keep(str(number), None)
    assert (cache.get("0"), cache.get("10000")) == ((False, None), (True, None))
