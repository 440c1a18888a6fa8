"""Tells how the segments are, as the health page does, in the terminal or to a program."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.core.management.base import BaseCommand
from django.utils import timezone

from personalization.vitals import Overview, look_over_segments
from personalization.wiring import redis_client
from profiles.organisation import by_its_clocks
from segments.health import Health
from segments.progress import list_missing, say_duration

HEADING = ("SEGMENT", "STATE", "PEOPLE", "IN 24 H", "VERSION", "SINCE", "LAST CHANGE")


class Command(BaseCommand):
    help = "Prints every segment with its state, size, version in force and last change, those with trouble first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs: everything that is known, in UTC")

    @by_its_clocks()
    def handle(self, *args: Any, **options: Any) -> None:
        overview = look_over_segments(redis_client(), at=timezone.now())
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(overview)).decode())
            return
        for line in say_overview(overview):
            self.stdout.write(line)


def say_overview(overview: Overview) -> Iterator[str]:
    yield from list_missing(overview.alive)
    if overview.lag is not None:
        yield (
            f"Membership is late by {_lasting(overview.lag.timers)}, events wait for {_lasting(overview.lag.log)}, "
            f"the archive is late by {_lasting(overview.lag.archive)}."
        )
    rows = [HEADING, *(_describe(health) for health in overview.segments)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADING))]
    reasons = ["", *(health.reason if health.is_troubled or health.build else "" for health in overview.segments)]
    for row, reason in zip(rows, reasons, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if reason:
            yield f"    {reason}"


def _describe(health: Health) -> tuple[str, ...]:
    return (
        health.segment,
        health.state,
        "-" if health.size is None else f"{health.size:,}",
        "-" if health.day_change is None else f"{health.day_change:+,}",
        "-" if health.version is None else str(health.version),
        _when(health.since),
        _when(health.changed.at if health.changed else None),
    )


def _when(at: datetime | None) -> str:
    return "-" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"


def _lasting(milliseconds: int) -> str:
    return say_duration(timedelta(milliseconds=milliseconds))
