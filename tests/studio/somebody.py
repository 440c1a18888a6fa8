"""Anna, of whom everything is known: what she did on two devices that became one, decisions, audiences, points."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from profiles.event import derive_profile_id
from profiles.models import AuditEntry
from rules.actions import publish_book
from rules.archive import DecisionRow, record_decisions
from rules.models import Block, Grant, Offer, PointsEntry, Rule, Slot
from tests.builds.conftest import Engine, define

LAPTOP, PHONE = UUID(derive_profile_id("a:laptop")), UUID(derive_profile_id("a:phone"))
GOLD = {"id": "g", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}
TOWN = {"id": "t", "kind": "trait", "trait": "city", "op": "exists"}
BUYERS = {"id": "b", "kind": "event", "event": "Order Completed", "op": "at_least", "value": 1}


def live_through(engine: Engine, **traits: Any) -> UUID:
    """The id of Anna's profile."""
    define("golden", {"id": "a", "kind": "and", "children": [GOLD, TOWN]}, name="Golden people")
    define("buyers", BUYERS, name="Buyers")
    hero = Slot.objects.create(slug="hero", name="Hero of the home page")
    hello = Block.objects.create(
        slug="hello", name="Hello block", source='<p>Hello {{ profile.traits.firstName | default: "you" }}</p>'
    )
    condition = {"v": 1, "root": {"id": "s", "kind": "segment", "segment": "golden"}}
    Rule.objects.create(slug="greet", name="Greet the golden", slot=hero, block=hello, condition=condition)
    Offer.objects.create(slug="tenner", name="Tenner")
    publish_book(by=None, at=timezone.now())
    engine.build()
    said = {"plan": "gold", "email": "Anna@Example.com", "firstName": "Anna", "lastName": "Smith", "city": "Utrecht"}
    identify = {"type": "identify", "user_id": "anna", "traits": {**said, **traits}}
    consent = {"consent": {"categoryPreferences": {"marketing": True, "email": False}}}
    engine.send("Identified", people=["laptop"], context=consent, **identify)
    engine.send("Product Viewed", "Product Viewed", people=["phone"], properties={"name": "Lamp"})
    engine.send("Identified", people=["phone"], type="identify", user_id="anna")
    engine.send("Order Completed", people=["phone"], properties={"orderId": "o1"})
    decide_for(LAPTOP, timezone.now())
    now = timezone.now()
    PointsEntry.objects.create(profile_id=LAPTOP, points=30, note="Welcome", key="k", at=now)
    Grant.objects.create(offer="tenner", profile_id=PHONE, code="TEN-1", decision_id=uuid4(), at=now)
    AuditEntry.objects.all().delete()  # of the publishing
    return LAPTOP


def decide_for(person: UUID, at: datetime, **context: Any) -> UUID:
    """A decision that showed the block of the rule, in the archive."""
    id = uuid4()
    answer: dict[str, Any] = {
        "slot": "hero",
        "reason": "rule_matched",
        "block": "hello",
        "rule": "greet",
        "segments": ["golden"],
    }
    answer |= {"suppressed": [{"rule": "letter", "why": "no_consent"}], "held": False}
    row = DecisionRow(id.hex, at, person.hex, "web", "shop", 1, 0, json.dumps(context), json.dumps([answer]), "{}")
    record_decisions([row])
    return id


def spread(moment: datetime, count: int) -> list[datetime]:
    """Moments of which every three are the same."""
    return [moment - timedelta(minutes=number // 3) for number in range(count)]
