"""Calls off a build of segments that is not in force yet."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from segments.actions import cancel_build
from segments.models import Build


class Command(BaseCommand):
    help = "Cancels a build. What answered before goes on to; the admin's Builds can try it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, metavar="N", help="the build, as the admin and `segments` number it")

    def handle(self, *args: Any, **options: Any) -> None:
        build = Build.objects.filter(pk=options["number"]).first()
        if build is None:
            raise CommandError(
                f"there is no build {options['number']}; `manage.py segments --json` names those at work"
            )
        if not cancel_build(build, at=timezone.now(), why="Cancelled by manage.py cancel_build."):
            build.refresh_from_db()
            raise CommandError(f"it is too late: build {build.pk} is {build.get_state_display().lower()}")
        self.stdout.write(f"build {build.pk} is cancelled")
