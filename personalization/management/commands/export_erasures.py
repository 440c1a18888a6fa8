"""Writes the receipts of erasures into a file of its own, for `restore --erased`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from personalization.backup.erasures import export_erasures
from personalization.backup.manifest import Refused


class Command(BaseCommand):
    help = (
        "Writes the receipts of all erasures into a file, in the place of a former one: digests, which name nobody. "
        "With `restore --erased` whoever was erased since a backup was made is erased again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="for its owner alone")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = export_erasures(options["file"])
        except Refused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count:,} receipts")
