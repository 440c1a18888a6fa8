"""Runs one archiver until it is told to stop; beside it, what is published is announced, and builds are handed over."""

import signal
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingestion.archiver import Archiver
from personalization.checks import ENGINE
from personalization.keeping import DecisionKeeper
from personalization.metrics import start_process
from personalization.rounds import make_rounds
from personalization.wiring import clock, redis_client


class Command(BaseCommand):
    help = (
        "Copies what was applied from Redis to PostgreSQL, announces what is published there, and has segments built. "
        "Of several that run, one archives and the others stand by."
    )
    requires_system_checks = [ENGINE]

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        metrics = start_process(settings.PZ_METRICS, "archiver")
        rounds = Thread(target=make_rounds, args=(redis_client(), stop), name="rounds", daemon=True)
        rounds.start()
        Archiver(
            redis_client(),
            partitions=settings.PZ_PARTITIONS,
            clock=clock,
            keeper=DecisionKeeper(),
            meter=metrics,
        ).run(stop)
        rounds.join(5)
