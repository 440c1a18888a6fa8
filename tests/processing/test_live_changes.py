"""Pushes go on after Redis died, whoever came and went meanwhile."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis.asyncio

from ingestion.live import Change, pack
from personalization.live import PAUSE_S, LiveChanges, Watcher
from profiles import keys
from tests.ingestion.doors import LogServer, wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LogServer]:
    with LogServer(tmp_path) as server:
        yield server


async def test_pages_that_come_and_go_while_redis_is_away_do_not_end_the_pushes(server: LogServer) -> None:
    client = redis.asyncio.Redis(port=server.port, socket_timeout=1, socket_connect_timeout=1)
    live, heard = LiveChanges(client), set()

    def hear(name: str) -> Watcher:
        async def note(change: Change) -> None:
            heard.add(name)

        return note

    async def is_told(name: str) -> None:
        """Published again and again: what is published before the subscription is there is not kept."""
        channel, change = keys.live(name), pack(Change())
        await asyncio.to_thread(wait_until, lambda: server.client.publish(channel, change) and name in heard)

    running = asyncio.create_task(live.run())
    leaves = hear("leaves")
    await live.watch("leaves", leaves)
    await is_told("leaves")
    os.kill(int(server.client.info()["process_id"]), signal.SIGKILL)
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(3 * PAUSE_S)  # it is away for longer than it takes to notice and to try in vain
    await live.unwatch("leaves", leaves)
    await live.watch("comes", hear("comes"))
    await asyncio.sleep(3 * PAUSE_S)
    await asyncio.to_thread(server.start)
    await is_told("comes")
    await live.watch("later", hear("later"))
    await is_told("later")
    live.stop()
    await running
