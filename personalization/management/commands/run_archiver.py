"""Runs one archiver until it is told to stop."""

import signal
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingestion.archiver import Archiver
from personalization.wiring import clock, redis_client


class Command(BaseCommand):
    help = "Copies what was applied from Redis to PostgreSQL. Of several that run, one works and the others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Archiver(redis_client(), partitions=settings.PZ_PARTITIONS, clock=clock).run(stop)
