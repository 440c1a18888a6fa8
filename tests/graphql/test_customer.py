"""`customer` and `customers`: everything that is known of people, with exactly the fields that are asked for."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from profiles.clients import Client
from profiles.event import anonymous_key, derive_profile_id
from profiles.profile import Profile, Trait, pack, unpack
from rules.models import Grant, PointsEntry
from tests.graphql.conftest import Graph

WHEN = "2026-05-01T12:00:{:02d}.000Z"


def viewed(who: str = "anna", second: int = 0, **fields: Any) -> dict[str, Any]:
    said = {"type": "track", "event": "Product Viewed", "anonymousId": who, "timestamp": WHEN.format(second)}
    return {**said, "properties": {"category": "Outdoor", "price": 5, "hidden": "x"}, **fields}


def bought(who: str = "anna", second: int = 30, **properties: Any) -> dict[str, Any]:
    order = {"order_id": f"o{second}", "revenue": 20.5, "currency": "EUR", "products": [{"sku": "s1"}], **properties}
    at = WHEN.format(second)
    return {"type": "track", "event": "Order Completed", "anonymousId": who, "timestamp": at, "properties": order}


def id_of(who: str) -> str:
    return derive_profile_id(anonymous_key(who))


def test_one_question_brings_together_what_is_known_of_a_person(graph: Graph) -> None:
    traits = {"name": "Anna", "plan": "pro"}
    identify = {"type": "identify", "anonymousId": "anna", "userId": "u1", "traits": traits, "messageId": "i"}
    graph.send(viewed(second=1, messageId="v1"), viewed(second=2, messageId="v2"), bought(), identify)
    data = graph.ask(
        """{ customer(userId: "u1") {
            id userId identifiers { kind id } traits some: traits(names: ["plan", "none"])
            events(names: ["Product Viewed", "Never"]) { name count total first last recent(limit: 1) { at value properties } }
            segments { slug name }
            transactions { orders { id at revenue currency products } next }
            timeline(first: 2) { events { id name type source properties entered } }
            consent { purpose } scores { name } cluster
            points { balance entries { points } } grants { code } decisions { id }
        } }"""
    )
    timeline = data["customer"].pop("timeline")
    assert data["customer"] == {
        "id": id_of("anna"),
        "userId": "u1",
        "identifiers": [{"kind": "ANONYMOUS", "id": "anna"}, {"kind": "USER", "id": "u1"}],
        "traits": traits,
        "some": {"plan": "pro"},
        "events": [
            {
                "name": "Product Viewed",
                "count": 2,
                "total": 0.0,
                "first": WHEN.format(1),
                "last": WHEN.format(2),
                "recent": [{"at": WHEN.format(2), "value": 0.0, "properties": {"category": "Outdoor", "price": 5}}],
            }
        ],
        "segments": [{"slug": "viewers", "name": "Viewers of products"}],
        "transactions": {
            "orders": [
                {"id": "o30", "at": WHEN.format(30), "revenue": 20.5, "currency": "EUR", "products": [{"sku": "s1"}]}
            ],
            "next": None,
        },
        "consent": [],
        "scores": [],
        "cluster": None,
        "points": {"balance": 0, "entries": []},
        "grants": [],
        "decisions": [],
    }
    assert [event["name"] for event in timeline["events"]] == ["Identified", "Order Completed"]
