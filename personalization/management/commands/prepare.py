"""Brings stores and static files up to date before the processes start; running it again changes nothing."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ingestion.actions import publish_directory
from personalization.announcing import announce_newest
from personalization.metric_files import forget_dead
from personalization.wiring import make_builder, redis_client
from profiles.models import StoredProfile
from segments.sizes import store_sizes

NOBODY_S = 5.0  # of work, where there is next to none


class Command(BaseCommand):
    help = "Checks the servers, applies migrations, collects static files, and with --demo makes the demo shop."
    requires_system_checks = []  # they are run below, and answer in one sentence

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="Make the demo shop and its login.")

    def handle(self, *args: Any, **options: Any) -> None:
        for found in run_checks():
            if found.is_serious():
                raise CommandError(f"{found.msg} {found.hint or ''}".strip())
        call_command("check_servers")
        call_command("migrate", verbosity=0)
        forget_dead(settings.PZ_METRICS)
        call_command("collectstatic", interactive=False, verbosity=0)
        if options["demo"]:
            call_command("seed_demo")
        # The doors know what there is from their first moment on, and not only once an archiver has told them.
        publish_directory()
        announce_newest(redis_client())
        if not StoredProfile.objects.exists():  # nobody to ask: the first segments are in force from the start
            make_builder().work(NOBODY_S)
            store_sizes(at=timezone.now())
