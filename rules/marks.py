"""Marks in a Book: which nodes keep a condition on the server; without one a device could evaluate it."""

from collections.abc import Mapping
from typing import Any

from segments.conditions.edge import Device, find_server_only
from segments.conditions.language import Node
from segments.conditions.parse import parse_condition

MARK = "server_only"  # ids of nodes; none: for devices too; null: without a condition, so for the server


def mark_server_only(payload: Mapping[str, Any], device: Device) -> dict[str, Any]:
    """The payload of a Book with the mark at each segment and rule. Raises BadCondition, which publishing rules out.

    What a device may know is a setting and no part of a Book: each publication marks anew, one that goes back too."""
    definitions = {
        each["slug"]: parse_condition(each["condition"])
        for each in payload["segments"]
        if each.get("condition") is not None
    }

    def mark(root: Node) -> list[str]:
        return list(dict.fromkeys(problem.node for problem in find_server_only(root, device, definitions)))

    segments = [
        {**each, MARK: mark(definitions[each["slug"]]) if each["slug"] in definitions else None}
        for each in payload["segments"]
    ]
    rules = [
        {**each, MARK: [] if each["condition"] is None else mark(parse_condition(each["condition"]))}
        for each in payload["rules"]
    ]
    return {**payload, "segments": segments, "rules": rules}
