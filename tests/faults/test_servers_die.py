"""Redis and PostgreSQL die without warning while clients send: what was acknowledged is there, once, in order."""

import random
import signal
import time

import httpx
import pytest

from tests.faults.servers import does_postgres_answer, kill_redis, stop_postgres
from tests.faults.sizes import SEED, sized, tell
from tests.faults.traffic import Traffic
from tests.faults.truth import check_delivery, settle
from tests.product import Product
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = [pytest.mark.story, pytest.mark.timeout(sized(300, 3_600))]

SENT_AWAY = {"503", "slow", "closed 1013", "no answer"}  # what an answer may say besides yes


def test_redis_may_die_at_any_moment(running_product: Product) -> None:
    inside, chance = Inside(running_product), random.Random(SEED)
    kills = sized(5, 50)
    traffic = Traffic(
        running_product.url, inside.write_key, seed=SEED, people=100, each=sized(100, 400), call=100, pause=0.01
    )
    with traffic:
        for turn in range(kills):
            traffic.wait_until_done((turn + chance.random()) / (kills + 1))
            kill_redis(running_product)
    settle(inside)
    journal = traffic.journal
    tell(f"{kills} kills of Redis, {traffic.total} events: {dict(journal.answers)}")
    assert journal.sent_again > 0
    assert set(journal.answers) <= {"200", "ack"} | SENT_AWAY
    assert journal.without_retry_after == 0
    check_delivery(inside, journal, traffic.names())


def test_events_go_on_while_postgresql_dies_and_comes_back(running_product: Product) -> None:
    inside, chance = Inside(running_product), random.Random(SEED)
    kills = sized(2, 20)
    traffic = Traffic(
        running_product.url, inside.write_key, seed=SEED, people=100, each=sized(60, 600), call=100, pause=0.05
    )
    recovered = []
    with traffic:
        for turn in range(kills):
            traffic.wait_until_done((turn + chance.random()) / (kills + 1))
            stop_postgres(running_product, (signal.SIGKILL, signal.SIGQUIT)[turn % 2])
            recovered.append(wait_for_pages(running_product))
    settle(inside)
    tell(f"{kills} ends of PostgreSQL, pages {max(recovered):.1f} s after it answered: {dict(traffic.journal.answers)}")
    assert set(traffic.journal.answers) == {"200", "ack"}  # nobody was sent away
    assert max(recovered) < sized(PATIENCE_S, 5)
    check_delivery(inside, traffic.journal, traffic.names())


def wait_for_pages(product: Product) -> float:
    """Seconds until every connection that pages take from their pool is good again, ten times in a row."""
    started, good = time.monotonic(), 0
    with httpx.Client(base_url=product.url, timeout=PATIENCE_S) as client:
        while good < 10:
            answer = client.get("/")  # asks the database where to lead to
            assert answer.status_code in (302, 503), answer.text
            good = good + 1 if answer.status_code == 302 else 0
            assert time.monotonic() - started < PATIENCE_S
    assert does_postgres_answer(product)
    return time.monotonic() - started
