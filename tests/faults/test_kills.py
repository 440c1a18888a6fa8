"""Whatever is killed while clients send, repeat and wait: what they saw acknowledged is there, once, in order."""

import random
import time

import pytest

from tests.faults.sizes import SEED, sized, tell
from tests.faults.traffic import Traffic
from tests.faults.truth import check_delivery, settle
from tests.product import Product
from tests.stories.inside import Inside, kill

pytestmark = [pytest.mark.story, pytest.mark.timeout(sized(600, 7_200))]

PARTS = {
    "web": "uvicorn",
    "processor": "run_processor",
    "archiver": "run_archiver",
    "worker": "celery worker",
    "beat": "celery beat",
}
ROUNDS = sized(1, 20)  # each is looked through before the next one begins
KILLS = sized(20, 10)  # of a round
PEOPLE, EACH = 500, 100  # of a round


def test_every_process_may_die_at_any_moment(running_product: Product) -> None:
    inside, chance = Inside(running_product), random.Random(SEED)
    slowest = 0.0
    for number in range(ROUNDS):
        traffic = Traffic(
            running_product.url,
            inside.write_key,
            seed=SEED,
            round=number,
            people=PEOPLE,
            each=EACH,
            connections=6,
            call=100,
        )
        started = time.monotonic()
        with traffic:
            for turn in range(KILLS):
                traffic.wait_until_done((turn + chance.random()) / (KILLS + 1))
                kill(running_product, list(PARTS.values())[turn % len(PARTS)])
        sent = time.monotonic()
        caught_up = settle(inside)
        slowest = max(slowest, caught_up)
        assert traffic.journal.sent_again > 0
        check_delivery(inside, traffic.journal, traffic.names())
        tell(
            f"{KILLS} kills, {traffic.total} events in {sent - started:.0f} s, {traffic.journal.sent_again} sent again,"
            f" caught up {caught_up:.1f} s after the last: 0 lost, 0 doubled, in order"
        )
    assert slowest < sized(120, 10)
