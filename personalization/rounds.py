"""What somebody has to look at every moment: whether something is to be published, announced, or built."""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache, wraps

import redis
from django.conf import settings
from django.db import Error, connection

from ingestion.uses import copy_uses
from personalization.announcing import announce_newest
from personalization.building import hand_over_builds
from personalization.metrics import metrics
from personalization.pools import fill_pools
from personalization.publications import publish_what_is_due
from personalization.rebuilding import keep_whole, notice_old_copy
from personalization.signs import Signs, name_round, now_ms
from personalization.stage_report import EVERY_S, History
from profiles.clients import Client

logger = logging.getLogger(__name__)

LOOK_S = 0.3
PAUSE_S = 5.0  # after something that nobody has foreseen


def every(seconds: float, look: Callable[[Client], object]) -> Callable[[Client], None]:
    """A look that is taken more seldom than the others."""
    taken = -seconds

    @wraps(look)
    def look_seldom(client: Client) -> None:
        nonlocal taken
        if time.monotonic() - taken >= seconds:
            look(client)
            taken = time.monotonic()

    return look_seldom


@cache
def _history() -> History:
    return History(settings.PZ_METRICS)


def note_stages(client: Client) -> None:
    """What was measured by now, so that the last minutes can be told from what was before."""
    _history().note()


ROUNDS = (
    publish_what_is_due,
    announce_newest,
    keep_whole,
    every(2, notice_old_copy),
    hand_over_builds,
    fill_pools,
    every(60, copy_uses),
    every(EVERY_S, note_stages),
)


def make_rounds(client: Client, stop: threading.Event) -> None:
    """Looks every LOOK_S until `stop` is set; rides out times when either server is away, and whatever else."""
    signs = Signs(lambda: client, now_ms)
    while not stop.wait(LOOK_S):
        for look in ROUNDS:
            try:
                look(client)
                signs.give(name_round(look.__name__))
                metrics().went_round(look.__name__, failed=False)
            except (redis.RedisError, Error) as error:
                logger.warning("%s waits: %s", look.__name__, type(error).__name__)
                metrics().went_round(look.__name__, failed=True)
                connection.close()
            except Exception:  # nobody else does this work: it has to go on
                logger.exception("%s failed", look.__name__)
                metrics().went_round(look.__name__, failed=True)
                stop.wait(PAUSE_S)
    connection.close()
