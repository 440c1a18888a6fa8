"""The edges of the dedup window, and what is left of it when the processor or Redis is started again."""

import os
import signal
from collections import Counter
from typing import Any

import pytest
import redis

from personalization.servers import Servers, embedded_settings
from profiles.event import Event
from tests.faults.hot import DAY, Hot
from tests.processing.harness import HOUR, START
from tests.product import open_folder, wait_until

ENDS = ("accepted", "duplicate")
TURN = START - START % DAY + DAY  # a period of marks begins


def take(hot: Hot, event: Event, at: int) -> str:
    """What becomes of it at that moment."""
    before = Counter({name: hot.outcome(name) for name in ENDS})
    hot.now = at
    hot.send(event)
    hot.run()
    [end] = Counter({name: hot.outcome(name) for name in ENDS}) - before
    return end


@pytest.mark.parametrize(
    ("applied", "inside", "outside"),
    [
        (0, (0, 1, DAY - 1, DAY, 2 * DAY - 1), 2 * DAY),  # at the first millisecond of a period
        (DAY // 2, (DAY // 2 - 1, DAY // 2, DAY, DAY + DAY // 2 - 1), DAY + DAY // 2),
        (DAY - 1, (0, 1, 2, DAY - 1, DAY), DAY + 1),  # at the last one
    ],
)
def test_a_message_is_known_for_a_day_at_least_and_less_than_two(
    redis_client: Any, applied: int, inside: tuple[int, ...], outside: int
) -> None:
    hot = Hot(redis_client)
    event = hot.event()
    applied += TURN
    assert take(hot, event, applied) == "accepted"
    assert {after: take(hot, event, applied + after) for after in inside} == dict.fromkeys(inside, "duplicate")
    assert take(hot, event, applied + outside) == "accepted"


@pytest.mark.parametrize("behind", [1, 5_000, HOUR])
def test_a_clock_that_goes_back_over_a_turn_forgets_nothing(redis_client: Any, behind: int) -> None:
    hot = Hot(redis_client)
    event = hot.event()
    assert take(hot, event, TURN) == "accepted"
    assert take(hot, event, TURN - behind) == "duplicate"
    assert take(hot, event, TURN + DAY) == "duplicate"


def test_another_processor_knows_what_the_last_one_applied(redis_client: Any) -> None:
    hot = Hot(redis_client)
    event = hot.event()
    assert take(hot, event, TURN - 1) == "accepted"
    hot.processor = hot.start_processor()
    assert take(hot, event, TURN) == "duplicate"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_redis_knows_it_after_a_restart(how: signal.Signals) -> None:
    with open_folder() as folder:
        servers = Servers(folder, database=False)
        servers.start()
        client: Any = redis.Redis.from_url(embedded_settings(folder)["REDIS_URL"])
        try:
            hot = Hot(client)
            events = [hot.event(anonymous_id=f"anna-{number}") for number in range(50)]
            assert {take(hot, event, TURN - 1) for event in events} == {"accepted"}
            os.kill(int(client.info()["process_id"]), how)
            wait_until(servers.heal)
            assert {take(hot, event, TURN + DAY - 1) for event in events} == {"duplicate"}
            assert len(hot.people()) == len(events)
        finally:
            client.close()
            servers.stop()
