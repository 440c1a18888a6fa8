"""Values of private properties are shown to those alone who may see personal data, wherever events are shown."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ingestion.accepted import Applied
from ingestion.models import DeadLetter, EventProperty, EventType
from personalization.arrivals import Refused
from profiles.event import Event, pack
from profiles.models import StoredProfile
from segments.conditions.language import Did
from studio.live.rows import describe_arrival, describe_refusal
from studio.masking import HIDDEN
from studio.private import find_hidden, hides_finding, hides_worth, mask_properties
from studio.roles import Ability, Visitor
from tests.builds.conftest import Engine, define, engine
from tests.studio.people import sign_in

__all__ = ["engine"]
pytestmark = pytest.mark.django_db

TRIED = "Coat Tried"
PATHS = ("size", "plan", "revenue", "items.fit", "secret")
SAID: dict[str, Any] = {
    "size": 4711,
    "plan": "zqplan",
    "colour": "Crimson",
    "revenue": 8143.5,
    "items": [{"fit": 9137, "count": 2}],
    "secret": {"depth": 6151},
}
PRIVATE = ("4711", "zqplan", "8143", "8,143", "9137", "6151")


def declare(*paths: str) -> None:
    event_type, _ = EventType.objects.get_or_create(name=TRIED, defaults={"volume": 9})
    for path in sorted({"size", "plan", "colour", "revenue", "items.fit", "items.count", "secret", *paths}):
        chosen = {"types": ["number"], "private": path in paths}
        EventProperty.objects.update_or_create(event_type=event_type, path=path, defaults=chosen)


def assert_hidden(told: str, *more: str) -> None:
    assert [each for each in (*PRIVATE, *more) if each in told] == []


def test_a_path_hides_what_is_at_it_and_in_it() -> None:
    told = mask_properties(SAID, PATHS)
    assert told == {
        "size": HIDDEN,
        "plan": HIDDEN,
        "colour": "C•••",
        "revenue": HIDDEN,
        "items": [{"fit": HIDDEN, "count": 2}],
        "secret": HIDDEN,
    }
    assert mask_properties({"size": 1}, ()) == {"size": 1}
    assert mask_properties({"items": 5}, ("items.fit",)) == {"items": 5}
    assert hides_worth(["revenue"]) and not hides_worth(["size"])


@pytest.mark.parametrize(
    ("measure", "of", "paths", "hidden"),
    [
        ("sum", "size", ("size",), True),
        ("sum", "value", ("revenue",), True),
        ("sum", "items.fit", ("items",), True),
        ("sum", "colour", ("size",), False),
        ("count", None, ("size",), False),
        ("distinct", "size", ("size",), False),
    ],
)
def test_sums_of_private_values_are_hidden(measure: Any, of: str | None, paths: Any, hidden: bool) -> None:
    row = Did("a", TRIED, True, (), measure, of, "at_least", 1, None)
    assert hides_finding(row, {TRIED: paths}) is hidden


@pytest.fixture
def person(engine: Engine) -> UUID:
    declare(*PATHS)
    for device in ("laptop", *(f"other-{number}" for number in range(6))):
        engine.send(TRIED, people=[device], properties=SAID)
    return StoredProfile.objects.values_list("pk", flat=True)[0]


def test_values_are_not_offered(person: UUID) -> None:
    StoredProfile.objects.update(last_seen=timezone.now())
    for personal in (False, True):
        client = sign_in("analyst", personal=personal)
        for path, value in (("size", 4711), ("items.fit", 9137), ("plan", "zqplan"), ("colour", "Crimson")):
            told = client.get("/studio/conditions/values/", {"event": TRIED, "property": path}).json()["values"]
            assert [each["value"] for each in told] == ([value] if personal or path == "colour" else [])


def test_a_timeline_and_an_event_in_full_hide_them(person: UUID) -> None:
    for personal in (False, True):
        client = sign_in("analyst", personal=personal)
        page = client.get(f"/studio/people/{person}/")
        assert page["Cache-Control"] == "no-store"
        told = page.content.decode()
        (event,) = set(re.findall(rf"/studio/people/{person}/events/[^\"]+", told))
        told += client.get(event, headers={"HX-Request": "true"}).content.decode()
        if personal:
            assert all(each in told for each in ("4711", "zqplan", "8,143", "9137", "6151", "Crimson"))
        else:
            assert_hidden(told, "Crimson")


def test_why_somebody_is_in_an_audience_hides_sums(engine: Engine) -> None:
    row = {"id": "s", "kind": "event", "event": TRIED, "measure": "sum", "of": "value", "op": "at_least", "value": 1}
    define("spenders", row)
    engine.build()
    engine.send(TRIED, people=["laptop"], properties=SAID)
    declare(*PATHS)
    (person,) = StoredProfile.objects.values_list("pk", flat=True)
    question = json.dumps({"condition": {"v": 1, "root": row}, "about": "segment", "person": str(person)})
    for personal in (False, True):
        client = sign_in("analyst", personal=personal)
        told = client.get(
            f"/studio/people/{person}/audiences/spenders/", headers={"HX-Request": "true"}
        ).content.decode()
        asked = client.post("/studio/conditions/look/", question, content_type="application/json").json()
        told += json.dumps(asked, ensure_ascii=False)
        assert ("8,143.5" in told) is personal
        if not personal:
            assert_hidden(told)
            assert HIDDEN in asked["reasons"][0]["said"]


def test_live_events_and_refusals_hide_them() -> None:
    declare(*PATHS)
    event = Event(id="m", source="shop", type="track", name=TRIED, at=1, received=1, anonymous_id="a", properties=SAID)
    masked = Visitor(User(username="dev"), "developer", frozenset({Ability.EVENTS}))
    private = find_hidden(sees=False)
    told = json.dumps(describe_arrival(Applied(profile=uuid4().hex, event=event), 1, masked, private))
    assert_hidden(told, "Crimson")
    sample = json.dumps({"batch": [{"event": TRIED, "properties": SAID}]})
    refused = Refused("1-0", 1, "shop", "bad_field", "no", "m", sample)
    assert_hidden(json.dumps(describe_refusal(refused, masked, private)), "Crimson")
    owner = Visitor(User(username="own"), "owner", frozenset(Ability))
    told = json.dumps([describe_arrival(Applied(profile="a" * 32, event=event), 1, owner, private)])
    assert all(each in told for each in ("4711", "zqplan", "8143.5", "9137", "6151"))


def test_dead_letters_hide_them() -> None:
    declare(*PATHS)
    event = Event(id="m", source="shop", type="track", name=TRIED, at=1, received=1, anonymous_id="a", properties=SAID)
    at = datetime.now(UTC)
    letter = DeadLetter.objects.create(
        log="events", partition=0, offset="1-0", raw=pack(event), reason="no", tries=3, at=at
    )
    for personal in (False, True):
        client = sign_in("developer", personal=personal)
        told = client.get(f"/studio/live/dead-letters/{letter.pk}/").content.decode()
        assert ("4711" in told and "9137" in told) is personal
        if not personal:
            assert_hidden(told, "Crimson")


def test_examples_of_fields_in_something_private_are_hidden(engine: Engine) -> None:
    engine.send(TRIED, people=["laptop"], properties=SAID)
    declare("items")
    pk = EventType.objects.get(name=TRIED).pk
    told = sign_in("developer").get(f"/studio/live/catalogue/{pk}/sample/").content.decode()
    assert "9137" not in told and "4711" in told
