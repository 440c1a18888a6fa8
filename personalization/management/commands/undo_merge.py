"""Undoes a merge of two profiles that were not one person."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingestion.log import LogUnavailable
from ingestion.undoing import UndoPending, UndoRefused
from personalization.wiring import make_undoer
from profiles.models import MergeRecord
from profiles.store import StoreUnavailable


class Command(BaseCommand):
    help = "Parts two profiles again, each as if they had never been linked, while processor and archiver are running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, help="the merge, as /admin/ numbers it")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become of both")
        parser.add_argument("--by", default="", metavar="NAME", help="who undoes it, to be noted with it")

    def handle(self, *args: Any, **options: Any) -> None:
        merge = MergeRecord.objects.filter(pk=options["id"]).first()
        if merge is None:
            raise CommandError(f"there is no merge {options['id']}")
        undoer = make_undoer()
        try:
            plan = undoer.plan(merge) if options["dry_run"] else undoer.undo(merge, by=options["by"])
        except (UndoRefused, UndoPending) as error:
            raise CommandError(str(error)) from error
        except (StoreUnavailable, LogUnavailable) as error:
            raise CommandError(f"{error}: try again once Redis is back") from error
        parted = plan.parted
        for role, profile in (("taken over", parted.loser), ("took over", parted.winner)):
            count = sum(history.count for history in profile.events.values())
            self.stdout.write(f"{role}: {profile.id}, user {profile.user_id or 'unknown'}, {count} events")
        verb = "would go" if options["dry_run"] else "went"
        self.stdout.write(f"{parted.events} events since the merge {verb} to {parted.loser.id}")
