"""Tells where the time of an event goes, in the terminal or to a program."""

import time
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand

from personalization.stage_report import Look, compare, read_history, say_report, take_look


class Command(BaseCommand):
    help = "Prints p50, p95 and p99 of each stage of an event's way, as the processes of this machine measured them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--minutes", type=float, default=5, help="of the last so many minutes, up to 15; 5 if unsaid"
        )
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="of the next so many seconds instead")
        parser.add_argument("--json", action="store_true", help="for programs: the same, times in milliseconds")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.PZ_METRICS
        before: Look | None
        if options["watch"] is not None:
            before = take_look(folder, time.time())
            time.sleep(options["watch"])
        else:
            since = time.time() - 60 * options["minutes"]
            looks = read_history(folder)
            before = next((look for look in reversed(looks) if look.at <= since), looks[0] if looks else None)
        report = compare(before, take_look(folder, time.time()))
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode())
            return
        for line in say_report(report):
            self.stdout.write(line)
