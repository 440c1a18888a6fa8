"""Conditions in plain words, as a marketer reads them."""

from typing import Any

import pytest

from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition
from tests.segments.cases import Case, load_cases, with_ids

VIEWED = {"kind": "event", "event": "Product Viewed"}
MONTH = {"last": 30, "unit": "days"}
OUTDOOR = {"property": "category", "op": "is", "value": "Outdoor"}


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (VIEWED, "did Product Viewed"),
        ({**VIEWED, "did": False, "window": MONTH}, "did not do Product Viewed in the last 30 days"),
        (
            {**VIEWED, "value": 3, "where": [OUTDOOR], "window": {"last": 60, "unit": "minutes"}},
            "did Product Viewed where category is “Outdoor” at least 3 times in the last hour",
        ),
        (
            {**VIEWED, "measure": "sum", "of": "price", "op": "more_than", "value": 99.5, "window": MONTH},
            "did Product Viewed with a total of price more than 99.5 in the last 30 days",
        ),
        ({"kind": "trait", "trait": "country", "op": "in", "value": ["GB", "IE"]}, "country is “GB” or “IE”"),
        ({"kind": "trait", "trait": "vip", "op": "is", "value": True}, "vip is true"),
        ({"kind": "context", "field": "page.path", "op": "starts_with", "value": "/s"}, "page.path starts with “/s”"),
        (
            {
                "kind": "and",
                "children": [
                    {"kind": "segment", "segment": "vips"},
                    {"kind": "or", "children": [VIEWED, {"kind": "trait", "trait": "age", "op": "exists"}]},
                    {"kind": "not", "children": [{"kind": "segment", "segment": "staff"}]},
                ],
            },
            "is in vips and (did Product Viewed or age is known) and not (is in staff)",
        ),
    ],
)
def test_a_condition_reads_as_a_sentence(node: dict[str, Any], words: str) -> None:
    assert say_condition(parse_condition({"v": 1, "root": with_ids(node)})) == words


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
def test_every_condition_can_be_said(case: Case) -> None:
    assert say_condition(case.root)
