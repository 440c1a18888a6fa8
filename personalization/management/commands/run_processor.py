"""Runs one processor until it is told to stop."""

import os
import signal
import socket
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from personalization.checks import ENGINE
from personalization.metrics import start_process
from personalization.wiring import make_processor


class Command(BaseCommand):
    help = "Applies events from the log to profiles. Run one or several; they share the partitions."
    requires_system_checks = [ENGINE]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--name",
            default=f"{socket.gethostname()}-{os.getpid()}",
            help="Stable name of this processor: one that comes back under its name goes on at once.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        make_processor(options["name"], start_process(settings.PZ_METRICS, "processor")).run(stop)
