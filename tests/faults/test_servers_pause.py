"""Redis or PostgreSQL hangs for ten seconds: callers are answered in time, nothing piles up, and then all is well."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Event

import httpx
import pytest

from tests.faults.servers import count_connections, find_postgres, find_redis, paused, read_memory
from tests.faults.sizes import SEED, sized, tell
from tests.faults.traffic import Traffic
from tests.faults.truth import check_delivery, settle
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = [pytest.mark.story, pytest.mark.timeout(300)]

PAUSE_S = 10.0
DEADLINE_S = sized(10, 2)  # of an answer; the short form shares its machine
MOST_MIB = 100
MOST_CONNECTIONS = 100  # more than before, of one web process


@dataclass
class Asked:
    """What the door of decisions answered: the reasons, and the longest that one took, in seconds."""

    reasons: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    often: int = 0


@contextmanager
def asking(product: Product, write_key: str) -> Iterator[Asked]:
    """Four visitors who ask what to see, again and again."""
    asked, over = Asked(), Event()

    def ask(visitor: int) -> None:
        body = {"writeKey": write_key, "anonymousId": f"asks-{visitor}", "slots": ["home-hero"]}
        with httpx.Client(base_url=product.url, timeout=PATIENCE_S) as client:
            while not over.wait(0.1):
                started = time.monotonic()
                answer = client.post("/api/v1/decide", json=body)
                assert answer.status_code == 200, answer.text
                asked.slowest = max(asked.slowest, time.monotonic() - started)
                asked.reasons[answer.json()["slots"]["home-hero"]["reason"]] += 1
                asked.often += 1

    with ThreadPoolExecutor(4) as visitors:
        running = [visitors.submit(ask, visitor) for visitor in range(4)]
        try:
            yield asked
        finally:
            over.set()
    for each in running:
        each.result()


def live_through(product: Product, inside: Inside, pause: Callable[[], AbstractContextManager[None]]) -> Traffic:
    """Events and questions before, during and after a pause; memory and connections of the web process are bounded."""
    traffic = Traffic(product.url, inside.write_key, seed=SEED, people=60, each=100, call=20, pause=0.05)
    [web] = product.find("uvicorn")
    ports = (product.config["redis_port"], product.config["database_port"])
    memory, connections = read_memory(web), count_connections(web, ports)
    grown, more = 0.0, 0
    with asking(product, inside.write_key) as asked, traffic:
        traffic.wait_until_done(0.2)
        with pause():
            until = time.monotonic() + PAUSE_S
            while time.monotonic() < until:
                grown = max(grown, read_memory(web) - memory)
                more = max(more, count_connections(web, ports) - connections)
                time.sleep(0.2)
        before = asked.often
        wait_until(lambda: asked.often > before + 8, PATIENCE_S)
    slowest = {said: round(seconds, 2) for said, seconds in traffic.journal.slowest.items()}
    tell(f"events: {dict(traffic.journal.answers)}, slowest {slowest}; decisions: {dict(asked.reasons)},")
    tell(f"slowest {asked.slowest:.2f} s; the web process grew by {grown:.0f} MiB and {more} connections")
    assert product.find("uvicorn") == [web], "the web process died of it"
    assert asked.slowest < DEADLINE_S
    assert max(slowest.values()) < DEADLINE_S
    assert grown < MOST_MIB
    assert more < MOST_CONNECTIONS
    settle(inside)
    assert traffic.journal.without_retry_after == 0
    check_delivery(inside, traffic.journal, traffic.names())
    assert count_connections(web, ports) - connections < MOST_CONNECTIONS
    return traffic


def test_redis_hangs(running_product: Product) -> None:
    inside = Inside(running_product)
    traffic = live_through(running_product, inside, lambda: paused(find_redis(running_product)))
    assert traffic.journal.answers["503"] + traffic.journal.answers["slow"] > 0


def test_postgresql_hangs(running_product: Product) -> None:
    inside = Inside(running_product)
    traffic = live_through(running_product, inside, lambda: paused(find_postgres(running_product)))
    assert set(traffic.journal.answers) == {"200", "ack"}  # nobody who sends or decides asks it
    wait_until(lambda: httpx.get(running_product.url, timeout=PATIENCE_S).status_code == 302, PATIENCE_S)
