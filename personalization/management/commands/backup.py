"""Makes a backup: PostgreSQL, what Redis holds beyond it, and the images, as one moment, while the product runs."""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from personalization.backup.embedded import are_ours, do_answer, run_beside_servers
from personalization.backup.manifest import Refused
from personalization.backup.saving import save
from personalization.checkup_parts import say_bytes
from personalization.wiring import patient_client


class Command(BaseCommand):
    help = (
        "Backs up everything the product knows into a new folder, while it runs. What was acknowledged before is in "
        "it; the secret key is not: keep it elsewhere."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="which is made, for its owner alone")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            if are_ours() and not do_answer():
                sys.exit(run_beside_servers(settings.PZ_DATA))
            manifest = save(options["folder"], patient_client(), self.stdout.write)
        except Refused as error:
            raise CommandError(str(error)) from error
        except redis.RedisError as error:
            raise CommandError(f"Redis: {type(error).__name__}: nothing was backed up; try again") from error
        except OSError as error:
            raise CommandError(f"Nothing was backed up ({error.strerror}); make room and try again") from error
        size = sum(part.bytes for part in manifest.parts.values())
        self.stdout.write(f"{options['folder']}: {say_bytes(size)} in {time.monotonic() - began:.1f} s")
