"""Fills Redis from PostgreSQL by hand: what the archiver's process does by itself when Redis has lost everything."""

from argparse import ArgumentParser
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError

from personalization.rebuilding import Waits, rebuild
from personalization.wiring import redis_client
from profiles.models import Rebuild
from profiles.whole import read_mark


class Command(BaseCommand):
    help = (
        "Fills Redis from PostgreSQL: profiles, identifiers, messages of the dedup window, what was counted and "
        "granted. Meanwhile events are taken into the log, and nothing is applied or decided."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--anyway", action="store_true", help="also when Redis is whole")

    def handle(self, *args: Any, **options: Any) -> None:
        client = redis_client()
        try:
            if read_mark(client) and not options["anyway"]:
                raise CommandError("Redis is whole, there is nothing to do; with --anyway it is filled all the same")
            state = rebuild(client, self._tell)
        except Waits as error:
            raise CommandError(f"{error}; the page of the product's health says how far it is") from error
        except redis.RedisError as error:
            raise CommandError(f"Redis: {type(error).__name__}: nothing is lost; run it again") from error
        took = (state.finished or state.heartbeat) - state.began
        self.stdout.write(f"{state.profiles:,} profiles in {took.total_seconds():.1f} s")

    def _tell(self, state: Rebuild) -> None:
        of = f" of {state.total:,}" if state.total else ""
        self.stdout.write(f"{state.get_phase_display()}: {state.done:,}{of}")
