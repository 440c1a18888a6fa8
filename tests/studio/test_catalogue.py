"""The catalogue in the Studio: switches and what follows, schemas and what they warn of, values kept private."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.actions import publish_directory, save_event_type
from ingestion.models import EventProperty, EventType
from ingestion.queries import build_directory, find_indexed
from ingestion.schema_findings import list_findings
from personalization.edge import hide_private
from profiles.actions import copy_events
from profiles.models import AuditEntry
from profiles.rows import ArchiveRow
from segments.conditions.edge import Device
from segments.models import Build
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db
CATALOGUE = "/studio/live/catalogue/"


@pytest.fixture
def seen() -> EventType:
    """An event with two properties, as the archiver learnt it."""
    now = timezone.now()
    event_type = EventType(name="Coat <b>Tried</b>", volume=12, first_seen=now, last_seen=now)
    event_type.save()
    EventProperty.objects.create(event_type=event_type, path="colour", types=["string"])
    EventProperty.objects.create(event_type=event_type, path="size", types=["number", "string"])
    publish_directory()
    return event_type


def place(event_type: EventType, more: str = "") -> str:
    return f"{CATALOGUE}{event_type.pk}/{more}"


def turn(client: Any, event_type: EventType, path: str, what: str, *, on: bool) -> Any:
    said = {"path": path, "what": what, **({"on": "on"} if on else {})}
    return client.post(place(event_type, "property/"), said, headers={"HX-Request": "true"})


def archive(name: str, *properties: dict[str, Any]) -> None:
    at = timezone.now()
    rows = [
        ArchiveRow(
            *(at, at, "shop", f"m{number}", uuid4().hex, "track", name, "anna", None, 0.0),
            *(json.dumps(said), "{}", "{}", "[]", "[]"),
        )
        for number, said in enumerate(properties)
    ]
    copy_events(rows)


def test_remembering_fills_in_the_past_and_says_so(seen: EventType, redis_client: Any) -> None:
    page = turn(sign_in("developer"), seen, "colour", "indexed", on=True).content.decode()
    assert "Conditions can ask for “colour” from now on; 180 days of the past are being filled in." in page
    assert "checked" in page and "progress" in page and f"cancel-{Build.objects.get().pk}" in page
    assert "colour" in find_indexed()[seen.name]
    build = Build.objects.get()
    assert build.recalls == {seen.name: ["colour"]}
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.kind, entry.name) == ("changed", "event", seen.name)
    assert (entry.before, entry.after) == ({"colour: indexed": False}, {"colour: indexed": True})


def test_filling_in_can_be_called_off(seen: EventType, redis_client: Any) -> None:
    developer = sign_in("developer")
    turn(developer, seen, "colour", "indexed", on=True)
    build = Build.objects.get()
    developer.post(place(seen, f"recalls/{build.pk}/cancel/"))
    build.refresh_from_db()
    assert build.state == Build.State.CANCELLED
    assert AuditEntry.objects.order_by("-pk")[0].act == "cancelled"
    assert "progress" not in developer.get(place(seen, "recalls/")).content.decode()
    other = EventType.objects.create(name="Other")
    assert developer.post(place(other, f"recalls/{build.pk}/cancel/")).status_code == 404


def test_a_default_can_be_forgotten(redis_client: Any) -> None:
    event_type = EventType.objects.create(name="Product Viewed", volume=1)
    page = turn(sign_in("developer"), event_type, "brand", "indexed", on=False).content.decode()
    assert "What is remembered already stays" in page
    assert "brand" not in find_indexed()["Product Viewed"]


@pytest.mark.parametrize(("path", "what"), [("nothing", "indexed"), ("colour", "types"), ("", "private")])
def test_what_is_no_switch_is_refused(path: str, what: str, seen: EventType) -> None:
    assert turn(sign_in("developer"), seen, path, what, on=True).status_code == 400


def test_private_values_never_go_to_devices(seen: EventType, redis_client: Any) -> None:
    page = turn(sign_in("developer"), seen, "colour", "private", on=True).content.decode()
    assert "never go to devices" in page
    private = build_directory().private
    assert private == {seen.name: ("colour",)}
    device = Device(events=frozenset({seen.name}), properties=frozenset({"colour", "size"}))
    assert hide_private(device, private).properties == {"size"}
    assert hide_private(Device(events=frozenset({"Other"}), properties=frozenset({"colour"})), private).properties


def test_examples_are_masked_and_private_ones_hidden(seen: EventType) -> None:
    archive(seen.name, {"colour": "Crimson", "size": 42}, {"colour": "Crimson", "size": "large"})
    masked = sign_in("developer").get(place(seen, "sample/")).content.decode()
    assert "Crimson" not in masked and "C•••" in masked and "42" in masked
    EventProperty.objects.filter(path="size").update(private=True)
    hidden = sign_in("developer").get(place(seen, "sample/")).content.decode()
    assert "42" not in hidden and "•••" in hidden
    assert "Crimson" in sign_in("developer", personal=True).get(place(seen, "sample/")).content.decode()


def test_the_newest_events_are_held_against_the_schema(seen: EventType) -> None:
    seen.schema = {"properties": {"size": {"type": "number"}, "brand": {"type": "string"}}, "required": ["brand"]}
    save_event_type(seen)
    archive(seen.name, {"size": "large"}, {"size": 1, "brand": "Acme"})
    page = sign_in("developer").get(place(seen, "sample/")).content.decode()
    assert "1 of them do not fit" in page and "properties.brand is missing" in page and "let through" in page
    page = sign_in("developer").get(place(seen)).content.decode()
    for finding in (
        "“brand” is required, and was never seen",
        "“size” should be a number",
        "not in the schema: colour",
    ):
        assert finding in page


def test_a_schema_that_is_seen_as_it_says_warns_of_nothing() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "array"}, "c": {}}, "required": ["a"]}
    assert list_findings(schema, {"a": ["number"], "b": ["list"], "b.x": ["string"], "c": ["string", "object"]}) == []


@pytest.mark.parametrize(
    ("schema", "says"),
    [("{", "Not JSON"), ('{"typ": "string"}', "Not a schema"), ("[" * 2000, "Not JSON"), ("3", "Not a schema")],
)
def test_what_is_no_schema_is_refused_and_kept(schema: str, says: str, seen: EventType) -> None:
    answer = sign_in("developer").post(place(seen), {"description": "A coat", "schema": schema})
    page = answer.content.decode()
    assert answer.status_code == 422 and says in page and "A coat" in page
    seen.refresh_from_db()
    assert seen.schema is None


def test_description_and_schema_are_saved_and_the_second_is_told(seen: EventType) -> None:
    developer = sign_in("developer")
    mark = re.search(r'name="seen" value="(\w+)"', developer.get(place(seen)).content.decode())
    assert mark is not None
    said = {"description": "When a coat is tried", "schema": '{"strict": true}', "seen": mark[1]}
    assert developer.post(place(seen), said).status_code == 302
    assert build_directory().schemas[seen.name].strict
    answer = sign_in("owner").post(place(seen), {**said, "description": "Mine"})
    assert answer.status_code == 422 and "Somebody else has changed this" in answer.content.decode()
    assert AuditEntry.objects.count() == 1


def test_an_event_is_declared_before_it_is_sent(redis_client: Any) -> None:
    developer = sign_in("developer")
    answer = developer.post(f"{CATALOGUE}new/", {"name": "Chat Opened", "description": "The bubble"})
    event_type = EventType.objects.get(name="Chat Opened")
    assert answer["Location"] == place(event_type)
    assert (
        "There is an event of this name" in developer.post(f"{CATALOGUE}new/", {"name": "Chat Opened"}).content.decode()
    )
    developer.post(place(event_type, "declare/"), {"path": "topic"})
    assert "topic" in find_indexed()["Chat Opened"]
    for path in ("a.b.c", "topic", ""):
        assert developer.post(place(event_type, "declare/"), {"path": path}).status_code == 422
    developer.post(place(event_type, "remove/"))
    assert not EventType.objects.exists()


def test_what_was_seen_is_not_removed(seen: EventType) -> None:
    sign_in("developer").post(place(seen, "remove/"))
    assert EventType.objects.filter(pk=seen.pk).exists()


def test_the_list_searches_filters_and_escapes(seen: EventType) -> None:
    EventType.objects.create(name="Never Came")
    EventType.objects.create(name="Long Ago", volume=3, last_seen=timezone.now() - timedelta(days=90))
    developer = sign_in("developer")

    def names(query: str) -> set[str]:
        page = developer.get(f"{CATALOGUE}?{query}").content.decode()
        assert "<b>Tried" not in page
        return {name for name in ("Coat", "Never Came", "Long Ago") if name in page}

    assert names("") == {"Coat", "Never Came", "Long Ago"}
    assert names("q=coat") == {"Coat"}
    assert names("state=unseen") == {"Never Came"}
    assert names("state=quiet") == {"Long Ago"}
    assert names("schema=strict") == set()
    assert names("private=yes") == set()
    EventProperty.objects.filter(event_type=seen).update(private=True)
    assert names("private=yes&sort=name") == {"Coat"}


def test_pages_ask_no_more_for_more_rows(seen: EventType, django_assert_num_queries: Any) -> None:
    developer = sign_in("developer")
    for path in (CATALOGUE, place(seen), place(seen, "sample/")):
        with CaptureQueriesContext(connection) as few:
            developer.get(path)
        for number in range(20):
            EventType.objects.create(name=f"Event {path} {number}", volume=number)
            EventProperty.objects.create(event_type=seen, path=f"p{len(path)}{number}", types=["string"])
        with django_assert_num_queries(len(few)):
            developer.get(path)
