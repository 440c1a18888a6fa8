"""The way into the log: shared round trips, bounds, and never a false success while Redis is away."""

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio

from ingestion import append as module
from ingestion.append import Appender, Overloaded
from ingestion.log import LogUnavailable
from ingestion.refusals import Refusal, Refused
from profiles import keys
from profiles.event import Event, anonymous_key, derive_profile_id, partition_of, user_key
from tests.ingestion.doors import PARTITIONS, TIMEOUT_S, Doors, LogServer, clock, track, wait_until


def event(number: int = 0, **fields: Any) -> Event:
    ids = {"anonymous_id": "anna"} if not {"anonymous_id", "user_id"} & fields.keys() else {}
    named: dict[str, Any] = {
        "id": f"m{number}",
        "type": "track",
        "name": "Seen",
        "at": 1,
        "received": 1,
        **ids,
        **fields,
    }
    return Event(source="shop", **named)


@asynccontextmanager
async def appender(log: LogServer, max_length: int = 1_000) -> AsyncIterator[Appender]:
    client = redis.asyncio.Redis(port=log.port, socket_timeout=TIMEOUT_S)
    try:
        yield Appender(client, partitions=PARTITIONS, max_length=max_length, timeout=TIMEOUT_S)
    finally:
        await client.aclose()


@pytest.fixture
def log(shared_log: LogServer) -> LogServer:
    shared_log.client.flushall()
    return shared_log


def partitions(log: LogServer) -> dict[int, int]:
    lengths = {partition: log.client.xlen(keys.log(partition)) for partition in range(PARTITIONS)}
    return {partition: length for partition, length in lengths.items() if length}


@pytest.mark.asyncio
async def test_calls_that_come_together_share_one_round_trip(log: LogServer) -> None:
    log.client.config_resetstat()
    async with appender(log) as door:
        await door.append([event(-1)])
        await asyncio.gather(*(door.append([event(number)]) for number in range(200)))
    assert len(log.events()) == 201
    calls = log.client.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] <= 4  # the first one finds the script missing
    assert [each.id for each in log.events()] == [f"m{number}" for number in range(-1, 200)]


@pytest.mark.asyncio
async def test_an_event_goes_to_the_partition_of_its_person(log: LogServer) -> None:
    elsewhere = "0" * 7 + "3" + "0" * 24
    log.client.set(keys.identifier(user_key("known")), elsewhere)
    async with appender(log) as door:
        await door.append([event(1), event(2, user_id="known"), event(3, anonymous_id="anna", user_id="known")])
        await door.append([event(4, user_id="new")])
    homes = [elsewhere, elsewhere, derive_profile_id(anonymous_key("anna")), derive_profile_id(user_key("new"))]
    expected: dict[int, int] = {}
    for home in homes:
        expected[partition_of(home, PARTITIONS)] = expected.get(partition_of(home, PARTITIONS), 0) + 1
    assert partitions(log) == expected


@pytest.mark.asyncio
async def test_a_full_partition_takes_nothing_of_a_call_and_all_of_the_others(log: LogServer) -> None:
    async with appender(log, max_length=10) as door:
        await door.append([event(number) for number in range(10)])
        (full,) = partitions(log)
        names = [f"visitor-{number}" for number in range(40)]
        homes = {name: partition_of(derive_profile_id(anonymous_key(name)), PARTITIONS) for name in names}
        free = next(name for name in names if homes[name] != full)
        mixed = [event(20), event(21, anonymous_id=free)]
        outcomes = await asyncio.gather(
            door.append([event(11)]),
            door.append(mixed),
            door.append([event(12, anonymous_id=free)]),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [Overloaded, Overloaded, type(None)]
    assert partitions(log) == {full: 10, homes[free]: 1}


@pytest.mark.asyncio
async def test_more_than_may_wait_is_refused_at_once(log: LogServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    async with appender(log) as door:
        calls = [asyncio.create_task(door.append([event(number)])) for number in range(9)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes].count(Overloaded) == 4
        await door.append([event(99)])
    assert len(log.events()) == 6


@pytest.mark.asyncio
async def test_refusals_are_counted_even_beyond_those_kept(log: LogServer) -> None:
    refusal = Refusal(Refused.BAD_TYPE, "why", clock(), "m1", b"{}")
    async with appender(log) as door:
        await door.append([], [("shop", refusal)] * 500)
        door.note([("-", refusal)])
        await door.append([event()])
    assert log.outcomes() == {"shop|bad_type": 500, "-|bad_type": 1}
    kept = log.refused()
    assert len(kept) == 201  # 200 of the first round trip
    assert kept[0] == {
        "source": "shop",
        "reason": "bad_type",
        "at": str(refusal.at),
        "message": "why",
        "messageId": "m1",
        "sample": "{}",
    }


@pytest.mark.asyncio
async def test_a_caller_that_leaves_does_not_take_the_others_along(log: LogServer) -> None:
    async with appender(log) as door:
        calls = [asyncio.create_task(door.append([event(number)])) for number in range(5)]
        await asyncio.sleep(0)
        calls[2].cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(type(None)) == 4
    assert len(log.events()) == 5


@pytest.mark.asyncio
async def test_nothing_is_acknowledged_while_redis_hangs(own_log: LogServer) -> None:
    async with appender(own_log) as door:
        await door.append([event(0)])
        with own_log.frozen():
            calls = [asyncio.create_task(door.append([event(number)])) for number in range(1, 6)]
            late = asyncio.create_task(_after(TIMEOUT_S / 2, door, event(6)))
            outcomes = await asyncio.gather(*calls, late, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {LogUnavailable}
        await _until_taken(door, event(7))
    assert {"m0", "m7"} <= {each.id for each in own_log.events()}


async def _after(seconds: float, door: Appender, later: Event) -> None:
    await asyncio.sleep(seconds)
    await door.append([later])


async def _until_taken(door: Appender, again: Event) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            await door.append([again])
            return
        except LogUnavailable:
            assert time.monotonic() < deadline, "it never came back"
            await asyncio.sleep(0.05)


@pytest.mark.asyncio
async def test_redis_may_restart_in_between(own_log: LogServer) -> None:
    async with appender(own_log) as door:
        await door.append([event(1)])
        own_log.stop()
        with pytest.raises(LogUnavailable):
            await door.append([event(2)])
        own_log.start()
        await _until_taken(door, event(3))
    assert {"m3"} <= {each.id for each in own_log.events()}


def test_the_http_doors_say_that_redis_is_away_and_recover(own_log: LogServer) -> None:
    with Doors(own_log) as doors:
        assert doors.post("/v1/track", track()).status_code == 200
        own_log.stop()
        for path, body in (("/v1/track", track()), ("/v1/batch", {"batch": [track(), 7]})):
            answer = doors.post(path, body)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert doors.post("/v1/track", b"{").status_code == 400  # which needs no Redis to be told
        own_log.start()
        wait_until(lambda: doors.post("/v1/track", track(messageId="back")).status_code == 200)
        assert "back" in {each.id for each in own_log.events()}


def test_the_http_doors_say_that_the_log_is_full(log: LogServer) -> None:
    with Doors(log, max_length=3) as doors:
        for _ in range(3):
            assert doors.post("/v1/track", track()).status_code == 200
        answer = doors.post("/v1/batch", {"batch": [track()]})
        assert (answer.status_code, answer.json()["code"]) == (429, "server_busy")
        assert int(answer.headers["retry-after"]) >= 1
    assert len(log.events()) == 3


class Call(list[Event]):
    """Events that can be looked after."""


@pytest.mark.asyncio
async def test_what_is_turned_away_is_let_go_of_without_a_collection(log: LogServer) -> None:
    async with appender(log, max_length=1) as door:
        await door.append([event(0)])  # from now on the server knows the script
        log.client.flushdb()
        call = Call([event(1), event(2)])
        look = weakref.ref(call)
        gc.disable()
        try:
            turned_away = await _is_turned_away(door, call)
            del call
            await door.append([event(3)])  # the round trip before is over and forgotten
            assert turned_away and look() is None
        finally:
            gc.enable()


async def _is_turned_away(door: Appender, call: Call) -> bool:
    try:
        await door.append(call)
    except Overloaded:
        return True
    return False


@pytest.mark.asyncio
async def test_events_that_wait_are_bounded_by_their_bytes_too(log: LogServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 5_000)
    monkeypatch.setattr(module, "FLUSH_BYTES", 2_000)
    async with appender(log) as door:
        large = [[event(number, properties={"filler": "x" * 1_000})] for number in range(20)]
        came_to = await asyncio.gather(*map(door.append, large), return_exceptions=True)
        assert [type(each) for each in came_to] == [type(None)] * 5 + [Overloaded] * 15
        await asyncio.gather(*map(door.append, large[:4]))
    assert len(log.events()) == 9
