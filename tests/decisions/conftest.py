"""The whole path of decisions before a real Redis and a real PostgreSQL: profiles, caps, grants, records, archive."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pytest
import redis.asyncio
from django.conf import settings
from django.utils import timezone

from ingestion.steps import Definitions
from personalization.decide import Answer, Decider
from personalization.recording import DecisionRecorder
from profiles import keys
from profiles.clients import Client
from profiles.reader import ProfileReader
from rules.book import NO_BOOK, LiveBook, load_book
from rules.models import Book, Decision
from segments.membership import compile_segments
from segments.roster import Roster
from tests.archive.living import LivingHarness
from tests.processing.harness import MEMORY

SLOTS = ("hero", "banner", "footer")


class Deciding(LivingHarness):
    """Somebody who publishes, does things and asks; `now` is the only clock."""

    def __init__(self, client: Client, segments: Mapping[str, object]) -> None:
        super().__init__(client, Definitions(MEMORY, compile_segments(segments)), partitions=4)
        self.runner = asyncio.Runner()
        self.live: LiveBook = NO_BOOK
        self.roster = Roster(answers={slug: slug for slug in segments})
        self.deciders = [self.make_decider() for _ in range(2)]  # as of two web processes

    def make_decider(self, deadline: float = 10) -> Decider:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
        return Decider(
            reader=ProfileReader(client, partitions=self.partitions),
            recorder=DecisionRecorder(client, partitions=self.partitions),
            book=lambda: self.live,
            roster=lambda: self.roster,
            clock=lambda: self.now,
            deadline=deadline,
        )

    def publish(self, rules: Sequence[dict[str, Any]], **more: Any) -> None:
        """A Book of three slots with these rules, each of which shows a block of its own."""
        blocks = {rule["block"]: {"kind": "html", "source": f"<p>{rule['slug']}</p>"} for rule in rules}
        payload = {
            "v": 1,
            "number": Book.objects.count() + 1,
            "slots": {slot: {} for slot in SLOTS},
            "rules": list(rules),
            **more,
            "blocks": {**blocks, **more.get("blocks", {})},
        }
        Book.objects.create(number=payload["number"], payload=payload, published=timezone.now())
        self.live = load_book(msgspec.json.encode(payload))

    def decide(self, identifier: str | None, *slots: str, **more: Any) -> Answer:
        more.setdefault("context", {})
        return self.runner.run(self.deciders[0].decide(identifier, slots or SLOTS, **more))

    def decide_at_once(self, identifiers: Sequence[str], *slots: str) -> list[Answer]:
        """All at the same moment, by two web processes."""

        async def ask() -> list[Answer]:
            asking = (
                self.deciders[number % 2].decide(identifier, slots or SLOTS, {})
                for number, identifier in enumerate(identifiers)
            )
            return list(await asyncio.gather(*asking))

        return self.runner.run(ask())

    def add_codes(self, offer: str, *codes: str) -> None:
        self.client.rpush(keys.codes(offer), *codes)

    def stored(self, answer: Answer) -> Decision:
        self.archive()
        return Decision.objects.get(id=answer.decision_id)


@pytest.fixture
def deciding(redis_client: Client, db: None) -> Iterator[Deciding]:
    harness = Deciding(redis_client, {"viewers": VIEWERS, "golden": GOLDEN})
    yield harness
    harness.runner.close()


VIEWERS = {"v": 1, "root": {"id": "v", "kind": "event", "event": "Product Viewed", "op": "at_least", "value": 2}}
GOLDEN = {"v": 1, "root": {"id": "g", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}}


def rule(slug: str, priority: int = 1, slot: str = "hero", root: dict[str, Any] | None = None, **more: Any) -> Any:
    condition = None if root is None else {"v": 1, "root": root}
    said = {"slug": slug, "name": slug.title(), "slot": slot, "priority": priority, "block": f"{slug}-block"}
    return {**said, "condition": condition, **more}


def cap(most: int, per: str = "day", of: str = "person") -> dict[str, Any]:
    return {"most": most, "per": per, "of": of}


def in_segment(slug: str) -> dict[str, Any]:
    return {"id": "in", "kind": "segment", "segment": slug}
