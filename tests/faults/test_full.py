"""No memory, no disk: events are sent away and told when to come back, nothing is spoilt, with space all is well."""

from collections.abc import Iterator

import httpx
import pytest

from tests.faults.disks import full, small_disk
from tests.faults.servers import kill_redis
from tests.faults.sizes import SEED, sized, tell
from tests.faults.traffic import Traffic
from tests.faults.truth import check_delivery, settle
from tests.product import Product, open_folder, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = [pytest.mark.story, pytest.mark.timeout(300)]

DISK_FULL = "53100"  # what PostgreSQL calls it
REFUSALS = sized(10, 200)  # that are waited for while there is no space


def make_traffic(product: Product, inside: Inside) -> Traffic:
    return Traffic(product.url, inside.write_key, seed=SEED, people=60, each=sized(60, 600), call=40, pause=0.02)


def decide(product: Product, write_key: str) -> str:
    """What a visitor is answered: a reason, whatever happens."""
    body = {"writeKey": write_key, "anonymousId": "asks-while-full", "slots": ["home-hero"]}
    answer = httpx.post(f"{product.url}/api/v1/decide", json=body, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["slots"]["home-hero"]["reason"])


def refusals(traffic: Traffic) -> int:
    answers = traffic.journal.answers
    return answers["503"] + answers["429"] + answers["slow"]


def wait_for_refusals(traffic: Traffic) -> None:
    before = refusals(traffic)
    wait_until(lambda: refusals(traffic) >= before + REFUSALS or traffic.is_over, PATIENCE_S)
    assert not traffic.is_over, "everything was taken though there was no space"


def check(product: Product, inside: Inside, traffic: Traffic) -> None:
    settle(inside)
    wait_until(lambda: decide(product, inside.write_key) != "timeout", PATIENCE_S)
    assert traffic.journal.without_retry_after == 0
    check_delivery(inside, traffic.journal, traffic.names())


def test_redis_has_no_memory_left(running_product: Product) -> None:
    inside = Inside(running_product)
    traffic = make_traffic(running_product, inside)
    with traffic:
        traffic.wait_until_done(0.3)
        try:
            inside.redis.config_set("maxmemory", int(inside.redis.info("memory")["used_memory"] * 0.9))
            wait_for_refusals(traffic)
            assert decide(running_product, inside.write_key) == "timeout"  # it could not be written down
        finally:
            inside.redis.config_set("maxmemory", 0)
    tell(f"Redis without memory: {dict(traffic.journal.answers)}")
    check(running_product, inside, traffic)


@pytest.fixture(scope="module")
def on_small_disks() -> Iterator[Product]:
    """PostgreSQL and Redis of a product, each on a small disk of its own."""
    with (
        open_folder() as folder,
        small_disk(folder / "data", 600) as data,
        small_disk(data / "redis", 100),
        Product(data, brand_new=True, PZ_DEMO="1") as product,  # with no room to spare in files of another one
    ):
        yield product


def test_the_disk_of_redis_is_full(on_small_disks: Product) -> None:
    inside = Inside(on_small_disks)
    traffic = make_traffic(on_small_disks, inside)
    with traffic:
        traffic.wait_until_done(0.3)
        with full(on_small_disks.data / "redis"):
            wait_for_refusals(traffic)
            assert decide(on_small_disks, inside.write_key) == "timeout"
        traffic.wait_until_done(0.6)
    tell(f"Redis without a disk: {dict(traffic.journal.answers)}")
    check(on_small_disks, inside, traffic)
    kill_redis(on_small_disks)  # what it has on its disk is whole
    check(on_small_disks, inside, traffic)


def test_the_disk_of_postgresql_is_full(on_small_disks: Product) -> None:
    inside = Inside(on_small_disks)
    traffic = make_traffic(on_small_disks, inside)
    with traffic:
        traffic.wait_until_done(0.2)
        with full(on_small_disks.data):
            wait_until(lambda: DISK_FULL in on_small_disks.output, PATIENCE_S)
            assert decide(on_small_disks, inside.write_key) != "timeout"
    tell(f"PostgreSQL without a disk: {dict(traffic.journal.answers)}")
    assert set(traffic.journal.answers) == {"200", "ack"}  # nobody who sends asks it
    check(on_small_disks, inside, traffic)
