"""Runs one archiver until it is told to stop; beside it, what is published is announced."""

import signal
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingestion.archiver import Archiver
from personalization.announcing import keep_announcing
from personalization.wiring import clock, redis_client


class Command(BaseCommand):
    help = (
        "Copies what was applied from Redis to PostgreSQL, and announces what is published there. "
        "Of several that run, one archives and the others stand by."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        announcer = Thread(target=keep_announcing, args=(redis_client(), stop), name="announcer", daemon=True)
        announcer.start()
        Archiver(redis_client(), partitions=settings.PZ_PARTITIONS, clock=clock).run(stop)
        announcer.join(5)
