"""Limits: buckets in Redis that fill as time goes by, and leases of their tokens, so that hot doors ask nobody."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis
import redis.asyncio
from django.conf import settings

from personalization.allowances import MOST_LEASES, Allowances
from personalization.callers import Caller, Kind
from personalization.limits import WINDOW_S, Limiter, Policies, Policy, Verdict, choose_bucket, shorten_address
from profiles import keys
from profiles.clients import AsyncClient, Client

HUNDRED = Policy("key", 100)  # leases of 5
PATIENT = 60  # however busy the machine is
THOUSAND = Policy("key", 1_000)  # leases of 50


@pytest.fixture
async def client(redis_client: Client) -> AsyncIterator[AsyncClient]:
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    yield client
    await client.aclose()


class Counting:
    """A script that counts how often it is run."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.trips = 0

    def register_script(self, text: str) -> Any:
        script = self._client.register_script(text)

        async def run(**more: Any) -> Any:
            self.trips += 1
            return await script(**more)

        return run


def put_back(client: Client, name: str, seconds: float) -> None:
    """Makes a bucket as old as if so much time had gone by."""
    at = int(client.hget(keys.calls(name), "at"))
    client.hset(keys.calls(name), "at", at - int(seconds * 1000))


def test_a_bucket_is_full_at_first_empties_and_fills_again(redis_client: Client) -> None:
    limiter, slow = Limiter(redis_client), Policy("key", 5)  # another token in 12 s: none comes while this runs
    verdicts = [limiter.take("a", slow) for _ in range(6)]
    assert [(verdict.allowed, verdict.left) for verdict in verdicts] == [
        *((True, left) for left in (4, 3, 2, 1, 0)),
        (False, 0),
    ]
    assert 1 <= verdicts[-1].retry_after <= 12
    assert limiter.take("b", slow).allowed
    put_back(redis_client, "a", 24)
    assert [limiter.take("a", slow).allowed for _ in range(3)] == [True, True, False]


def test_a_bucket_that_nobody_uses_is_forgotten(redis_client: Client) -> None:
    limiter = Limiter(redis_client)
    limiter.take("a", HUNDRED)
    assert 0 < redis_client.pttl(keys.calls("a")) <= 601  # when it is full again
    for _ in range(150):
        limiter.take("a", HUNDRED)
    assert 50_000 < redis_client.pttl(keys.calls("a")) <= 60_001


def test_a_clock_that_is_set_back_gives_nothing_and_takes_nothing(redis_client: Client) -> None:
    limiter = Limiter(redis_client)
    limiter.take("a", HUNDRED)
    put_back(redis_client, "a", -3_600)
    assert limiter.take("a", HUNDRED).left == 98


def test_no_limit_costs_nothing(redis_client: Client) -> None:
    verdict = Limiter(redis_client).take("a", Policy("key", 0))
    assert (verdict.allowed, verdict.headers) == (True, ())
    assert not redis_client.exists(keys.calls("a"))


def test_while_redis_is_away_everybody_is_let_in() -> None:
    verdict = Limiter(redis.Redis.from_url("redis://127.0.0.1:1/0")).take("a", HUNDRED)
    assert (verdict.allowed, verdict.left) == (True, 100)


def test_the_headers_say_policy_rest_and_time() -> None:
    assert Verdict(HUNDRED, True, 40).headers == (
        (b"ratelimit-policy", b'"key";q=100;w=60'),
        (b"ratelimit", b'"key";r=40;t=36'),
    )
    assert Verdict(HUNDRED, False, 0, 7).headers[1] == (b"ratelimit", b'"key";r=0;t=7')


def test_each_kind_of_key_has_its_bucket() -> None:
    policies = Policies(Policy("visitor", 1), Policy("key", 2))
    site = Caller(Kind.WRITE_KEY, "site", "w:site")
    assert choose_bucket(site, "203.0.113.7", policies) == ("w:site:203.0.113.7", policies.visitor)
    secret = Caller(Kind.SECRET_KEY, "site", "s:7")
    assert choose_bucket(secret, "203.0.113.7", policies) == ("s:7", policies.key)


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", "-"),
        ("unix:/run/socket" * 1_000, "-"),
    ],
)
def test_an_address_is_shortened_to_who_has_it(address: str, short: str) -> None:
    assert shorten_address(address) == short


async def test_most_calls_ask_nobody(client: AsyncClient, redis_client: Client) -> None:
    counting = Counting(client)
    allowances = Allowances(counting, patience=PATIENT)
    verdicts = [await allowances.take("a", THOUSAND) for _ in range(20)]
    await allowances.close()
    assert all(verdict.allowed for verdict in verdicts)
    assert counting.trips == 1
    assert int(float(redis_client.hget(keys.calls("a"), "left"))) == 950  # a lease of 50


async def test_callers_share_a_round_trip(client: AsyncClient) -> None:
    counting = Counting(client)
    allowances = Allowances(counting, patience=PATIENT)
    for number in range(400):
        await allowances.take(str(number), THOUSAND)
    await allowances.close()
    assert counting.trips <= 3


def most(policy: Policy, since: float) -> float:
    """What a bucket can have given since then, with what has come meanwhile."""
    return policy.quota + 1 + (time.monotonic() - since) * policy.quota / WINDOW_S


async def test_a_process_lets_in_no_more_than_the_bucket_has(client: AsyncClient) -> None:
    allowances, since = Allowances(client, patience=PATIENT), time.monotonic()
    verdicts = [await allowances.take("a", THOUSAND) for _ in range(1_200)]
    let_in = sum(verdict.allowed for verdict in verdicts)
    assert 1_000 <= let_in <= most(THOUSAND, since) + THOUSAND.lease
    assert not verdicts[-1].allowed
    assert verdicts[-1].retry_after >= 1
    await allowances.close()


async def test_a_crowd_that_waits_for_the_same_tokens_gets_no_more_of_them(client: AsyncClient) -> None:
    allowances, since = Allowances(client, patience=PATIENT), time.monotonic()
    verdicts = await asyncio.gather(*(allowances.take("a", HUNDRED) for _ in range(500)))
    assert 100 <= sum(verdict.allowed for verdict in verdicts) <= most(HUNDRED, since) + HUNDRED.lease
    await allowances.close()


async def test_processes_together_let_in_a_lease_more_at_most(client: AsyncClient) -> None:
    processes, since = [Allowances(client, patience=PATIENT) for _ in range(4)], time.monotonic()
    let_in = 0
    for _ in range(400):
        let_in += sum([(await process.take("a", THOUSAND)).allowed for process in processes])
    assert 1_000 - 4 * THOUSAND.lease <= let_in <= most(THOUSAND, since) + 4 * THOUSAND.lease
    for process in processes:
        await process.close()


async def test_who_had_to_wait_is_let_in_again(client: AsyncClient, redis_client: Client) -> None:
    now = 1_000.0
    allowances = Allowances(client, lambda: now, patience=PATIENT)
    while (await allowances.take("a", HUNDRED)).allowed:
        pass
    put_back(redis_client, "a", 30)
    assert not (await allowances.take("a", HUNDRED)).allowed  # known here, and not asked about again at once
    now += 2
    assert (await allowances.take("a", HUNDRED)).allowed
    await allowances.close()


async def test_credit_is_paid_back(client: AsyncClient, redis_client: Client) -> None:
    limiter, slow = Limiter(redis_client), Policy("key", 40)  # leases of 2; another token in 1.5 s
    while limiter.take("a", slow).allowed:
        pass
    now = 1_000.0
    allowances = Allowances(client, lambda: now, patience=PATIENT)
    assert (await allowances.take("a", slow)).allowed  # the first call is on credit
    await allowances.close()
    assert not (await allowances.take("a", slow)).allowed
    put_back(redis_client, "a", 1.6)
    now += 2
    verdict = await allowances.take("a", slow)  # what has come pays for the credit first
    assert not verdict.allowed
    await allowances.close()


async def test_hot_doors_let_everybody_in_while_redis_is_away() -> None:
    client = redis.asyncio.Redis.from_url("redis://127.0.0.1:1/0")
    allowances = Allowances(client, patience=PATIENT)
    verdicts = [await allowances.take("a", HUNDRED) for _ in range(300)]
    assert all(verdict.allowed for verdict in verdicts)
    await allowances.close()
    await client.aclose()


async def test_what_a_process_remembers_of_callers_is_bounded(client: AsyncClient) -> None:
    allowances = Allowances(client, patience=PATIENT)
    for number in range(MOST_LEASES + 100):
        await allowances.take(str(number), THOUSAND)
    assert len(allowances._leases) == MOST_LEASES
    await allowances.close()
