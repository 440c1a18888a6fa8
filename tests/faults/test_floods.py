"""More events than can be processed: they are turned away in time and politely, and what was taken is not lost."""

import time
from collections.abc import Iterator
from functools import partial
from statistics import median

import pytest

from tests.faults.doors import Batch, Socket
from tests.faults.memory import Growth
from tests.faults.servers import paused
from tests.faults.sizes import SEED, sized, tell
from tests.faults.traffic import Traffic
from tests.faults.truth import check_delivery, hot_profiles
from tests.faults.watching import Watching
from tests.product import Product, open_folder, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

LOG_RECORDS = 1_000  # of a partition: the least that can be set
PAUSE_S = 1.0  # of the processor at a time, half of the time
MOST_MIB = 100
FRESH_S = 30.0  # where others are at work as well; the figure is told
HISTORY = 500  # events of one name that a profile remembers


@pytest.fixture(scope="module")
def small_product() -> Iterator[Product]:
    """A product whose log is soon full."""
    with (
        open_folder() as folder,
        Product(folder / "data", PZ_LOG_MAX_LENGTH=str(LOG_RECORDS), PZ_VISITOR_CALLS="0") as product,
    ):
        yield product


def test_producers_that_are_too_fast_are_slowed_down(small_product: Product) -> None:
    inside = Inside(small_product)
    [web], [processor] = small_product.find("uvicorn"), small_product.find("run_processor")
    with _traffic(small_product, inside, round=1, lasts=2.0):
        pass
    wait_until(inside.is_idle, PATIENCE_S)
    flood = _traffic(small_product, inside, round=2, lasts=float(sized(10, 60)))
    with Growth(web) as memory:
        with flood:
            while not flood.is_over:
                with paused(processor):
                    time.sleep(PAUSE_S)
                time.sleep(PAUSE_S)
        started = time.monotonic()
        wait_until(inside.is_idle, PATIENCE_S)
        drained = time.monotonic() - started
    answers = flood.journal.answers
    tell(f"{len(flood.journal.acknowledged)} taken, {dict(answers)}")
    tell(f"{memory.peak:.0f} MiB more, drained in {drained:.1f} s")
    assert memory.peak < MOST_MIB
    assert answers["429"] and answers["slow"], answers
    assert flood.journal.without_retry_after == 0
    check_delivery(inside, flood.journal, sorted({each["anonymousId"] for each in flood.journal.acknowledged.values()}))


def _traffic(product: Product, inside: Inside, **more: float) -> Traffic:
    return Traffic(
        product.url,
        inside.write_key,
        seed=SEED,
        people=200,
        each=1_000_000,
        connections=8,
        call=100,
        filler=2_000,
        doors=(Batch, Socket),
        **more,  # type: ignore[arg-type]
    )


def test_one_person_with_half_of_the_traffic_keeps_nobody_waiting(running_product: Product) -> None:
    inside = Inside(running_product)
    total = sized(6_000, 100_000)
    half = partial(Traffic, running_product.url, inside.write_key, seed=SEED, call=100, doors=(Batch,))
    hot = half(people=1, each=total, connections=1, round=10)
    others = half(people=200, each=total // 200, connections=2, round=11)
    with Watching(running_product.url, inside.write_key) as watching, hot, others:
        while not (hot.is_over and others.is_over):
            watching.look()
    wait_until(inside.is_idle, PATIENCE_S)
    waits = watching.waits
    tell(f"{2 * total} events; others saw theirs within {max(waits):.2f} s, {median(waits):.2f} s of {len(waits)}")
    assert max(waits) < FRESH_S
    check_delivery(inside, hot.journal, hot.names())
    check_delivery(inside, others.journal, others.names())
    [profile] = hot_profiles(inside, hot.names()).values()
    [history] = profile.events.values()
    assert history.count == total
    assert len(history.recent) <= HISTORY
