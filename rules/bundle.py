"""The part of a Book that devices and caches may decide by themselves; where they may not, they are told to ask."""

from collections.abc import Iterable, Mapping
from typing import Any

from rules.book import LiveBook
from rules.definitions import RuleDefinition
from rules.engine import Rule, is_drawn, read_moment
from segments.conditions.edge import Device, find_server_only, to_edge, to_rights
from segments.conditions.language import InContext, InSegment, Node, list_leaves
from segments.conditions.parse import parse_condition

FORM = 1  # that static/tracker/edge.js reads

Json = dict[str, Any]


def make_bundle(live: LiveBook, device: Device) -> Json:
    """What static/tracker/edge.js decides by: every slot with its rules in their turn. A rule with `ask` is for the
    server to answer: always, or once its condition holds, because its block is made for a person."""
    payload = live.payload
    definitions = {
        each.slug: parse_condition(each.condition)
        for each in payload.segments
        if each.condition is not None and each.kind == "condition"
    }
    known = [slug for slug, root in definitions.items() if not find_server_only(root, device, definitions)]
    said = {rule.slug: rule for rule in payload.rules}
    slots: dict[str, Json] = {
        slug: {
            "default": place.default,
            "rules": [
                _write_rule(said[rule.slug], rank, live, device, definitions) for rank in place.ranks for rule in rank
            ],
        }
        for slug, place in live.book.slots.items()
    }
    calendar = live.book.calendar
    used = {rule["block"] for slot in slots.values() for rule in slot["rules"] if "block" in rule}
    used |= {slot["default"] for slot in slots.values()}
    return {
        "v": FORM,
        "book": payload.number,
        "transitions": calendar.transitions,
        "may": to_rights(device, known),
        "segments": [
            {"name": slug, "condition": to_edge(definitions[slug], device, definitions, calendar)}
            for slug in _order(known, definitions)
        ],
        "slots": slots,
        "blocks": {
            slug: block.fixed for slug, block in live.blocks.items() if slug in used and block.fixed is not None
        },
    }


def _write_rule(
    said: RuleDefinition, rank: tuple[Rule, ...], live: LiveBook, device: Device, definitions: Mapping[str, Node]
) -> Json:
    root = None if said.condition is None else parse_condition(said.condition)
    leaves = () if root is None else list_leaves(root)
    written: Json = {"rule": said.slug}
    if any(not isinstance(leaf, InContext) for leaf in leaves):
        written["person"] = True
    if said.caps or said.offer is not None or said.purpose or is_drawn(rank):
        return {**written, "ask": True}
    if root is not None:
        if find_server_only(root, device, definitions):
            return {**written, "ask": True}
        written["condition"] = to_edge(root, device, definitions, live.book.calendar)
    for name, moment in (("starts", said.starts), ("ends", said.ends)):
        if moment is not None:
            written[name] = read_moment(moment)
    if live.blocks[said.block].fixed is None:
        return {**written, "ask": True}
    return {**written, "block": said.block}


def _order(known: Iterable[str], definitions: Mapping[str, Node]) -> list[str]:
    """Each segment after those that it asks for."""
    placed: dict[str, None] = {}
    waiting = list(known)
    while waiting:
        slug = waiting.pop(0)
        asked = [leaf.segment for leaf in list_leaves(definitions[slug]) if isinstance(leaf, InSegment)]
        if all(each in placed for each in asked):
            placed[slug] = None
        else:
            waiting.append(slug)  # publishing has refused circles
    return list(placed)
