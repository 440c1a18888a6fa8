"""How far behind the processor and the archiver are: what has waited longest before each."""

import time

import pytest

from ingestion.archiver import Archiver
from ingestion.lag import Lag, measure_lag
from ingestion.log_redis import RedisLog
from personalization.keeping import DecisionKeeper
from personalization.wiring import make_processor
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, anonymous_key, derive_profile_id, pack, partition_of
from tests.doors.conftest import put_in_force

pytestmark = pytest.mark.django_db
PARTITIONS = 8
HOUR = 3_600_000
PERSON = derive_profile_id(anonymous_key("anna"))
HOME = partition_of(PERSON, PARTITIONS)


def now() -> int:
    return time.time_ns() // 1_000_000


def measure(client: Client, later: int = 0) -> Lag:
    return measure_lag(client, partitions=PARTITIONS, now=now() + later)


def send(client: Client) -> None:
    event = Event(
        id="m1", source="site", type="track", name="Page Viewed", at=now(), received=now(), anonymous_id="anna"
    )
    RedisLog(client).append({HOME: [pack(event)]})


def test_where_nothing_waits_nothing_is_late(redis_client: Client) -> None:
    assert measure(redis_client) == Lag(timers=0, log=0, archive=0)


def test_an_event_waits_for_the_processor_and_then_for_the_archiver(redis_client: Client) -> None:
    put_in_force(redis_client)
    send(redis_client)
    waiting = measure(redis_client, later=HOUR)
    assert HOUR <= waiting.log < HOUR + 60_000
    assert (waiting.timers, waiting.archive) == (0, 0)
    make_processor("test").drain(range(PARTITIONS))
    applied = measure(redis_client, later=HOUR)
    assert applied.log == 0
    assert HOUR <= applied.archive < HOUR + 60_000
    Archiver(redis_client, partitions=PARTITIONS, clock=now, keeper=DecisionKeeper()).drain()
    assert measure(redis_client, later=HOUR) == Lag(timers=0, log=0, archive=0)


def test_the_worst_partition_counts(redis_client: Client) -> None:
    redis_client.zadd(keys.timers(1), {"a": now() - 5_000, "b": now() + HOUR})
    redis_client.zadd(keys.timers(6), {"c": now() - HOUR})
    assert HOUR <= measure(redis_client).timers < HOUR + 60_000


def test_a_moment_that_is_still_to_come_is_not_late(redis_client: Client) -> None:
    redis_client.zadd(keys.timers(1), {"a": now() + HOUR})
    assert measure(redis_client).timers == 0


def test_what_is_left_in_the_log_after_it_was_applied_does_not_wait(redis_client: Client) -> None:
    put_in_force(redis_client)
    send(redis_client)
    make_processor("test").drain(range(PARTITIONS))
    assert redis_client.xlen(keys.log(HOME)) == 1  # trimming cuts off whole blocks
    assert measure(redis_client, later=HOUR).log == 0
