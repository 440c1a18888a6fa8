"""A look at what a running product has stored, and a way to kill its processes."""

import os
import signal
from typing import Any

import psycopg
import redis
from django.conf import settings

from personalization.shop import SOURCE_SLUG
from profiles import keys
from tests.product import Product, wait_until

PATIENCE_S = 60


class Inside:
    def __init__(self, product: Product) -> None:
        self.redis = redis.Redis.from_url(product.settings["REDIS_URL"])
        self._database = product.settings["DATABASE_URL"]
        [(self.write_key,)] = self.ask("SELECT write_key FROM ingestion_source WHERE slug = %s", SOURCE_SLUG)

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database) as connection:
            return connection.execute(question.encode(), values).fetchall()

    def is_idle(self) -> bool:
        """Whether the processor and the archiver have taken all there is."""
        return not self.list_waiting()

    def list_waiting(self) -> list[str]:
        """The partitions that are not through: their newest record, how far they are, what the archiver has to take."""
        partitions = range(settings.PZ_PARTITIONS)
        with self.redis.pipeline(transaction=True) as look:  # one moment: partitions forward records to each other
            for partition in partitions:
                look.xrevrange(keys.log(partition), count=1)
                look.get(keys.offset(partition))
                look.xlen(keys.accepted(partition))
            found = look.execute()
        newest, offsets, waiting = found[::3], found[1::3], found[2::3]
        return [
            f"partition {partition}: log {log[0][0] if log else None}, offset {offset}, {behind} to be archived"
            for partition, log, offset, behind in zip(partitions, newest, offsets, waiting, strict=True)
            if behind or (log and log[0][0] != offset)
        ]


def kill(product: Product, word: str) -> None:
    """Kills the process without warning, and waits for the next one."""
    [pid] = product.find(word)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (found := product.find(word)) and found != [pid], PATIENCE_S)
