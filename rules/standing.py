"""How a rule as it is drafted stands to the Book in force: not in it, as it is drafted, or in other words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from rules.comparing import Difference, compare_definitions
from rules.describe import describe_rule
from rules.models import Book, Rule


class Standing(StrEnum):
    DRAFT = "draft"  # visitors see nothing of it
    LIVE = "live"  # they see it as it is drafted
    CHANGED = "changed"  # they see it as it was


@dataclass(frozen=True)
class Published:
    """The rules of the Book in force, by slug; number 0 before the first."""

    number: int
    at: datetime | None
    by: str
    rules: Mapping[str, Mapping[str, Any]]


def read_published() -> Published:
    newest = (
        Book.objects.order_by("-number")
        .values_list("number", "published", "published_by__username", "payload__rules")
        .first()
    )
    if newest is None:
        return Published(0, None, "", {})
    number, at, by, rules = newest
    return Published(number, at, by or "", {each["slug"]: each for each in rules or ()})


def find_standing(rule: Rule, published: Published) -> Standing:
    there = published.rules.get(rule.slug)
    if there is None:
        return Standing.DRAFT
    return Standing.LIVE if rule.live and not list_differences(rule, there) else Standing.CHANGED


def find_standings(rules: Iterable[Rule], published: Published) -> dict[str, Standing]:
    return {rule.slug: find_standing(rule, published) for rule in rules}


def list_differences(rule: Rule, there: Mapping[str, Any]) -> list[Difference]:
    """In what the draft differs from what is published; that it is not live is none of them."""
    said = describe_rule(rule)
    full = {field: there.get(field) for field in said}  # what a Book leaves out is as in a new one
    full = {**full, "caps": [{"of": "person", **cap} for cap in full["caps"] or []], "zone": full["zone"] or ""}
    return compare_definitions("rule", full, {**said, "caps": [{"of": "person", **cap} for cap in said["caps"]]})
