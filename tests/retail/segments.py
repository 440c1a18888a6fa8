"""The segments of the shop, as a marketer would define them. What each means is told once more in `by_hand.py`."""

from typing import Any

from segments.conditions.calendar import Calendar
from segments.conditions.language import Node
from segments.conditions.parse import parse_condition
from segments.roster import Roster, Version
from tests.segments.cases import with_ids

CALENDAR = Calendar("Europe/London")

ORDERED: dict[str, Any] = {"kind": "event", "event": "Order Completed"}
REFUNDED: dict[str, Any] = {"kind": "event", "event": "Order Refunded"}
OUTDOOR = [{"property": "products.category", "op": "is", "value": "Outdoor"}]
OUTDOOR_LATELY = {**ORDERED, "where": OUTDOOR, "window": {"last": 60, "unit": "days"}}
BOUGHT = {"event": "Order Completed"}
BRITISH_ISLES = ["United Kingdom", "EIRE"]  # as the file names them

NODES: dict[str, dict[str, Any]] = {
    "outdoor": OUTDOOR_LATELY,
    "outdoor-regulars": {
        "kind": "and",
        "children": [
            OUTDOOR_LATELY,
            {**ORDERED, "op": "more_than", "value": 3, "window": {"this": "month"}},
            {**REFUNDED, "did": False, "window": {"last": 30, "unit": "days"}},
            {"kind": "trait", "trait": "country", "op": "in", "value": BRITISH_ISLES},
        ],
    },
    "outdoor-and-back": {
        "kind": "sequence",
        "steps": [{**BOUGHT, "where": OUTDOOR}, {**BOUGHT, "within": {"amount": 14, "unit": "days"}}],
        "window": {"last": 90, "unit": "days"},
    },
    "spenders": {
        **ORDERED,
        "measure": "sum",
        "of": "value",
        "op": "more_than",
        "value": 1000,
        "window": {"last": 90, "unit": "days"},
    },
    "lapsed": {**ORDERED, "measure": "last", "op": "longer_ago_than", "value": {"amount": 60, "unit": "days"}},
    "quiet": {**ORDERED, "did": False, "window": {"last": 60, "unit": "days"}},
    "disappointed": {
        "kind": "sequence",
        "steps": [
            {"event": "Order Refunded"},
            {"event": "Order Completed", "did": False, "within": {"amount": 30, "unit": "days"}},
        ],
        "window": {"last": 90, "unit": "days"},
    },
    "busy-week": {**ORDERED, "op": "at_least", "value": 2, "window": {"this": "week"}},
    "june": {**ORDERED, "window": {"from": "2011-06-01", "to": "2011-06-30"}},
    "cyprus": {"kind": "trait", "trait": "country", "op": "is", "value": "Cyprus"},  # some move there, some away
    "outdoor-spenders": {
        "kind": "and",
        "children": [
            {"kind": "segment", "segment": "outdoor"},
            {"kind": "segment", "segment": "spenders"},
            {"kind": "not", "children": [{"kind": "segment", "segment": "disappointed"}]},
        ],
    },
}

TREES = {slug: {"v": 1, "root": with_ids(node)} for slug, node in NODES.items()}
DEFINITIONS: dict[str, Node] = {slug: parse_condition(tree) for slug, tree in TREES.items()}
ANSWERS = {slug: f"{slug}@1" for slug in NODES}
ROSTER = Roster(
    number=1,
    zone=CALENDAR.zone,
    versions=tuple(Version(slug, 1, condition=tree, refers=ANSWERS) for slug, tree in TREES.items()),
    answers=ANSWERS,
)
