"""Backups of a town, and everything lost and put back: the same database and the same Redis, emptied in between."""

from collections import Counter
from pathlib import Path
from typing import Any

from personalization.backup.erasures import Again, Known, erase_again
from personalization.backup.manifest import Manifest
from personalization.backup.postgres import connect
from personalization.backup.restoring import check_backup, check_target, put_back
from personalization.backup.saving import save
from profiles.models import ArchivedEvent, StoredProfile
from tests.archive.living import list_attributions
from tests.faults.town import Town

# What a restore itself writes.
WRITTEN = ("profiles_rebuild", "profiles_auditentry", "studio_session")


class Safe:
    def __init__(self, town: Town, place: Path) -> None:
        self.town = town
        self.place = place
        self._number = 0

    def back_up(self) -> Path:
        self._number += 1
        folder = self.place / f"backup-{self._number}"
        save(folder, self.town.client)
        return folder

    def lose(self) -> None:
        self.town.lose()
        with connect() as gate:
            gate.execute("DROP SCHEMA public CASCADE")
            gate.execute("CREATE SCHEMA public")

    def restore(self, folder: Path, *, replace: bool = False, erased: list[Known] | None = None) -> Again:
        """As the command does; the town goes on with it."""
        manifest = self.check(folder, replace=replace)
        put_back(folder, manifest, self.town.client, clock=lambda: self.town.now)
        again = erase_again(erased or [], self.town.client)
        self.go_on()
        return again

    def go_on(self) -> None:
        """With processes that were started anew."""
        self.town.processor = self.town.start_processor()
        self.town.archiver = self.town.make_archiver()
        self.town.look()

    def check(self, folder: Path, *, replace: bool = False) -> Manifest:
        manifest = check_backup(folder)
        check_target(manifest, self.town.client, replace=replace)
        return manifest

    def settle(self) -> None:
        """Until nothing is under way: an erasure waits for every stream."""
        for _ in range(3):
            self.town.work()

    def people(self) -> dict[str, Any]:
        """All that is known of people, hot and archived."""
        return {
            "hot": self.town.dump(),
            "durable": {each.id.hex: bytes(each.state) for each in StoredProfile.objects.all()},
            "archived": list_attributions(),
            "doubled": [id for id, count in self.count_messages().items() if count > 1],
        }

    def count_messages(self) -> Counter[str]:
        return Counter(ArchivedEvent.objects.values_list("message_id", flat=True))


def digest_tables() -> dict[str, tuple[int, str]]:
    """Of each table the number of its rows, and a digest of them all."""
    with connect() as view:
        names = [
            name
            for (name,) in view.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            if name not in WRITTEN
        ]
        asked = "SELECT count(*), md5(coalesce(string_agg(md5(row::text), '' ORDER BY row::text), '')) FROM {} AS row"
        return {name: view.execute(asked.format(name).encode()).fetchall()[0] for name in names}
