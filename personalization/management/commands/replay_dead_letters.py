"""Puts records that were set aside back to where their consumer finds them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingestion.log import LogUnavailable
from ingestion.models import DeadLetter
from personalization.wiring import replay


class Command(BaseCommand):
    help = "Replays dead letters once the cause is mended. What was applied after all is dropped as a duplicate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--all", action="store_true", help="every letter that has not been replayed")
        which.add_argument("--id", type=int, nargs="+", metavar="ID", help="these, as /admin/ numbers them")
        parser.add_argument("--dry-run", action="store_true", help="only say which")

    def handle(self, *args: Any, **options: Any) -> None:
        letters = DeadLetter.objects.order_by("id")
        if options["id"]:
            letters = letters.filter(pk__in=options["id"])
        if missing := sorted(set(options["id"] or ()) - set(letters.values_list("pk", flat=True))):
            raise CommandError(f"there is no dead letter {', '.join(map(str, missing))}; nothing was replayed")
        letters = letters.filter(replayed=None).defer("raw")
        if options["dry_run"]:
            for letter in letters.defer("raw"):
                self.stdout.write(f"{letter.pk}: {letter.log} {letter}, {letter.reason}")
            self.stdout.write(f"{letters.count()} would be replayed")
            return
        try:
            count = replay(letters.iterator(chunk_size=100))
        except LogUnavailable as error:
            raise CommandError(f"{error}: not all were replayed; run it again with --all for the rest") from error
        self.stdout.write(f"{count} replayed")
