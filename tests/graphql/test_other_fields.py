"""`segments`, `slots`, `decide` and the mutations: what is asked of the engine, and what is changed through its log."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from ingestion.parse import Limits
from profiles import keys
from profiles.clients import Client
from profiles.consent import UPDATED
from profiles.event import unpack
from profiles.models import ArchivedEvent
from segments.models import SegmentSize
from tests.graphql.conftest import PARTITIONS, Graph
from tests.graphql.test_customer import viewed


def test_segments_are_told_with_their_newest_size(graph: Graph) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for ago, size in ((0, 7), (1, 3)):
        at = hour - timedelta(hours=ago)
        SegmentSize.objects.create(segment="viewers", version=1, hour=at, size=size)
    data = graph.ask('{ segments(slug: "viewers") { segments { slug name kind size { people hour } } next } }')
    assert data["segments"] == {
        "segments": [
            {
                "slug": "viewers",
                "name": "Viewers of products",
                "kind": "condition",
                "size": {"people": 7, "hour": hour.isoformat(timespec="milliseconds").replace("+00:00", "Z")},
            }
        ],
        "next": None,
    }


def test_segments_are_paged_and_found_by_slug(graph: Graph) -> None:
    query = "query ($after: String, $slug: String) { segments(first: 2, after: $after, slug: $slug) { %s next } }"
    query %= "segments { slug size { people } }"
    first = graph.ask(query)["segments"]
    assert first == {"segments": [{"slug": "experts", "size": None}, {"slug": "pros", "size": None}], "next": "pros"}
    last = {"segments": [{"slug": "viewers", "size": None}], "next": None}
    assert graph.ask(query, after="pros")["segments"] == last
    assert graph.ask(query, slug="viewers")["segments"] == last
    assert graph.ask(query, slug="none")["segments"] == {"segments": [], "next": None}


def test_slots_are_those_of_the_book(door: Graph) -> None:
    assert door.ask("{ slots { slug name channel kinds default } }")["slots"] == [
        {"slug": "bar", "name": "bar", "channel": "web", "kinds": [], "default": "plain"},
        {"slug": "foot", "name": "foot", "channel": "web", "kinds": [], "default": None},
        {"slug": "hero", "name": "hero", "channel": "web", "kinds": [], "default": None},
    ]


DECIDE = """query ($user: String, $anonymous: String, $context: JSON) {
    decide(userId: $user, anonymousId: $anonymous, slots: ["hero", "foot"], context: $context) {
        decisionId book slots { slot reason block rule segments suppressed { rule why } offer { code } }
    }
}"""


def test_decide_answers_as_the_decide_door_does(graph: Graph) -> None:
    graph.send(viewed(), viewed())
    answer = graph.ask(DECIDE, anonymous="anna", context={"device": {"type": "mobile"}})["decide"]
    assert answer["book"] == 4
    assert len(answer["decisionId"]) == 32
    assert answer["slots"] == [
        {
            "slot": "hero",
            "reason": "rule_matched",
            "block": {"slug": "hello", "kind": "html", "html": "<h1>Hello you</h1>"},
            "rule": "viewers-hero",
            "segments": ["viewers"],
            "suppressed": [],
            "offer": None,
        },
        {
            "slot": "foot",
            "reason": "rule_matched",
            "block": {"slug": "plain", "kind": "json", "json": {"text": "plain"}},
            "rule": "phones",
            "segments": [],
            "suppressed": [],
            "offer": None,
        },
    ]
    unknown = graph.ask(DECIDE)["decide"]["slots"]
    assert [(slot["reason"], slot["block"]) for slot in unknown] == [("no_rule_matched", None)] * 2


def test_a_decision_is_told_of_afterwards(graph: Graph) -> None:
    graph.send(viewed(), viewed())
    said = graph.ask(DECIDE, anonymous="anna", context={"device": {"type": "mobile"}})["decide"]
    graph.process()
    query = """{ customer(anonymousId: "anna") { decisions {
        id door source book slots { slot reason block rule segments held suppressed { why } }
    } } }"""
    shown = {"reason": "rule_matched", "held": False, "suppressed": []}
    assert graph.ask(query)["customer"]["decisions"] == [
        {
            "id": said["decisionId"],
            "door": "graphql",
            "source": "site",
            "book": 4,
            "slots": [
                {"slot": "hero", "block": "hello", "rule": "viewers-hero", "segments": ["viewers"], **shown},
                {"slot": "foot", "block": "plain", "rule": "phones", "segments": [], **shown},
            ],
        }
    ]


@pytest.mark.parametrize(
    "question",
    [
        "decide(slots: []) { book }",
        'decide(slots: ["hero"], context: [1]) { book }',
        'decide(slots: ["hero"], context: "x") { book }',
        'decide(slots: ["hero"], userId: "u", anonymousId: "a") { book }',
        f"decide(slots: {json.dumps(['hero'] * 51)}) {{ book }}",
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(door: Graph, question: str) -> None:
    assert door.refuse(f"{{ {question} }}") == (200, "bad_request")


SET_TRAITS = """mutation ($user: String, $anonymous: String, $traits: JSON!, $message: String) {
    setTraits(userId: $user, anonymousId: $anonymous, traits: $traits, messageId: $message) { messageId }
}"""
SET_CONSENT = """mutation ($user: String, $purpose: String!, $granted: Boolean!) {
    setConsent(userId: $user, purpose: $purpose, granted: $granted) { messageId }
}"""


def test_traits_go_through_the_log_and_come_back_in_the_profile(graph: Graph) -> None:
    traits = {"plan": "pro", "tags": ["a", {"b": None}]}
    answer = graph.ask(SET_TRAITS, user="u1", traits=traits, message="m1")
    assert answer == {"setTraits": {"messageId": "m1"}}
    assert graph.ask('{ customer(userId: "u1") { id } }')["customer"] is None
    graph.ask(SET_TRAITS, user="u1", traits=traits, message="m1")  # sent again it counts once
    graph.process()
    person = graph.ask('{ customer(userId: "u1") { traits events { name count } } }')["customer"]
    assert person == {"traits": traits, "events": [{"name": "Identified", "count": 1}]}
    archived = ArchivedEvent.objects.get()
    assert (archived.type, archived.source, archived.message_id) == ("identify", "site", "m1")


def test_consent_is_said_by_an_event_as_consent_managers_send_it(door: Graph, redis_client: Client) -> None:
    message = door.ask(SET_CONSENT, user="u1", purpose="ads", granted=False)["setConsent"]["messageId"]
    found = [redis_client.xrange(keys.log(number)) for number in range(PARTITIONS)]
    [(_, fields)] = [record for records in found for record in records]
    event = unpack(next(iter(fields.values())))
    assert (event.id, event.type, event.name, event.user_id) == (message, "track", UPDATED, "u1")  # type: ignore[union-attr]
    assert event.context == {"consent": {"categoryPreferences": {"ads": False}}}  # type: ignore[union-attr]


def test_several_changes_of_one_call_are_stored_in_their_order(graph: Graph) -> None:
    graph.ask(
        """mutation { a: setTraits(userId: "u1", traits: {plan: "free", age: 3}) { messageId }
        b: setTraits(userId: "u1", traits: {plan: "pro"}) { messageId } }"""
    )
    graph.process()
    assert graph.ask('{ customer(userId: "u1") { traits } }')["customer"]["traits"]["age"] == 3


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"traits": {}}, "bad_request"),
        ({"traits": {"a": 1}, "user": "u", "anonymous": "a"}, "bad_request"),
        ({"traits": [], "user": "u"}, "bad_request"),
        ({"traits": {}, "user": "u"}, "bad_request"),
        ({"traits": {"a": "x" * Limits().event_bytes}, "user": "u"}, "too_large_event"),
        ({"traits": {str(number): 1 for number in range(300)}, "user": "u"}, "too_many_keys"),
        ({"traits": {"a": 1}, "user": "u", "message": "m" * 300}, "too_long_id"),
        ({"traits": {"a": 1}, "user": "null"}, "missing_identity"),
    ],
)
def test_a_change_that_no_door_would_take_is_refused(graph: Graph, variables: dict[str, Any], code: str) -> None:
    [error] = graph.post(SET_TRAITS, **variables).json()["errors"]
    said = error["extensions"]
    assert said["code"] == "bad_request" or (said["code"], said["reason"]) == ("event_refused", code)
    graph.process()
    assert not ArchivedEvent.objects.exists()


def test_a_purpose_has_a_name(door: Graph) -> None:
    assert door.refuse(SET_CONSENT, user="u1", purpose=" ", granted=True) == (200, "bad_request")


def test_json_is_taken_as_it_is_from_variables_and_from_the_query_itself(graph: Graph) -> None:
    inline = (
        'mutation { setTraits(userId: "u1", traits: {a: 1, b: [1.5, true, null, RED], c: {d: "é"}}) { messageId } }'
    )
    graph.ask(inline)
    graph.ask(SET_TRAITS, user="u2", traits={"big": 2**60, "half": 0.5})
    graph.process()
    assert graph.ask('{ customer(userId: "u1") { traits } }')["customer"]["traits"] == {
        "a": 1,
        "b": [1.5, True, None, "RED"],
        "c": {"d": "é"},
    }
    raw = graph.post('{ customer(userId: "u2") { traits } }').content
    assert msgspec.json.decode(raw)["data"]["customer"]["traits"] == {"big": 2**60, "half": 0.5}
