"""What somebody has to look at every moment: whether something is to be published, announced, or built."""

import logging
import threading

import redis
from django.db import Error, connection

from personalization.announcing import announce_newest
from personalization.building import hand_over_builds
from personalization.pools import fill_pools
from personalization.publications import publish_what_is_due
from profiles.clients import Client

logger = logging.getLogger(__name__)

LOOK_S = 0.3
PAUSE_S = 5.0  # after something that nobody has foreseen

ROUNDS = (publish_what_is_due, announce_newest, hand_over_builds, fill_pools)


def make_rounds(client: Client, stop: threading.Event) -> None:
    """Looks every LOOK_S until `stop` is set; rides out times when either server is away, and whatever else."""
    while not stop.wait(LOOK_S):
        for look in ROUNDS:
            try:
                look(client)
            except (redis.RedisError, Error) as error:
                logger.warning("%s waits: %s", look.__name__, type(error).__name__)
                connection.close()
            except Exception:  # nobody else does this work: it has to go on
                logger.exception("%s failed", look.__name__)
                stop.wait(PAUSE_S)
    connection.close()
