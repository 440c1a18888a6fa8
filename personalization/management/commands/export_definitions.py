"""Writes everything that marketers define as one file, to be reviewed and kept in git."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rules.exporting import export_book, export_drafts, write_file
from rules.models import Book
from rules.queries import newest_book


class Command(BaseCommand):
    help = "Prints the drafts as one file or, of a Book, what it published."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--draft", action="store_true", help="the drafts, live or not; without a choice these")
        what.add_argument("--book", metavar="N", help="the Book of this number, or `newest`")

    def handle(self, *args: Any, **options: Any) -> None:
        document = export_drafts() if options["book"] is None else export_book(_find_payload(options["book"]))
        self.stdout.write(write_file(document), ending="")


def _find_payload(number: str) -> Any:
    if number == "newest":
        newest = newest_book()
        if newest is None:
            raise CommandError("nothing is published yet")
        return newest[1]
    found = (
        Book.objects.filter(number=number).first()
        if number.isascii() and number.isdigit() and len(number) < 10
        else None
    )
    if found is None:
        raise CommandError(f"there is no Book {number}; the admin's Books tell of all")
    return found.payload
