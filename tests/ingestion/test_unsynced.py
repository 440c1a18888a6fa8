"""What Redis has taken and may lose: kept for a while, stored again in order when its server was started anew."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from ingestion import unsynced as module
from ingestion.unsynced import AGAIN_S, HELD_S, KEPT_S, Unsynced
from tests.ingestion.doors import LogServer, wait_until
from tests.ingestion.test_append import appender, event


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def take_owed(kept: Unsynced) -> list[Any]:
    """Everything, paid one after the other."""
    found = []
    while (owed := kept.owed) is not None:
        found.append(owed)
        kept.pay()
    return found


def test_what_was_stored_lately_is_owed_in_order_and_stays_kept() -> None:
    clock = Clock()
    kept = Unsynced(clock)
    kept.keep({1: [b"old"]})
    clock.now += KEPT_S + 1
    kept.keep({1: [b"a"], 2: [b"b"]})
    kept.keep({1: [b"c"]})
    kept.lose()
    assert take_owed(kept) == [{1: [b"a"], 2: [b"b"]}, {1: [b"c"]}]
    assert kept.owed is None
    kept.lose()  # died again, right after
    assert len(take_owed(kept)) == 2


def test_a_server_that_dies_while_it_is_paid_is_paid_from_the_start() -> None:
    kept = Unsynced(Clock())
    for number in range(4):
        kept.keep({0: [b"%d" % number]})
    kept.lose()
    kept.pay()
    kept.pay()
    kept.lose()
    assert take_owed(kept) == [{0: [b"%d" % number]} for number in range(4)]


def test_a_server_that_dies_every_few_seconds_is_not_paid_everything_each_time() -> None:
    clock = Clock()
    kept = Unsynced(clock)
    paid = []
    for number in range(40):
        kept.keep({0: [b"%d" % number]})
        clock.now += 1
        if number % 4 == 3:
            kept.lose()
            paid.append(len(take_owed(kept)))
    assert max(paid) <= AGAIN_S + KEPT_S
    assert sum(paid) < 40 * 5


def test_nothing_is_owed_that_the_dedup_window_could_have_forgotten() -> None:
    clock = Clock()
    kept = Unsynced(clock)
    kept.keep({0: [b"a"]})
    clock.now += HELD_S + 1
    kept.lose()
    assert kept.owed is None
    assert not kept


def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    kept = Unsynced(Clock())
    for number in range(20):
        kept.keep({0: [b"%010d" % number]})
    kept.lose()
    assert [logs[0][0] for logs in take_owed(kept)] == [b"%010d" % number for number in range(10, 20)]


@pytest.mark.asyncio
async def test_what_redis_forgot_is_in_the_log_again_before_what_comes_next(own_log: LogServer, tmp_path: Path) -> None:
    async with appender(own_log) as door:
        for number in range(30):
            await door.append([event(number)])
        assert len(own_log.events()) == 30
        await asyncio.to_thread(lose_everything, own_log)
        await door.append([event(30)])
        assert [each.id for each in own_log.events()] == [f"m{number}" for number in range(31)]


@pytest.mark.asyncio
async def test_it_comes_back_also_when_nobody_sends(own_log: LogServer) -> None:
    async with appender(own_log) as door:
        await door.append([event(1), event(2)])
        await asyncio.to_thread(lose_everything, own_log)
        door.look()
        await asyncio.to_thread(wait_until, lambda: len(own_log.events()) == 2)


@pytest.mark.asyncio
async def test_a_server_that_lives_on_is_told_once(own_log: LogServer) -> None:
    async with appender(own_log) as door:
        await door.append([event(1)])
        for _ in range(5):
            door.look()
        await door.append([event(2)])
    assert [each.id for each in own_log.events()] == ["m1", "m2"]


def lose_everything(log: LogServer) -> None:
    """The server dies without warning, and another one starts with nothing on its disk."""
    os.kill(int(log.client.info()["process_id"]), signal.SIGKILL)
    log.stop()
    for path in log.folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    log.start()
