"""A few people and everything that is known of them, before a real Redis and a real PostgreSQL."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from msgspec.structs import replace as replace_event

from ingestion.archiving import moment
from personalization.people import request_erasure
from personalization.rebuilding import keep_whole
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, derive_profile_id
from profiles.whole import read_mark
from rules.models import Grant
from tests.decisions.conftest import VIEWERS, Deciding, cap, rule
from tests.processing.harness import HOUR

LATELY = {
    "v": 1,
    "root": {
        "id": "l",
        "kind": "event",
        "event": "Product Viewed",
        "op": "at_least",
        "value": 1,
        "window": {"last": 30, "unit": "minutes"},
    },
}
PEOPLE = ("pz:p:*", "pz:id:*", "pz:t:*", "pz:total:*")
PEOPLES_TALLIES = {keys.tally(derive_profile_id(f"a:{who}")) for who in ("phone", "laptop", "ben", "carl", "dora")}
CODES = ("A", "B", "C", "D")


class Town(Deciding):
    """`settings.PZ_PARTITIONS` has to be its own."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, {"viewers": VIEWERS, "lately": LATELY})
        self.sent: list[Event] = []
        self.look()

    def look(self) -> None:
        """As the archiver's rounds do; the processor goes on with what is in force then."""
        keep_whole(self.client, clock=lambda: self.now)
        self.take_up()

    def take_up(self) -> None:
        self.definitions = replace(self.definitions, numbers={keys.WHOLE: read_mark(self.client)})

    def send(self, *events: Event) -> None:
        self.sent += events
        super().send(*events)

    def dwell(self) -> None:
        """Anna has two devices and a code, Ben has seen a teaser as often as he may, Carl is only looking, Dora is
        forgotten."""
        self.publish(
            [
                rule("teaser", 9, caps=[cap(2, "campaign"), cap(50, "day", "everybody")]),
                rule("gift", slot="footer", offer="gift"),
                rule("hourly", slot="banner", caps=[cap(1, "hour")]),
                rule("usual"),
            ],
            offers={"gift": {"kind": "code"}},
        )
        self.add_codes("gift", *CODES)
        self.send(*(self.event(anonymous_id=who) for who in ("phone", "ben", "carl", "dora") for _ in range(2)))
        self.send(self.event(anonymous_id="laptop", user_id="anna"))
        self.work()
        self.decide("a:phone", "footer", "hero")
        for _ in range(2):
            self.decide("a:ben", "hero", "banner")
        self.decide("a:dora", "footer", "hero")
        self.send(self.event(type="identify", name="Identified", anonymous_id="phone", user_id="anna"))
        self.work()
        self.decide("u:anna", "footer", "hero")
        request_erasure(UUID(derive_profile_id("a:dora")), by="olga", at=moment(self.now))
        self.now += HOUR // 4
        self.send(self.event(anonymous_id="carl"))
        self.work()
        self.work()

    def dump(self) -> dict[str, Any]:
        """What Redis knows of people, bit by bit. What somebody was granted who is forgotten is nobody's."""
        nobodys = {keys.tally(id.hex) for id in Grant.objects.values_list("profile_id", flat=True)} - PEOPLES_TALLIES
        found: dict[str, Any] = {}
        for pattern in PEOPLE:
            for name in self.client.scan_iter(match=pattern, count=1_000):
                if name.decode() in nobodys:
                    continue
                is_text = self.client.type(name) == b"string"
                found[name.decode()] = self.client.get(name) if is_text else self.client.hgetall(name)
        return found

    def lose(self) -> None:
        self.client.flushdb()

    def send_again(self) -> None:
        """Every message, also of who is forgotten, as clients do that were not answered."""
        super().send(*(replace_event(each, received=self.now) for each in self.sent))
