"""SIGTERM while clients send: what is in flight is answered or comes again, and the end comes soon."""

import os
import signal
import time
from functools import partial

import pytest

from tests.faults.sizes import SEED, sized, tell
from tests.faults.traffic import Traffic
from tests.faults.truth import check_delivery, settle
from tests.product import Product, read_command, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = [pytest.mark.story, pytest.mark.timeout(sized(300, 1_800))]

END_S = 30
SAID = {"200", "ack", "503", "slow", "no answer", "closed 1001", "closed 1012", "closed 1013"}


def is_gone(pid: int) -> bool:
    return not read_command(pid)


def test_a_web_process_is_told_to_stop_under_load(running_product: Product) -> None:
    inside = Inside(running_product)
    stops = sized(2, 20)
    traffic = Traffic(running_product.url, inside.write_key, seed=SEED, people=100, each=40 * stops, connections=6)
    took = []
    with traffic:
        for turn in range(stops):
            traffic.wait_until_done((turn + 0.5) / stops)
            [web] = running_product.find("uvicorn")
            os.kill(web, signal.SIGTERM)
            started = time.monotonic()
            wait_until(partial(is_gone, web), PATIENCE_S)
            took.append(time.monotonic() - started)
            wait_until(partial(running_product.find, "uvicorn"), PATIENCE_S)
    settle(inside)
    tell(f"{stops} stops, the longest of {max(took):.1f} s: {dict(traffic.journal.answers)}")
    assert max(took) < END_S
    assert set(traffic.journal.answers) <= SAID
    check_delivery(inside, traffic.journal, traffic.names())


def test_the_whole_product_is_told_to_stop_under_load(own_product: Product) -> None:
    inside = Inside(own_product)
    traffic = Traffic(own_product.url, inside.write_key, seed=SEED, people=100, each=sized(60, 300), connections=6)
    took = []
    with traffic:
        for share in (0.2, 0.6)[: sized(1, 2)]:
            traffic.wait_until_done(share)
            started = time.monotonic()
            code = own_product.stop()
            took.append(time.monotonic() - started)
            assert code == 0, own_product.output
            own_product.start()  # on the same data
    inside = Inside(own_product)
    settle(inside)
    tell(f"{len(took)} stops of everything, the longest of {max(took):.1f} s: {dict(traffic.journal.answers)}")
    assert max(took) < END_S
    assert set(traffic.journal.answers) <= SAID
    check_delivery(inside, traffic.journal, traffic.names())
