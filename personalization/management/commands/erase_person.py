"""Erases a person, with everything that is known of them."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ingestion.log import LogUnavailable
from personalization.people import UnknownPerson, find_person, request_erasure
from profiles.store import StoreUnavailable

LOOK_S = 0.2


class Command(BaseCommand):
    help = "Erases a person for good, while processor and archiver are running. It cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="u: and a user id, a: and an anonymous id, or the id of a profile")
        parser.add_argument("--by", default="", metavar="NAME", help="who asks for it, to be noted on the receipt")
        parser.add_argument("--wait", type=float, default=10, metavar="SECONDS", help="until it is done; else 10")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            receipt = request_erasure(find_person(options["person"]), by=options["by"], at=timezone.now())
        except UnknownPerson as error:
            raise CommandError(str(error)) from error
        except (StoreUnavailable, LogUnavailable) as error:
            raise CommandError(f"{error}: nothing was asked for, try again once Redis is back") from error
        deadline = time.monotonic() + options["wait"]
        while receipt.done is None and time.monotonic() < deadline:
            time.sleep(LOOK_S)
            receipt.refresh_from_db()
        if receipt.done is None:
            self.stdout.write(f"asked for, receipt {receipt.pk}: it is done once processor and archiver come to it")
            return
        counts = ", ".join(f"{count:,} {what}" for what, count in receipt.counts.items()) or "nothing was kept"
        self.stdout.write(f"erased, receipt {receipt.pk}: {counts}")
