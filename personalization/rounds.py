"""What somebody has to look at every moment: whether something was published, and whether something is to be built."""

import logging
import threading

import redis
from django.db import Error, connection

from personalization.announcing import announce_newest
from personalization.building import hand_over_builds
from profiles.clients import Client

logger = logging.getLogger(__name__)

LOOK_S = 0.3


def make_rounds(client: Client, stop: threading.Event) -> None:
    """Looks every LOOK_S until `stop` is set; rides out times when either server is away."""
    while not stop.wait(LOOK_S):
        try:
            announce_newest(client)
            hand_over_builds(client)
        except (redis.RedisError, Error) as error:
            logger.warning("announcing waits: %s", type(error).__name__)
            connection.close()
    connection.close()
