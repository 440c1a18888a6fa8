"""`/healthz` says which server answers, in bounded time, and asks the servers no more often than it has to."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from personalization.health import HealthApp, probes_of
from tests.house.asking import ask
from tests.product import Product


async def answer() -> None: ...


async def fail() -> None:
    raise ConnectionRefusedError


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_running_product_is_well(running_product: Product) -> None:
    with urlopen(f"{running_product.url}/healthz", timeout=20) as found:
        assert found.status == 200
        assert json.load(found) == {"postgresql": "answers", "redis": "answers"}


async def test_servers_that_are_there_answer() -> None:
    app = HealthApp(probes_of(os.environ["DATABASE_URL"], os.environ["REDIS_URL"]), patience=20)
    assert (await ask(app, "/healthz")).status == 200


async def test_servers_that_are_away_do_not() -> None:
    app = HealthApp(probes_of("postgres://u:hidden@127.0.0.1:1/x", "redis://:hidden@127.0.0.1:1/0"))
    found = await ask(app, "/healthz")
    assert found.status == 503
    assert json.loads(found.body) == {"postgresql": "does not answer", "redis": "does not answer"}


async def test_servers_that_say_nothing_are_not_waited_for(silent_port: int) -> None:
    place = f"127.0.0.1:{silent_port}"
    app = HealthApp(probes_of(f"postgres://u@{place}/x", f"redis://{place}/0"), patience=0.2)
    found = await ask(app, "/healthz")
    assert found.status == 503
    assert json.loads(found.body) == {"postgresql": "does not answer", "redis": "does not answer"}


async def test_one_that_hangs_does_not_hide_the_other() -> None:
    app = HealthApp({"one": answer, "two": hang, "three": fail}, patience=0.05)
    found = await ask(app, "/healthz")
    assert (found.status, found.headers["cache-control"]) == (503, "no-store")
    assert json.loads(found.body) == {"one": "answers", "two": "does not answer", "three": "does not answer"}
    assert (await ask(app, "/healthz/one")).status == 200
    assert (await ask(app, "/healthz/three")).status == 503


async def test_many_who_ask_at_once_are_one_look() -> None:
    looks = 0

    async def count() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)

    app = HealthApp({"one": count}, patience=20)
    found = await asyncio.gather(*(ask(app, "/healthz") for _ in range(50)))
    assert {each.status for each in found} == {200}
    assert looks == 1


async def test_other_calls_are_refused_in_words() -> None:
    app = HealthApp({"one": answer})
    assert (await ask(app, "/healthz", "POST")).status == 405
    assert (await ask(app, "/healthz/two")).status == 404
    assert (await ask(app, "/healthz/", "HEAD")).body == b""
