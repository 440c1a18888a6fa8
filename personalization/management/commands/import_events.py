"""Imports history from a file, through the same log as live events."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, InterfaceError, OperationalError
from django.utils import timezone
from tqdm import tqdm

from ingestion.actions import create_source
from ingestion.categories import Categories, read_categories
from ingestion.connectors import online_retail
from ingestion.import_runs import finish_import, keep_import, open_import
from ingestion.importing import GO_ON, LISTED, CannotImport, Importer, Report, Sent, fingerprint
from ingestion.log_redis import RedisLog
from ingestion.models import ImportRun, Source
from personalization.wiring import clock, redis_client
from profiles.event import Event

PRESETS = {online_retail.NAME: online_retail}


class Command(BaseCommand):
    help = "Sends the history in a file to the log. Interrupted, it goes on where it was; again, it doubles nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="CSV, or CSV packed with gzip")
        parser.add_argument("--preset", required=True, choices=sorted(PRESETS), help="how to read the file")
        parser.add_argument(
            "--categories", type=Path, help="CSV of words and category: how products are sorted by their description"
        )
        parser.add_argument("--source", help="slug of a source; without it, one named after the preset is used")

    def handle(self, *args: Any, **options: Any) -> None:
        path, preset = options["path"], PRESETS[options["preset"]]
        try:
            table: Path | None = options["categories"]
            categories = Categories() if table is None else read_categories(table)
            source = self._find_source(options["source"], options["preset"])
            digest = fingerprint(path) if table is None else fingerprint(path, table)
            with open_import(source, file=path.name, sha256=digest, preset=options["preset"], at=timezone.now()) as run:
                report, sent = self._send(run, path, preset, source, categories)
                finish_import(run, at=timezone.now())
        except (CannotImport, OSError) as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"PostgreSQL is away ({type(error).__name__}); {GO_ON}") from error
        except KeyboardInterrupt:
            raise CommandError(f"stopped; {GO_ON}") from None
        self._tell(report, sent, resumed=run.events)
        if table is not None:
            self._tell_categories(report, sent, categories)

    def _find_source(self, slug: str | None, preset: str) -> Source:
        source = Source.objects.filter(slug=slug or preset).first()
        if source is None and slug:
            raise CommandError(f"there is no source {slug!r}; leave --source away, or make it in the admin")
        if source is not None:
            return source
        try:
            return create_source(slug=preset, name=preset.replace("-", " ").title(), kind=Source.Kind.IMPORT)
        except IntegrityError:  # another import has just made it
            return Source.objects.get(slug=preset)

    def _send(
        self, run: ImportRun, path: Path, preset: Any, source: Source, categories: Categories
    ) -> tuple[Report, Sent]:
        report = Report()
        counts = preset.count_rows(path)
        events: Iterator[Event] = preset.read_events(
            path, counts, source=source.slug, received=clock(), report=report, categories=categories
        )
        with tqdm(total=counts.total(), unit=" rows", disable=None) as bar:

            def keep(settled: int, sent: Sent) -> None:
                keep_import(run, settled)
                bar.update(report.rows - bar.n)
                bar.set_postfix_str(f"{sent.new:,} events sent, {sent.known:,} known")

            importer = Importer(
                redis_client(),
                RedisLog(redis_client()),
                partitions=settings.PZ_PARTITIONS,
                max_length=settings.PZ_LOG_MAX_LENGTH,
                wait=time.sleep,
                clock=time.monotonic,
                say=bar.set_postfix_str,
            )
            sent = importer.send(islice(events, run.events, None), keep)
            bar.update(report.rows - bar.n)
        return report, sent

    def _tell(self, report: Report, sent: Sent, resumed: int) -> None:
        say = self.stdout.write
        say(f"{report.rows:,} rows: " + ", ".join(f"{count:,} {name}" for name, count in report.events.items()))
        say(f"{sent.new:,} events sent, {sent.known:,} were there already")
        if resumed:
            say(f"{resumed:,} events had been sent before the import was interrupted")
        for reason, rows in report.skipped.items():
            say(f"{rows:,} rows left out: {reason}")
        if report.bad_rows:
            say(f"{report.bad_rows:,} rows could not be read:")
            for line, reason in report.bad:
                say(f"  line {line:,}: {reason}")
            if report.bad_rows > len(report.bad):
                say(f"  and {report.bad_rows - len(report.bad):,} more")

    def _tell_categories(self, report: Report, sent: Sent, categories: Categories) -> None:
        say = self.stdout.write
        found = [f"{rows:,} {name or 'without a category'}" for name, rows in report.categories.most_common()]
        say("rows by category: " + ", ".join(found))
        if unused := categories.list_unused():
            more = f" and {len(unused) - LISTED:,} more" if len(unused) > LISTED else ""
            say(f"words of no product: {', '.join(unused[:LISTED])}{more}")
        if sent.known:
            say("events that were there already keep the categories they came with")
