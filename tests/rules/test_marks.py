"""A published Book says of each segment and rule which nodes keep it on the server."""

from typing import Any

import msgspec
import pytest
from django.test import override_settings
from django.utils import timezone

from rules.actions import publish_book, roll_back
from rules.definitions import BookPayload
from rules.engine import compile_book
from rules.marks import mark_server_only
from rules.models import Book, Rule
from rules.queries import list_draft_changes
from segments.conditions.edge import Device
from segments.models import Segment
from tests.admin.operators import condition, make_definitions, only

DEVICE = Device(traits=frozenset({"plan"}))


def marks_of(payload: dict[str, Any], kind: str) -> dict[str, Any]:
    return {each["slug"]: each["server_only"] for each in payload[kind]}


def publish() -> Book:
    return publish_book(by=None, at=timezone.now())


def test_each_segment_and_rule_is_marked() -> None:
    children = [
        {"id": "gold", "kind": "segment", "segment": "gold"},
        {"id": "rich", "kind": "segment", "segment": "rich"},
        {"id": "leaving", "kind": "score", "score": "churn", "op": "exists"},
    ]
    payload = {
        "segments": [
            {"slug": "gold", "condition": condition()},
            {"slug": "rich", "condition": condition(trait="income")},
            {"slug": "uploaded", "condition": None, "kind": "list"},
            {"slug": "then-gold", "condition": condition(), "kind": "snapshot"},
        ],
        "rules": [
            {"slug": "everybody", "condition": None},
            {"slug": "gold", "condition": only(kind="segment", segment="gold")},
            {"slug": "uploaded", "condition": only(kind="segment", segment="uploaded")},
            {"slug": "then-gold", "condition": only(kind="segment", segment="then-gold")},
            {"slug": "some", "condition": {"v": 1, "root": {"id": "root", "kind": "or", "children": children}}},
        ],
    }
    marked = mark_server_only(payload, DEVICE)
    assert marks_of(marked, "segments") == {"gold": [], "rich": ["root"], "uploaded": None, "then-gold": None}
    assert marks_of(marked, "rules") == {
        "everybody": [],
        "gold": [],
        "uploaded": ["root"],
        "then-gold": ["root"],
        "some": ["rich", "leaving"],
    }
    assert mark_server_only(marked, Device())["segments"][0]["server_only"] == ["root"]


def test_a_node_with_several_reasons_is_named_once() -> None:
    event = only(kind="event", event="A", measure="sum", of="b", window={"last": 1, "unit": "days"})
    assert marks_of(mark_server_only({"rules": [{"slug": "a", "condition": event}]}, DEVICE), "rules") == {
        "a": ["root"]
    }


def test_a_book_from_before_the_marks_is_read_and_is_for_the_server() -> None:
    rule = {"slug": "a", "name": "A", "slot": "hero", "priority": 1, "block": "b", "condition": condition()}
    segment = {"slug": "gold", "name": "Gold", "condition": condition()}
    payload = msgspec.convert({"v": 1, "number": 3, "segments": [segment], "rules": [rule]}, BookPayload)
    assert (payload.segments[0].server_only, payload.rules[0].server_only) == (None, None)
    assert compile_book(payload).number == 3


@pytest.mark.django_db
def test_what_is_published_is_marked_by_the_settings_of_the_moment() -> None:
    make_definitions()
    first = publish()
    assert marks_of(first.payload, "segments") == {"gold": ["root"]}
    assert marks_of(first.payload, "rules") == {"gold-thanks": ["in"]}
    with override_settings(PZ_DEVICE_TRAITS=["plan"]):
        assert marks_of(publish().payload, "rules") == {"gold-thanks": []}
        again = roll_back(to=first, by=None, at=timezone.now())
        assert marks_of(again.payload, "rules") == {"gold-thanks": []}
    Segment.objects.update(condition=only(kind="event", event="Order Completed"))
    with override_settings(PZ_DEVICE_EVENTS=["Order Completed"]):
        assert marks_of(publish().payload, "segments") == {"gold": []}
    where = [{"property": "category", "op": "exists"}]
    Rule.objects.update(condition=only(kind="event", event="A", where=where, window={"last": 1, "unit": "days"}))
    with override_settings(PZ_DEVICE_EVENTS=["A"], PZ_DEVICE_PROPERTIES=["category"]):
        assert marks_of(publish().payload, "rules") == {"gold-thanks": []}


@pytest.mark.django_db
def test_a_mark_is_no_change_that_somebody_made() -> None:
    make_definitions()
    book = publish()
    assert list_draft_changes() == (1, [])
    unmarked = {kind: [dict(each, server_only=None) for each in book.payload[kind]] for kind in ("segments", "rules")}
    Book.objects.update(payload={**book.payload, **unmarked})
    with override_settings(PZ_DEVICE_TRAITS=["plan"]):
        assert list_draft_changes() == (1, [])
