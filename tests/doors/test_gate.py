"""The gate of the hot doors: keys that end, tokens while Redis is away, and calls that are too many."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import redis.asyncio
from django.conf import settings
from django.utils import timezone

from ingestion.actions import create_secret_key, create_source, revoke_secret_key
from ingestion.directory import Directory, OAuthClient, SecretKey, Source, hash_secret
from ingestion.models import SecretKey as StoredKey
from ingestion.scopes import Scope
from ingestion.uses import NOTED_MS, Uses, copy_uses
from personalization.allowances import Allowances
from personalization.announcing import announce_newest
from personalization.callers import Caller, Credentials, Kind, UnknownKey, make_session_caller, read_credentials
from personalization.doors import Door, ScopeMissing
from personalization.gate import HotGate
from personalization.limits import Policies, Policy, TooManyCalls
from personalization.tokens import Token, hash_token, keep_token
from profiles import keys
from profiles.clients import Client
from profiles.store import StoreUnavailable
from tests.doors.conftest import Web
from tests.product import wait_until

NOW = 1_800_000_000_000
DOOR = Door(Scope.DECIDE, write_key=True)
DIRECTORY = Directory(
    number=1,
    sources={"wk": Source(slug="site", name="Site", write_key="wk")},
    secret_keys={hash_secret("sk_ends"): SecretKey("site", ("decide",), 1, expires=NOW + 1_000)},
    clients={"mailer": OAuthClient("site", ("decide",), 7)},
)
TOKEN = Token("mailer", ("decide", "erase"), NOW + 3_600_000)

Make = Callable[..., HotGate]


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def make(redis_client: Client, clock: Clock) -> AsyncIterator[Make]:
    """Makes gates; `url` names another Redis than the run's own."""
    made: list[tuple[HotGate, Any]] = []

    def make(url: str = settings.REDIS_URL, calls: int = 1_000) -> HotGate:
        client = redis.asyncio.Redis.from_url(url)
        policies = Policies(Policy("visitor", calls), Policy("key", calls))
        allowances = Allowances(client, patience=60)
        gate = HotGate(client, directory=lambda: DIRECTORY, policies=policies, allowances=allowances, clock=clock)
        made.append((gate, client))
        return gate

    yield make
    for gate, client in made:
        await gate.close()
        await client.aclose()


def bearer(key: str) -> Credentials:
    return Credentials(bearer=key)


async def test_a_key_is_refused_from_its_end_on(make: Make, clock: Clock) -> None:
    gate = make()
    clock.now = NOW + 999
    caller, _ = await gate.admit(bearer("sk_ends"), DOOR, "")
    assert caller == Caller(Kind.SECRET_KEY, "site", "s:1", frozenset({"decide"}))
    clock.now = NOW + 1_000
    with pytest.raises(UnknownKey):
        await gate.admit(bearer("sk_ends"), DOOR, "")


async def test_a_token_may_what_it_was_given_and_its_client_may_still(make: Make, redis_client: Client) -> None:
    keep_token(redis_client, hash_token("at_x"), TOKEN, NOW)
    gate = make()
    caller, _ = await gate.admit(bearer("at_x"), DOOR, "")
    assert caller == Caller(Kind.OAUTH, "site", "o:7", frozenset({"decide"}))
    with pytest.raises(ScopeMissing):
        await gate.admit(bearer("at_x"), Door(Scope.ERASE), "")


async def test_a_token_that_was_seen_is_good_until_its_end_while_redis_is_away(make: Make, clock: Clock) -> None:
    gate = make("redis://127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable):
        await gate.admit(bearer("at_x"), DOOR, "")
    gate._tokens.keep(hash_token("at_x"), TOKEN)
    clock.now = NOW + 60_000
    assert (await gate.admit(bearer("at_x"), DOOR, "")).caller.kind is Kind.OAUTH
    clock.now = TOKEN.expires
    with pytest.raises(UnknownKey):
        await gate.admit(bearer("at_x"), DOOR, "")


async def test_what_is_no_token_is_never_looked_for(make: Make) -> None:
    gate = make("redis://127.0.0.1:1/0")
    with pytest.raises(UnknownKey):
        await gate.admit(bearer("sk_unknown"), DOOR, "")


async def test_who_calls_too_often_has_to_wait(make: Make) -> None:
    gate = make(calls=3)
    for _ in range(3):
        await gate.admit(Credentials(write_key="wk"), DOOR, "203.0.113.7")
    with pytest.raises(TooManyCalls) as refused:
        for _ in range(3):
            await gate.admit(Credentials(write_key="wk"), DOOR, "203.0.113.7")
    assert 1 <= refused.value.retry_after <= 20
    await gate.admit(Credentials(write_key="wk"), DOOR, "203.0.113.8")


@pytest.mark.parametrize(
    ("authorization", "write_key", "said"),
    [
        (b"Bearer sk_1", "wk", Credentials(bearer="sk_1")),
        (b"bearer  sk_1 ", None, Credentials(bearer="sk_1")),
        (b"Basic d2s6", "other", Credentials(write_key="wk")),
        (b"", "wk", Credentials(write_key="wk")),
        (b"Basic !!!", None, Credentials()),
        (b"Digest x", None, Credentials()),
        (b"Bearer", "wk", Credentials(write_key="wk")),
        (b"", None, Credentials()),
    ],
)
def test_the_header_goes_before_what_the_body_says(
    authorization: bytes, write_key: str | None, said: Credentials
) -> None:
    assert read_credentials(authorization, write_key) == said


@pytest.mark.django_db
def test_an_operators_scopes_are_what_the_permissions_amount_to(django_user_model: Any) -> None:
    owner = django_user_model.objects.create_superuser("owner")
    caller = make_session_caller(owner)
    assert caller is not None
    assert caller.scopes == frozenset(Scope) - {Scope.EVENTS}
    owner.is_active = False
    assert make_session_caller(owner) is None


def test_uses_are_noted_once_a_minute(clock: Clock) -> None:
    uses = Uses(clock)
    uses.note("s:1")
    assert uses.take_due() == {"s:1": NOW}
    uses.note("s:1")
    assert uses.take_due() == {}
    clock.now += NOTED_MS
    uses.note("s:1")
    assert uses.take_due() == {"s:1": clock.now}


@pytest.mark.django_db(transaction=True)
def test_a_key_opens_the_door_is_known_to_have_been_used_and_ends(web: Web, redis_client: Client) -> None:
    row, key = create_secret_key(create_source(slug="shop", name="Shop"), name="checkout")
    announce_newest(redis_client)

    def ask() -> int:
        question = {"slots": ["hero"], "userId": "u1"}
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{web.url}/api/v1/decide", json=question, headers=headers).status_code

    wait_until(lambda: ask() == 200)
    wait_until(lambda: redis_client.hexists(keys.USED, f"s:{row.pk}"))
    copy_uses(redis_client)
    assert StoredKey.objects.get().last_used is not None
    revoke_secret_key(row, at=timezone.now())
    announce_newest(redis_client)
    wait_until(lambda: ask() == 401)
