"""Brings what is published in PostgreSQL into force: tells Redis of the newest Book and directory, and tells it again
when it has forgotten. Publishing therefore is one database transaction, and needs no Redis."""

import logging
import threading

import msgspec
import redis
from django.db import Error, connection

from ingestion.queries import newest_directory
from personalization.snapshot import announce
from profiles import keys
from profiles.clients import Client
from rules.queries import newest_book

logger = logging.getLogger(__name__)

LOOK_S = 0.3
NEWEST = {keys.BOOK: newest_book, keys.DIRECTORY: newest_directory}


def announce_newest(client: Client) -> list[str]:
    """Announces what is newer in PostgreSQL than in Redis; returns the names announced."""
    announced = []
    for name, find in NEWEST.items():
        newest = find()
        if newest is not None and client.get(name) != str(newest[0]).encode():
            number, payload = newest
            announce(client, name, number, msgspec.json.encode({**payload, "number": number}))
            announced.append(name)
    return announced


def keep_announcing(client: Client, stop: threading.Event) -> None:
    """Looks every LOOK_S until `stop` is set; rides out times when either server is away."""
    while not stop.wait(LOOK_S):
        try:
            announce_newest(client)
        except (redis.RedisError, Error) as error:
            logger.warning("announcing waits: %s", type(error).__name__)
            connection.close()
    connection.close()
