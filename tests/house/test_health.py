"""`/health/live` says that the process answers, `/health/ready` what is away or too far behind, in bounded time, and
asks no more often than it has to."""

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import connection

from ingestion.models import ArchiveOffset
from personalization.health import AWAY, BEHIND, FILLED, SILENT, UNKNOWN, WELL, HealthApp, Part, Parts, Readiness
from personalization.servers import free_port
from profiles import keys
from profiles.clients import Client
from profiles.locks import ARCHIVE
from tests.house.asking import ask
from tests.product import Product, wait_until

PARTITIONS = 2
NAMES = Readiness.NAMES


def now() -> int:
    return time.time_ns() // 1_000_000


def readiness(database: str = "", redis: str = "", patience: float = 20) -> Readiness:
    url = connection.settings_dict
    ours = f"postgres://{url['USER']}:{url['PASSWORD']}@{url['HOST']}:{url['PORT']}/{url['NAME']}"
    return Readiness(
        database or ours,
        redis or os.environ["REDIS_URL"],
        partitions=PARTITIONS,
        most_log_s=60,
        most_archive_s=360,
        clock=now,
        patience=patience,
    )


def oks(parts: Parts) -> dict[str, bool]:
    return {name: part.ok for name, part in parts.items()}


def look_now() -> Parts:
    return asyncio.run(readiness().look())


async def count_well() -> Parts:
    return {"one": Part(True, WELL), "two": Part(True, WELL)}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def archiving(transactional_db: None) -> Iterator[None]:
    """An archiver works."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ARCHIVE])
        yield
        cursor.execute("SELECT pg_advisory_unlock(%s)", [ARCHIVE])


def look(product: Product, path: str) -> tuple[int, Any]:
    with urlopen(f"{product.url}{path}", timeout=20) as found:
        return found.status, json.load(found)


def test_the_running_product_is_live_and_ready(running_product: Product) -> None:
    assert look(running_product, "/health/live") == (200, {"status": "live"})
    wait_until(lambda: _is_ready(running_product))
    _, said = look(running_product, "/health/ready")
    assert set(said["parts"]) == set(NAMES)
    assert said["parts"]["log"]["mostSeconds"] == settings.PZ_LOG_LAG_S
    assert said["parts"]["archiver"]["mostSeconds"] == settings.PZ_ARCHIVE_LAG_S
    assert look(running_product, "/health/ready/redis")[1]["parts"] == {"redis": {"ok": True, "says": "answers"}}


def _is_ready(product: Product) -> bool:
    try:
        return bool(look(product, "/health/ready")[1]["status"] == "ready")
    except OSError:  # 503: another test has just killed a part of it
        return False


def test_with_everything_at_work_it_is_ready(redis_client: Client, archiving: None) -> None:
    redis_client.zadd(keys.PROCESSORS, {"processor-1": now()})
    parts = look_now()
    assert oks(parts) == dict.fromkeys(NAMES, True)
    assert parts["processor"].alive == 1


def test_without_processor_and_archiver_it_is_not(redis_client: Client, transactional_db: None) -> None:
    redis_client.zadd(keys.PROCESSORS, {"processor-1": now() - 3_600_000})
    parts = look_now()
    assert oks(parts) == {"postgresql": True, "redis": True, "log": True, "processor": False, "archiver": False}
    assert (parts["processor"].says, parts["archiver"].says) == (SILENT, SILENT)


def test_what_has_waited_too_long_is_named(redis_client: Client, archiving: None) -> None:
    redis_client.zadd(keys.PROCESSORS, {"processor-1": now()})
    redis_client.xadd(keys.log(1), {"r": b"x"}, id=f"{now() - 100_000}-0")
    parts = look_now()
    assert oks(parts) == {**dict.fromkeys(NAMES, True), "log": False}
    assert parts["log"].says == BEHIND
    assert 100 <= (parts["log"].lag_seconds or 0) < 200
    redis_client.set(keys.offset(1), f"{now()}-0")
    redis_client.xadd(keys.accepted(0), {"r": b"x"}, id=f"{now() - 1_000_000}-0")
    assert oks(look_now()) == {**dict.fromkeys(NAMES, True), "archiver": False}
    ArchiveOffset.objects.create(stream=keys.accepted(0), offset=f"{now()}-0")
    assert oks(look_now()) == dict.fromkeys(NAMES, True)


def test_a_redis_that_is_filled_again_is_not_ready(redis_client: Client, archiving: None) -> None:
    redis_client.delete(keys.WHOLE)
    redis_client.zadd(keys.PROCESSORS, {"processor-1": now()})
    parts = look_now()
    assert oks(parts) == {**dict.fromkeys(NAMES, True), "redis": False}
    assert parts["redis"].says == FILLED


async def test_servers_that_are_away_are_named() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    parts = await readiness(f"postgres://u:hidden@{nowhere}/x", f"redis://:hidden@{nowhere}/0").look()
    assert {name: part.says for name, part in parts.items()} == {
        "postgresql": AWAY,
        "redis": AWAY,
        "log": UNKNOWN,
        "processor": UNKNOWN,
        "archiver": UNKNOWN,
    }


async def test_servers_that_say_nothing_are_not_waited_for(silent_port: int) -> None:
    place = f"127.0.0.1:{silent_port}"
    began = time.monotonic()
    parts = await readiness(f"postgres://u@{place}/x", f"redis://{place}/0", patience=0.2).look()
    assert oks(parts) == dict.fromkeys(NAMES, False)
    assert time.monotonic() - began < 20


async def test_a_look_that_hangs_says_so() -> None:
    async def hang() -> Parts:
        await asyncio.Event().wait()
        return {}

    found = await ask(HealthApp(hang, ("one", "two"), patience=0.05), "/health/ready")
    assert (found.status, found.headers["cache-control"]) == (503, "no-store")
    assert json.loads(found.body)["parts"]["one"] == {"ok": False, "says": UNKNOWN}


async def test_many_who_ask_at_once_are_one_look() -> None:
    looks = 0

    async def count() -> Parts:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return await count_well()

    app = HealthApp(count, ("one", "two"), patience=20)
    found = await asyncio.gather(*(ask(app, "/health/ready") for _ in range(50)))
    assert {each.status for each in found} == {200}
    assert looks == 1


async def test_being_live_asks_nobody() -> None:
    async def fail() -> Parts:
        raise AssertionError

    assert (await ask(HealthApp(fail, ("one",)), "/health/live")).status == 200


async def test_other_calls_are_refused_in_words() -> None:
    app = HealthApp(count_well, ("one", "two"))
    assert (await ask(app, "/health/ready", "POST")).status == 405
    assert (await ask(app, "/health/ready/three")).status == 404
    assert (await ask(app, "/health/")).status == 404
    assert (await ask(app, "/health/ready/", "HEAD")).body == b""
    assert (await ask(app, "/health/ready/one")).status == 200
