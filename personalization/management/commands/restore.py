"""Puts a backup back, while no process of the product runs."""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from personalization.backup.embedded import are_ours, run_beside_servers
from personalization.backup.erasures import erase_again, read_erasures
from personalization.backup.manifest import Refused
from personalization.backup.restoring import check_backup, check_target, is_of_this_key, put_back
from personalization.rebuilding import Waits
from personalization.wiring import patient_client


class Command(BaseCommand):
    help = "Puts a backup back into an empty database and an empty Redis, while no process of the product runs."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="as `backup` made it")
        parser.add_argument("--check", action="store_true", help="only say whether it is whole, and change nothing")
        parser.add_argument("--replace", action="store_true", help="remove what is in the database and in Redis first")
        parser.add_argument(
            "--erased",
            type=Path,
            metavar="FILE",
            help="of `export_erasures`: whoever was erased since the backup was made is erased again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            if are_ours() and not options["check"]:
                sys.exit(run_beside_servers(settings.PZ_DATA))
            self._restore(options)
        except (Refused, Waits) as error:
            raise CommandError(str(error)) from error
        except redis.RedisError as error:
            raise CommandError(f"Redis: {type(error).__name__}: run it again, with --replace") from error
        self.stdout.write(f"done in {time.monotonic() - began:.1f} s")

    def _restore(self, options: dict[str, Any]) -> None:
        manifest = check_backup(options["folder"])
        erased = [] if options["erased"] is None else read_erasures(options["erased"])
        counted = ", ".join(f"{count:,} {what}" for what, count in manifest.counts.items() if count)
        self.stdout.write(f"{options['folder']} of {manifest.made:%Y-%m-%d %H:%M:%S} UTC is whole: {counted}")
        if not is_of_this_key(manifest):
            self.stderr.write("It was made under another SECRET_KEY: links in e-mails and receipts will not be known.")
        if options["check"]:
            return
        client = patient_client()
        check_target(manifest, client, replace=options["replace"])
        put_back(options["folder"], manifest, client, self.stdout.write)
        again = erase_again(erased, client)
        if again.asked:
            self.stdout.write(f"erasures: {again.asked:,} profiles are erased again once the processes run")
        for receipt, profile in again.left:
            self.stderr.write(f"receipt {receipt}: whom it erased is a part of {profile} here; look, and erase by hand")
