"""Finds the receipts of a person's erasures, by what the person was known as."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from profiles.erasures import list_receipts_of


class Command(BaseCommand):
    help = "Proves that somebody was erased: receipts keep digests of ids, which are compared with those of this one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="a user id (u:…), an anonymous id (a:…), or the id of a profile")

    def handle(self, *args: Any, **options: Any) -> None:
        receipts = list_receipts_of(options["person"])
        if not receipts:
            raise CommandError(f"nobody who was known as {options['person']} was erased")
        for receipt in receipts:
            when = "not done yet" if receipt.done is None else f"done {receipt.done:%Y-%m-%d %H:%M:%S} UTC"
            self.stdout.write(f"receipt {receipt.pk}, asked for {receipt.requested:%Y-%m-%d %H:%M:%S} UTC, {when}")
