"""Which conditions a device may evaluate for itself: those that ask nothing that stays on the server."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from profiles.profile import Moment, Profile
from segments.conditions.calendar import Calendar
from segments.conditions.edge_form import write_form
from segments.conditions.language import (
    AGENT_FIELDS,
    Did,
    DidWhen,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Leaf,
    Node,
    Problem,
    Sequence,
    list_leaves,
)

WORTH = "value"  # the property that is what an event is worth


@dataclass(frozen=True)
class Device:
    """What the device in a person's hand may know of them, by name. What is not named stays on the server; what models
    say of people does so always."""

    traits: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()  # of these events


class ServerOnly(ValueError):
    """The condition is not for devices; `problems` says why, of each node that keeps it on the server."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.node}: {problem.message}" for problem in problems))


def find_server_only(root: Node, device: Device, definitions: Mapping[str, Node]) -> list[Problem]:
    """The nodes that keep the condition on the server, each with the reason; of none, a device can evaluate it.

    `definitions` are the conditions by which people are in segments now, by slug: a device finds that out for itself.
    """
    kept = _find_kept(root, device, definitions)
    return [Problem(leaf.id, reason) for leaf in list_leaves(root) for reason in _list_reasons(leaf, device, kept)]


def to_edge(root: Node, device: Device, definitions: Mapping[str, Node], calendar: Calendar) -> dict[str, Any]:
    """The condition as static/tracker/conditions.js compiles it. Raises ServerOnly."""
    if problems := find_server_only(root, device, definitions):
        raise ServerOnly(problems)
    return write_form(root, calendar)


def to_rights(device: Device, segments: Collection[str]) -> dict[str, list[str]]:
    """What conditions.js is told it may be asked: a condition about anything else is an error there, not an answer."""
    return {
        "trait": sorted(device.traits),
        "event": sorted(device.events),
        "property": sorted(device.properties),
        "segment": sorted(segments),
    }


def to_facts(profile: Profile, device: Device) -> dict[str, Any]:
    """What a device is told of a person: named traits, and named events with their named properties."""
    return {
        "traits": {name: trait.value for name, trait in profile.traits.items() if name in device.traits},
        "events": {
            name: [
                history.count,
                history.total if WORTH in device.properties else 0,
                history.first,
                history.last,
                [_tell_moment(moment, device) for moment in history.recent],
            ]
            for name, history in profile.events.items()
            if name in device.events
        },
    }


def _tell_moment(moment: Moment, device: Device) -> list[Any]:
    known = {name: value for name, value in moment.properties.items() if name in device.properties}
    return [moment.at, moment.value if WORTH in device.properties else 0, known]


def _find_kept(root: Node, device: Device, definitions: Mapping[str, Node]) -> set[str]:
    """The segments that the condition leads to and that stay on the server, those that ask for one of them included."""
    kept: set[str] = set()
    seen: set[str] = set()
    asking: dict[str, list[str]] = {}  # the segments that refer to a segment
    waiting = _list_segments(root)
    while waiting:
        slug = waiting.pop()
        if slug in seen:
            continue
        seen.add(slug)
        definition = definitions.get(slug)
        if definition is None or any(True for leaf in list_leaves(definition) for _ in _list_reasons(leaf, device, ())):
            kept.add(slug)
            continue
        for following in _list_segments(definition):
            asking.setdefault(following, []).append(slug)
            waiting.append(following)
    spreading = list(kept)
    while spreading:
        for slug in asking.get(spreading.pop(), ()):
            if slug not in kept:
                kept.add(slug)
                spreading.append(slug)
    return kept


def _list_segments(root: Node) -> list[str]:
    return [leaf.segment for leaf in list_leaves(root) if isinstance(leaf, InSegment)]


def _list_reasons(leaf: Leaf, device: Device, kept: Collection[str]) -> Iterator[str]:
    """Why a leaf has to be asked of the server; `kept` are the segments that stay there."""
    named = {"trait": device.traits, "event": device.events, "property": device.properties}
    for kind, name in list_asked(leaf):
        if kind in named and name not in named[kind]:
            yield f'the {kind} "{name}" stays on the server; name it in {_SETTINGS[kind]} if devices may know it'
        elif kind == "segment" and name in kept:
            yield f'the segment "{name}" stays on the server: its condition does, or it has none for who is in it now'
        elif kind == "field" and f"{name}.".startswith(AGENT_FIELDS):
            yield "the server reads device, browser and system out of what the browser says of itself"
        elif kind in ("cluster", "score"):
            yield "what models say of people stays on the server"


def list_asked(leaf: Leaf) -> list[tuple[str, str]]:
    """What a leaf has to know: the kind of each fact and its name, once."""
    match leaf:
        case HasTrait(test=test):
            return [("trait", test.name)]
        case Did(event=event, where=where, of=of):
            asked = [("event", event), *(("property", test.name) for test in where)]
            return list(dict.fromkeys(asked if of is None else [*asked, ("property", of)]))
        case DidWhen(event=event):
            return [("event", event)]
        case Sequence(steps=steps):
            events = [("event", step.event) for step in steps]
            return list(dict.fromkeys(events + [("property", test.name) for step in steps for test in step.where]))
        case InContext(test=test):
            return [("field", test.name)]
        case InSegment(segment=slug):
            return [("segment", slug)]
        case InCluster(test=test):
            return [("cluster", test.name)]
        case HasScore(test=test):
            return [("score", test.name)]


_SETTINGS = {"trait": "PZ_DEVICE_TRAITS", "event": "PZ_DEVICE_EVENTS", "property": "PZ_DEVICE_PROPERTIES"}
