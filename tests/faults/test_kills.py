"""Whatever is killed while clients send, repeat and wait: what they saw acknowledged is there, once, in order."""

import random

import pytest

from tests.faults.sizes import SEED, sized
from tests.faults.traffic import Traffic
from tests.faults.truth import check_delivery
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside, kill

pytestmark = pytest.mark.story

PARTS = {
    "web": "uvicorn",
    "processor": "run_processor",
    "archiver": "run_archiver",
    "worker": "celery worker",
    "beat": "celery beat",
}


def test_every_process_may_die_at_any_moment(running_product: Product) -> None:
    inside, chance = Inside(running_product), random.Random(SEED)
    kills = sized(20, 200)
    traffic = Traffic(
        running_product.url, inside.write_key, seed=SEED, people=500, each=sized(100, 2_000), connections=8
    )
    with traffic:
        for number in range(kills):
            traffic.wait_until_done((number + chance.random()) / (kills + 1))
            kill(running_product, list(PARTS.values())[number % len(PARTS)])
    wait_until(inside.is_idle, PATIENCE_S)
    assert traffic.journal.sent_again > 0
    check_delivery(inside, traffic.journal, traffic.names())
