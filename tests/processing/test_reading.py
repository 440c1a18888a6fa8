"""The read side on a real server: identity and state in one round trip, pushes, definitions swapped."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from ingestion.live import Change, Seen
from ingestion.live import pack as pack_change
from personalization.live import LiveChanges
from personalization.showings import Showings
from personalization.snapshot import Snapshot, announce
from profiles import keys
from profiles.event import derive_profile_id
from profiles.profile import Profile, pack
from profiles.reader import Found, ProfileReader
from profiles.store import StoreUnavailable
from segments.roster import Roster
from tests.ingestion.doors import LogServer

ANNA = Profile(id=derive_profile_id("a:reader"), user_id="u1")


async def test_a_visitor_is_found_by_device_and_by_user(redis_client: Any, async_client: Any) -> None:
    redis_client.set(keys.profile(ANNA.id), pack(ANNA))
    redis_client.set(keys.identifier("u:u1"), ANNA.id)
    reader = ProfileReader(async_client, partitions=8)
    assert await reader.read("a:reader", 1) == Found(ANNA.id, ANNA)
    assert await reader.read("u:u1", 1) == Found(ANNA.id, ANNA)
    assert await reader.read("a:else", 1) == Found(derive_profile_id("a:else"), None)


async def test_calls_of_one_moment_share_round_trips_and_get_their_own_answers(
    redis_client: Any, async_client: Any
) -> None:
    people = [Profile(id=derive_profile_id(f"a:reader-{number}"), user_id=str(number)) for number in range(500)]
    redis_client.mset({keys.profile(person.id): pack(person) for person in people})
    reader = ProfileReader(async_client, partitions=8)
    before = redis_client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
    found = await asyncio.gather(*(reader.read(f"a:reader-{number}", 5) for number in range(500)))
    assert [each.profile for each in found] == people
    assert redis_client.info("commandstats")["cmdstat_evalsha"]["calls"] - before <= 8


async def test_a_server_that_is_away_is_told_and_not_waited_for() -> None:
    reader = ProfileReader(redis.asyncio.Redis(port=1, socket_connect_timeout=0.2), partitions=8)
    with pytest.raises(StoreUnavailable):
        await reader.read("a:reader", 5)


async def test_the_deadline_holds_while_the_server_is_paused(redis_client: Any, async_client: Any) -> None:
    reader = ProfileReader(async_client, partitions=8)
    await reader.read("a:reader", 1)
    redis_client.execute_command("CLIENT", "PAUSE", 700, "ALL")
    with pytest.raises(TimeoutError):
        await reader.read("a:reader", 0.05)
    redis_client.execute_command("CLIENT", "UNPAUSE")
    assert (await reader.read("a:reader", 5)).profile is None


async def test_changes_reach_those_who_watch_the_profile_and_nobody_else(redis_client: Any, async_client: Any) -> None:
    live = LiveChanges(async_client)
    running = asyncio.create_task(live.run())
    heard: asyncio.Queue[Change] = asyncio.Queue()
    await live.watch(ANNA.id, heard.put)
    change = Change(entered=("outdoor",))
    async with asyncio.timeout(5):
        while not redis_client.publish(keys.live(ANNA.id), pack_change(change)):
            await asyncio.sleep(0.01)  # the subscription is on its way
        redis_client.publish(keys.live("f" * 32), pack_change(Change(left=("outdoor",))))
        assert await heard.get() == change
        await live.unwatch(ANNA.id, heard.put)
        while redis_client.publish(keys.live(ANNA.id), pack_change(change)):
            await asyncio.sleep(0.01)
    assert heard.empty()
    live.stop()
    await running


async def test_all_pages_of_a_visitor_share_what_a_change_is_shown_as(redis_client: Any, async_client: Any) -> None:
    redis_client.set(keys.profile(ANNA.id), pack(ANNA))
    showings = Showings(ProfileReader(async_client, partitions=8), Roster)
    change = Change(entered=("outdoor",), events=(Seen("a", 1, "m1"), Seen("b", 2, "m2")))
    shown = await asyncio.gather(*(showings.show("a:reader", change) for _ in range(50)), showings.show("a:x", change))
    assert all(frames is shown[0] for frames in shown[:50])
    first, last = map(json.loads, shown[0])
    assert first["event"]["messageId"] == "m1" and "profile" not in first
    assert last["entered"] == ["outdoor"] and last["profile"]["userId"] == "u1"
    assert json.loads(shown[50][-1])["profile"]["userId"] is None
    redis_client.delete(keys.profile(ANNA.id))
    assert json.loads((await showings.show("a:reader", change))[-1])["profile"]["userId"] is None


async def test_pages_are_told_when_what_they_are_shown_cannot_be_looked_up() -> None:
    away = redis.asyncio.Redis(port=1, socket_connect_timeout=0.2)
    showings = Showings(ProfileReader(away, partitions=8), Roster)
    for told in await asyncio.gather(*(showings.show("a:reader", Change()) for _ in range(3)), return_exceptions=True):
        assert isinstance(told, StoreUnavailable | TimeoutError)


async def test_pushes_go_on_after_the_connection_was_cut(redis_client: Any, async_client: Any) -> None:
    live = LiveChanges(async_client)
    running = asyncio.create_task(live.run())
    heard: asyncio.Queue[Change] = asyncio.Queue()
    await live.watch(ANNA.id, heard.put)
    change = Change(entered=("outdoor",))
    async with asyncio.timeout(10):
        while not redis_client.publish(keys.live(ANNA.id), pack_change(change)):
            await asyncio.sleep(0.01)
        await heard.get()
        redis_client.client_kill_filter(_type="pubsub")
        while heard.empty():
            redis_client.publish(keys.live(ANNA.id), pack_change(change))
            await asyncio.sleep(0.02)
    live.stop()
    await running


async def test_pages_that_open_while_the_server_is_away_are_told_once_it_is_back(tmp_path: Path) -> None:
    change, pages = Change(entered=("outdoor",)), {ANNA.id: asyncio.Queue[Change](), "b" * 32: asyncio.Queue[Change]()}
    with LogServer(tmp_path) as server:
        await asyncio.to_thread(server.stop)
        live = LiveChanges(redis.asyncio.Redis(port=server.port, socket_timeout=1))
        running = asyncio.create_task(live.run())
        for id, page in pages.items():
            await live.watch(id, page.put)
            await asyncio.sleep(1)  # it is tried, and tried again
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(30):
            for id, page in pages.items():
                while page.empty():
                    server.client.publish(keys.live(id), pack_change(change))
                    await asyncio.sleep(0.02)
        live.stop()
        await running


async def test_pages_that_open_at_the_same_moment_all_hear_of_changes(redis_client: Any, async_client: Any) -> None:
    live = LiveChanges(async_client)
    running = asyncio.create_task(live.run())
    people = [derive_profile_id(f"a:reader-{number}") for number in range(20)]
    pages: list[asyncio.Queue[Change]] = [asyncio.Queue() for _ in people]
    await asyncio.gather(*(live.watch(id, page.put) for id, page in zip(people, pages, strict=True)))
    change = Change(entered=("outdoor",))
    async with asyncio.timeout(5):
        for id, page in zip(people, pages, strict=True):
            while not redis_client.publish(keys.live(id), pack_change(change)):
                await asyncio.sleep(0.01)
            assert await page.get() == change
    live.stop()
    await running


def test_a_newer_version_is_swapped_in_and_a_broken_one_is_not(redis_client: Any) -> None:
    snapshot: Snapshot[int] = Snapshot("pz:numbers", int)
    snapshot.refresh(redis_client)
    assert snapshot.current is None
    announce(redis_client, "pz:numbers", 1, b"10")
    snapshot.refresh(redis_client)
    assert snapshot.current == 10
    announce(redis_client, "pz:numbers", 2, b"not a number")
    snapshot.refresh(redis_client)
    assert snapshot.current == 10
    announce(redis_client, "pz:numbers", 3, b"30")
    snapshot.refresh(redis_client)
    assert snapshot.current == 30
