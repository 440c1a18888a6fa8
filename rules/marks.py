"""Marks in a Book: which nodes keep a condition on the server; without one a device could evaluate it."""

from collections.abc import Mapping
from typing import Any

from segments.conditions.edge import Device, find_server_only
from segments.conditions.language import Node
from segments.conditions.parse import parse_condition

MARK = "server_only"  # ids of nodes; none: for devices too; null: nothing that a device could evaluate


def mark_server_only(payload: Mapping[str, Any], device: Device) -> dict[str, Any]:
    """The payload of a Book with the mark at each segment and rule. Raises BadCondition, which publishing rules out.

    What a device may know is a setting and no part of a Book: each publication marks anew, one that goes back too."""
    segments, rules = payload.get("segments", ()), payload.get("rules", ())
    roots = {each["slug"]: parse_condition(each["condition"]) for each in segments if _asks_of_now(each)}

    def mark(root: Node) -> list[str]:
        return list(dict.fromkeys(problem.node for problem in find_server_only(root, device, roots)))

    def mark_segment(slug: str) -> list[str] | None:
        return mark(roots[slug]) if slug in roots else None

    def mark_rule(condition: object) -> list[str]:
        return mark(parse_condition(condition)) if condition else []  # it holds for everybody

    return {
        **payload,
        "segments": [{**each, MARK: mark_segment(each["slug"])} for each in segments],
        "rules": [{**each, MARK: mark_rule(each.get("condition"))} for each in rules],
    }


def _asks_of_now(segment: Mapping[str, Any]) -> bool:
    """Whether its condition says who is in it now: a list has none, and that of a snapshot is about a moment past."""
    return bool(segment.get("condition")) and segment.get("kind", "condition") == "condition"
