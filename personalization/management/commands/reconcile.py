"""Compares everybody with the archive now, mends who differs, and says what was found."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from personalization.reconcile.runs import begin_run, report_run
from personalization.wiring import make_reconciler
from profiles.models import Reconciliation

SLICE_S = 5.0
WAIT_S = 1.0
SHOWN = 20


class Command(BaseCommand):
    help = (
        "Recomputes everybody from the archive, compares it with what is hot, and has the processors mend what "
        "differs, while processor and archiver are running. A run that was interrupted is gone on with."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--look", action="store_true", help="only note what differs, and mend nothing")
        parser.add_argument("--mend-anyway", action="store_true", help="however many differ: the archive is right")
        parser.add_argument("--pace", type=int, metavar="PEOPLE", help="a second, in place of PZ_RECONCILE_PACE")
        parser.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="for what is away; else 600")

    def handle(self, *args: Any, **options: Any) -> None:
        more: dict[str, Any] = {"pace": options["pace"]} if options["pace"] else {}
        reconciler = make_reconciler(**more)
        run = begin_run(
            by="manage.py reconcile", at=timezone.now(), mends=not options["look"], anyway=options["mend_anyway"]
        )
        began = time.monotonic()
        stuck = began
        while run.finished is None:
            before = run.cursor
            is_ours = reconciler.work(run, SLICE_S)
            run.refresh_from_db()
            if run.cursor != before or run.finished:
                stuck = time.monotonic()
                self._say_progress(run)
            elif time.monotonic() - stuck > options["wait"]:
                raise CommandError(run.note or "Another reconciliation is at work.")
            if not is_ours:
                time.sleep(WAIT_S)
        report_run(run)
        self._say(run, time.monotonic() - began)

    def _say_progress(self, run: Reconciliation) -> None:
        if sys.stdout.isatty():
            self.stdout.write(f"{run.people:,} people, {run.differing:,} differ, {run.mended:,} mended")

    def _say(self, run: Reconciliation, seconds: float) -> None:
        self.stdout.write(
            f"{run}: {run.people:,} people in {run.shards:,} shards, {run.alike:,} of them alike at once; "
            f"{run.differing:,} people differed, {run.mended:,} are mended, {run.unsettled:,} held still for no look; "
            f"{seconds:.1f} s"
        )
        if run.note:
            self.stdout.write(run.note)
        for drift in run.drifts.filter(mended=None)[:SHOWN]:
            self.stdout.write(f"  {drift}{': ' if drift.note else ''}{drift.note}")
