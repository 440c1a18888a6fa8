"""Backups while people do things: whatever was acknowledged before one began is in it, and counts once."""

import random
import threading
from collections import Counter

from django.db import connection

from profiles.event import derive_profile_id
from profiles.models import ArchivedEvent, MergeRecord, StoredProfile
from profiles.profile import Profile, pack
from tests.backup.safe import Safe
from tests.faults.sizes import SEED, sized, tell
from tests.product import wait_until

NAME = "Product Viewed"
PEOPLE = 40
USERS = 12  # each with several devices


class Crowd:
    """People who never stop, a processor and an archiver, each in a thread of its own. A device is used by one user at
    most, who signs in at some point."""

    def __init__(self, safe: Safe) -> None:
        self._safe = safe
        self._stop = threading.Event()
        self._chance = random.Random(SEED)
        self._threads = [threading.Thread(target=work) for work in (self._send, self._process, self._archive)]
        self.sent: list[str] = []

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait(self, events: int) -> None:
        wait_until(lambda: len(self.sent) > events)

    def _send(self) -> None:
        town = self._safe.town
        while not self._stop.is_set():
            number = self._chance.randrange(PEOPLE)
            device, user = f"d{number}", f"u{number % USERS}"
            events = [town.event(anonymous_id=device) for _ in range(self._chance.randint(1, 20))]
            if self._chance.random() < 0.4:
                events.append(town.event(type="identify", name="Identified", anonymous_id=device, user_id=user))
            town.send(*events)
            self.sent += [event.id for event in events if event.name == NAME]

    def _process(self) -> None:
        while not self._stop.is_set():
            self._safe.town.run()

    def _archive(self) -> None:
        while not self._stop.wait(0.01):
            self._safe.town.archive()
        connection.close()


def test_what_was_acknowledged_before_is_there_and_counts_once(safe: Safe) -> None:
    taken = []
    with Crowd(safe) as crowd:
        for number in range(sized(2, 12)):
            crowd.wait((number + 1) * 300)
            acknowledged = list(crowd.sent)
            taken.append((safe.back_up(), acknowledged))
    for folder, acknowledged in taken:
        safe.restore(folder, replace=True)
        safe.settle()
        check(safe, acknowledged)
        safe.town.send_again()
        safe.settle()
        check(safe, crowd.sent)
        tell(f"{len(acknowledged)} of {len(crowd.sent)} events, {safe.check(folder, replace=True).counts}")


def check(safe: Safe, acknowledged: list[str]) -> None:
    archived = Counter(ArchivedEvent.objects.filter(name=NAME).values_list("message_id", flat=True))
    assert not set(acknowledged) - archived.keys()
    assert set(archived.values()) == {1}
    assert MergeRecord.objects.exists()
    hot, links = safe.town.people(), safe.town.links()
    owners = (
        links.get(f"a:{device}", derive_profile_id(f"a:{device}"))
        for device in ArchivedEvent.objects.filter(name=NAME).values_list("anonymous_id", flat=True)
    )
    assert {id: count_viewed(each) for id, each in hot.items()} == Counter(owners)
    assert {each.id.hex: bytes(each.state) for each in StoredProfile.objects.all()} == {
        id: pack(each) for id, each in hot.items()
    }


def count_viewed(profile: Profile) -> int:
    return profile.events[NAME].count if NAME in profile.events else 0
