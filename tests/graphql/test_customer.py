"""`customer` and `customers`: everything that is known of people, with exactly the fields that are asked for."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from profiles import keys
from profiles.clients import Client
from profiles.decided import SlotAnswer, Suppressed
from profiles.event import anonymous_key, derive_profile_id
from profiles.profile import Trait, pack, unpack
from rules.models import Grant, PointsEntry
from tests.graphql.conftest import Graph

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def when(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def viewed(who: str = "anna", second: int = 0, **fields: Any) -> dict[str, Any]:
    said = {"type": "track", "event": "Product Viewed", "anonymousId": who, "timestamp": when(second)}
    return {**said, "properties": {"category": "Outdoor", "price": 5, "hidden": "x"}, **fields}


def bought(who: str = "anna", second: int = 30, **properties: Any) -> dict[str, Any]:
    order = {"order_id": f"o{second}", "revenue": 20.5, "currency": "EUR", "products": [{"sku": "s1"}], **properties}
    said = {"type": "track", "event": "Order Completed", "anonymousId": who, "timestamp": when(second)}
    return {**said, "properties": order}


def signed_up(who: str = "anna", user: str = "u1", second: int = 40, **traits: Any) -> dict[str, Any]:
    return {"type": "identify", "anonymousId": who, "userId": user, "traits": traits, "timestamp": when(second)}


def id_of(who: str) -> str:
    return derive_profile_id(anonymous_key(who))


def change(client: Client, who: str, **fields: Any) -> None:
    """Gives a hot profile what nightly work or another door would."""
    name = keys.profile(id_of(who))
    profile = unpack(client.get(name) or b"")
    client.set(name, pack(msgspec.structs.replace(profile, **fields)))


def test_one_question_brings_together_what_is_known_of_a_person(graph: Graph) -> None:
    traits = {"name": "Anna", "plan": "pro"}
    graph.send(viewed(second=1), viewed(second=2), bought(), signed_up(name="Anna", plan="pro"))
    data = graph.ask(
        """{ customer(userId: "u1") {
            id userId identifiers { kind id } firstSeen lastSeen traits some: traits(names: ["plan", "none"])
            events(names: ["Product Viewed", "Never"]) {
              name count total first last recent(limit: 1) { at value properties }
            }
            segments { slug name }
            transactions { orders { id at revenue currency products } next }
        } }"""
    )
    assert data["customer"] == {
        "id": id_of("anna"),
        "userId": "u1",
        "identifiers": [{"kind": "ANONYMOUS", "id": "anna"}, {"kind": "USER", "id": "u1"}],
        "firstSeen": when(1),
        "lastSeen": when(40),
        "traits": traits,
        "some": {"plan": "pro"},
        "events": [
            {
                "name": "Product Viewed",
                "count": 2,
                "total": 0.0,
                "first": when(1),
                "last": when(2),
                "recent": [{"at": when(2), "value": 0.0, "properties": {"category": "Outdoor", "price": 5}}],
            }
        ],
        "segments": [{"slug": "viewers", "name": "Viewers of products"}],
        "transactions": {
            "orders": [{"id": "o30", "at": when(30), "revenue": 20.5, "currency": "EUR", "products": [{"sku": "s1"}]}],
            "next": None,
        },
    }


def test_what_nightly_work_and_consent_left_in_the_profile_is_told(graph: Graph, redis_client: Client) -> None:
    graph.send(viewed())
    consent = {"ads": Trait(False, 1_700_000_000_000), "mail": Trait(True, 1_700_000_000_000)}
    change(redis_client, "anna", consent=consent, scores={"churn": 0.25}, cluster="hikers")
    said = graph.ask(
        '{ customer(anonymousId: "anna") { consent { purpose granted at } scores { name value } cluster } }'
    )
    at = "2023-11-14T22:13:20.000Z"
    assert said["customer"] == {
        "consent": [
            {"purpose": "ads", "granted": False, "at": at},
            {"purpose": "mail", "granted": True, "at": at},
        ],
        "scores": [{"name": "churn", "value": 0.25}],
        "cluster": "hikers",
    }


def test_events_are_told_by_how_lately_they_happened(graph: Graph) -> None:
    graph.send(viewed(second=1), bought(second=2), viewed(second=3), bought(second=4, revenue=1))
    asked = '{ customer(anonymousId: "anna") { events(limit: %d) { name count total recent(limit: 5) { at } } } }'
    both = graph.ask(asked % 5)["customer"]["events"]
    assert [(event["name"], event["count"], event["total"]) for event in both] == [
        ("Order Completed", 2, 21.5),
        ("Product Viewed", 2, 0.0),
    ]
    assert [moment["at"] for moment in both[0]["recent"]] == [when(4), when(2)]
    assert graph.ask(asked % 1)["customer"]["events"] == both[:1]


def test_the_timeline_is_paged_without_gap_or_repetition(graph: Graph) -> None:
    graph.send(*(viewed(second=number // 2, messageId=f"m{number}") for number in range(7)))
    query = """query ($after: String) { customer(anonymousId: "anna") {
        timeline(first: 3, after: $after) { events { id at source type name value properties context left } next }
    } }"""
    seen: list[str] = []
    after = None
    for length in (3, 3, 1):
        page = graph.ask(query, after=after)["customer"]["timeline"]
        assert len(page["events"]) == length
        seen += [event["id"] for event in page["events"]]
        after = page["next"]
    assert after is None
    assert seen == [f"m{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    event = page["events"][0]
    assert event["properties"] == {"category": "Outdoor", "price": 5, "hidden": "x"}
    assert (event["source"], event["type"], event["left"], event["context"]) == ("site", "track", [], {})


def test_orders_are_paged_too(graph: Graph) -> None:
    graph.send(bought(second=1), bought(second=2, order_id=None), bought(second=3), viewed(second=4))
    query = """query ($after: String) { customer(anonymousId: "anna") {
        transactions(first: 2, after: $after) { orders { id } next }
    } }"""
    first = graph.ask(query)["customer"]["transactions"]
    assert first["orders"][0] == {"id": "o3"}
    assert len(first["orders"][1]["id"]) == 36  # an order without an id goes by its messageId
    assert graph.ask(query, after=first["next"])["customer"]["transactions"] == {"orders": [{"id": "o1"}], "next": None}


def test_who_became_part_of_a_person_is_told_of_with_them(graph: Graph) -> None:
    graph.send(viewed("phone", 1), signed_up("phone", "u1", 2))
    graph.send(bought("laptop", 3), signed_up("laptop", "u1", 4))
    query = "{ transactions { orders { id } } timeline { events { name } } }"
    asked = '{ a: customer(userId: "u1") %s b: customer(id: "%s") %s c: customer(id: "%s") { id } }'
    data = graph.ask(asked % (query, id_of("laptop"), query, uuid.UUID(id_of("phone"))))
    assert [event["name"] for event in data["a"]["timeline"]["events"]] == [
        "Identified",
        "Order Completed",
        "Identified",
        "Product Viewed",
    ]
    assert data["a"]["transactions"]["orders"] == [{"id": "o3"}]
    assert data["b"] == data["a"]  # a profile that was taken over is the one that took it over
    assert data["c"] == {"id": id_of("phone")}


def test_points_and_grants_are_those_of_the_person(graph: Graph) -> None:
    graph.send(viewed(), viewed("ben"))
    at, decision = timezone.now(), uuid.uuid4()
    anna, ben = (uuid.UUID(id_of(who)) for who in ("anna", "ben"))
    for number, (profile, points) in enumerate([(anna, 30), (anna, -10), (ben, 2_000_000_000), (ben, 2_000_000_000)]):
        PointsEntry.objects.create(profile_id=profile, points=points, note=f"n{number}", key=str(number), at=at)
    Grant.objects.create(offer="summer", profile_id=anna, code="SUN-1", decision_id=decision, at=at)
    query = """{ customer(anonymousId: "%s") {
        points { balance entries { points note offer } } grants { offer period code points decisionId }
    } }"""
    assert graph.ask(query % "anna")["customer"] == {
        "points": {
            "balance": 20,
            "entries": [{"points": -10, "note": "n1", "offer": ""}, {"points": 30, "note": "n0", "offer": ""}],
        },
        "grants": [{"offer": "summer", "period": "", "code": "SUN-1", "points": 0, "decisionId": decision.hex}],
    }
    assert graph.ask(query % "ben")["customer"]["points"]["balance"] == 4_000_000_000


def store_decision(profile_id: str, answers: str, at: datetime) -> uuid.UUID:
    id = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO rules_decision (id, at, profile_id, door, source, book, position, context, answers, facts) "
            "VALUES (%s, %s, %s, 'http', 'site', 4, 0, '{}', %s, '{}')",
            [id, at, uuid.UUID(profile_id), answers],
        )
    return id


def test_decisions_are_told_with_what_was_suppressed(graph: Graph) -> None:
    graph.send(viewed())
    answer = SlotAnswer("hero", "rule_matched", "hello", "r1", ("viewers",), (Suppressed("r0", "cap"),))
    text = msgspec.json.encode([msgspec.structs.asdict(answer)]).decode()
    old, new = (store_decision(id_of("anna"), text, START + timedelta(hours=hour)) for hour in (1, 2))
    query = """{ customer(anonymousId: "anna") { decisions(first: %d) {
        id at door source book slots { slot reason block rule segments held suppressed { rule why } }
    } } }"""
    decisions = graph.ask(query % 5)["customer"]["decisions"]
    assert [each["id"] for each in decisions] == [new.hex, old.hex]
    assert decisions[0]["slots"] == [
        {
            "slot": "hero",
            "reason": "rule_matched",
            "block": "hello",
            "rule": "r1",
            "segments": ["viewers"],
            "held": False,
            "suppressed": [{"rule": "r0", "why": "cap"}],
        }
    ]
    assert graph.ask(query % 1)["customer"]["decisions"] == decisions[:1]


def test_nobody_is_null(graph: Graph) -> None:
    graph.send(viewed())
    query = 'query ($ids: [ID!]!) { customer(userId: "none") { id } customers(ids: $ids) { identifiers { id } } }'
    ids = [id_of("none"), id_of("anna"), id_of("anna")]
    anna = {"identifiers": [{"id": "anna"}]}
    assert graph.ask(query, ids=ids) == {"customer": None, "customers": [None, anna, anna]}


@pytest.mark.parametrize(
    "arguments",
    [
        "id: 1",
        'id: "no-id"',
        'userId: ""',
        'userId: "u", anonymousId: "a"',
        "userId: null",
        'userId: "%s"' % ("x" * 256),
        'userId: "a\\u0000b"',
    ],
)
def test_an_id_that_can_be_nobodys_is_refused(door: Graph, arguments: str) -> None:
    assert door.refuse(f"{{ customer({arguments}) {{ id }} }}") == (200, "bad_request")


@pytest.mark.parametrize(
    "field",
    [
        "timeline(first: 0) { next }",
        "timeline(first: 101) { next }",
        "timeline(first: -1) { next }",
        'timeline(after: "junk") { next }',
        'timeline(after: "é") { next }',
        'timeline(after: "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OS4x") { next }',
        "events(limit: 301) { name }",
        "events(limit: 1) { recent(limit: 501) { at } }",
        "decisions(first: 101) { id }",
    ],
)
def test_a_page_that_cannot_be_is_refused_and_the_rest_is_answered(graph: Graph, field: str) -> None:
    graph.send(viewed())
    anna = 'customer(anonymousId: "anna")'
    said = graph.post(f"{{ {anna} {{ id {field} }} other: {anna} {{ id }} }}").json()
    assert said["errors"][0]["extensions"]["code"] == "bad_request"
    assert said["data"]["other"] == {"id": id_of("anna")}
