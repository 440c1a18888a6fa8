"""Makes the drafts say what a file of definitions says."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from rules.importing import MAX_FILE, BadFile, Report, import_definitions, read_file
from rules.review import Change

SHOWN = 200  # problems


class Command(BaseCommand):
    help = "Makes the drafts say what a file says: all of it, or nothing and what is wrong. Publishes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="as `export_definitions` writes it; - is the standard input")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--partial", action="store_true", help="store what is right, where something is wrong")
        parser.add_argument(
            "--prune", action="store_true", help="remove what the file leaves out, lists with their people"
        )
        parser.add_argument("--note", default="", help="what this is for; it stays beside the revisions")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = import_definitions(
                read_file(_read(options["file"])),
                by=None,
                at=timezone.now(),
                note=options["note"][:200] or f"Imported from {options['file'].name}"[:200],
                partial=options["partial"],
                prune=options["prune"],
                dry_run=options["dry_run"],
            )
        except (BadFile, OSError) as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"PostgreSQL is away ({type(error).__name__}); nothing was changed") from error
        self._tell(report, dry_run=options["dry_run"])

    def _tell(self, report: Report, *, dry_run: bool) -> None:
        for change in report.changes:
            self.stdout.write(say_change(change))
        for problem in report.problems[:SHOWN]:
            self.stderr.write(str(problem))
        if len(report.problems) > SHOWN:
            self.stderr.write(f"and {len(report.problems) - SHOWN} more")
        counted = say_counts(report)
        if report.problems and report.stored:
            raise CommandError(f"{counted}; what is wrong was left out")
        if report.problems:
            number = len(report.problems)
            raise CommandError(f"nothing is stored, because of {number} problem{'' if number == 1 else 's'}")
        done = "Publish it in the admin" if report.changes else "There is nothing to do"
        self.stdout.write(f"{counted}. {'It was a dry run: nothing is stored' if dry_run else done}.")


def _read(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_FILE + 1)
    with path.open("rb") as file:
        return file.read(MAX_FILE + 1)


def say_change(change: Change) -> str:
    return f"{change.what} {change.kind} {change.name}" + (f": {', '.join(change.fields)}" if change.fields else "")


def say_counts(report: Report) -> str:
    """How many definitions are new, changed, removed and unchanged."""
    counts = {what: sum(change.what == what for change in report.changes) for what in ("new", "changed", "removed")}
    return ", ".join(f"{number} {what}" for what, number in {**counts, "unchanged": report.unchanged}.items())
