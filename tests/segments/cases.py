"""The cases of the condition language: JSON tables that a marketer can read, as every engine is asked about them.

    from tests.segments.cases import load_cases
    for case in load_cases():
        case.root, case.calendar, case.now, case.context  # what is asked
        case.profile  # folded from `case.events` by the real code: the stream
        case.rows     # the same events as rows of the archive: SQL
        case.facts    # the same person as JSON: the browser
        case.matches  # the answer, whoever is asked

A case is an object with `name`, `condition` (a node; ids may be left out) and `matches`. Everything else may be left
out, or be said once for the whole table under `given`: `now` and `zone`; `events`, each with `name`, `at`, and perhaps
`value` (what it is worth), `properties`, `received` (when it came, else when it happened or now) or `traits` (an
identify call); `times` repeats an event, each a millisecond before the one before it. `traits`, `segments` (slugs),
`cluster`, `scores` and `context`. `flips` is the first moment at which the answer turns without a new event, null for
never; `observed` is what the root node compares. Moments are instants of ISO 8601.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

from profiles.event import Event
from profiles.profile import Memory, Profile, fold
from segments.conditions.calendar import Calendar
from segments.conditions.dates import read_date
from segments.conditions.edge import Device, list_asked, to_facts
from segments.conditions.edge_form import write_form
from segments.conditions.language import Node, list_leaves
from segments.conditions.parse import parse_condition

FOLDER = Path(__file__).parent.parent / "cases" / "conditions"
NOT_CASES = ("refused",)
DECLARED = (
    *("category", "price", "colour", "size", "due", "vip", "rating", "note", "quantity"),
    *("products.category", "products.price", "value"),
)
MEMORY = Memory(otherwise=DECLARED)
UNSAID = object()  # the flip of a case that says nothing of it
PROFILE = "0f" * 16
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IDENTIFIED_BEFORE_MS = 3_600_000  # when `traits` were set, before now


@dataclass(frozen=True)
class Case:
    """One question, everything it is about, and its answer. Moments are Unix milliseconds."""

    table: str
    name: str
    told: dict[str, Any]  # as the table has it, with what is given for all

    def ask_at(self, now: int) -> "Case":
        """The same question at another moment."""
        return Case(self.table, self.name, {**self.told, "now": to_instant(now)})

    @cached_property
    def tree(self) -> dict[str, Any]:
        return {"v": 1, "root": with_ids(self.told["condition"])}

    @cached_property
    def root(self) -> Node:
        return parse_condition(self.tree)

    @cached_property
    def calendar(self) -> Calendar:
        return calendar_of(self.told.get("zone", "UTC"))

    @cached_property
    def now(self) -> int:
        return to_ms(self.told["now"])

    @property
    def context(self) -> dict[str, Any]:
        return self.told.get("context", {})  # type: ignore[no-any-return]

    @property
    def matches(self) -> bool:
        return self.told["matches"]  # type: ignore[no-any-return]

    @cached_property
    def flips(self) -> Any:
        """Milliseconds; None for never; UNSAID where the case does not say."""
        flips = self.told.get("flips", UNSAID)
        return to_ms(flips) if isinstance(flips, str) else flips

    @cached_property
    def events(self) -> list[Event]:
        """In the order in which they came."""
        events = [event for told in self.told.get("events", []) for event in _read_event(told, self.now)]
        if traits := self.told.get("traits"):
            at = self.now - IDENTIFIED_BEFORE_MS
            events.append(
                Event(id="", source="", type="identify", name="Identified", at=at, received=at, traits=traits)
            )
        return [
            msgspec.structs.replace(event, id=f"m{number}", source="shop", user_id="ann")
            for number, event in enumerate(events)
        ]

    @cached_property
    def segments(self) -> dict[str, int]:
        return dict.fromkeys(self.told.get("segments", []), self.now - IDENTIFIED_BEFORE_MS)

    @cached_property
    def profile(self) -> Profile:
        """The person as the stream has folded them."""
        profile = Profile(
            id=PROFILE,
            user_id="ann",
            segments=self.segments,
            cluster=self.told.get("cluster"),
            scores=self.told.get("scores", {}),
        )
        for event in self.events:
            profile = fold(profile, event, MEMORY)
        return profile

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The events as the columns of `profiles_archivedevent`, in the order in which they came."""
        return [
            {
                "at": EPOCH + timedelta(milliseconds=event.at),
                "received": EPOCH + timedelta(milliseconds=event.received),
                "source": event.source,
                "message_id": event.id,
                "profile_id": PROFILE,
                "type": event.type,
                "name": event.name,
                "anonymous_id": event.anonymous_id,
                "user_id": event.user_id,
                "value": event.value,
                "properties": event.properties,
                "traits": event.traits,
                "context": {},
                "entered": [],
                "left": [],
            }
            for event in self.events
        ]

    @cached_property
    def asked(self) -> dict[str, list[str]]:
        """The names of the facts that are asked about, by their kind."""
        asked = [each for leaf in list_leaves(self.root) for each in list_asked(leaf)]
        return {kind: [name for each, name in asked if each == kind] for kind in dict(asked)}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The question and the folded person as JSON, as a browser gets them that may know everything."""
        profile = self.profile
        device = Device(frozenset(profile.traits), frozenset(profile.events), frozenset(DECLARED))
        return {
            "condition": write_form(self.root, self.calendar),
            "zone": self.calendar.zone,
            "may": self.asked,
            "profile": {**to_facts(profile, device), "cluster": profile.cluster, "scores": profile.scores},
            "segments": profile.segments,
            "context": self.context,
            "now": self.now,
        }


@cache
def load_cases() -> tuple[Case, ...]:
    """Every case of every table."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        if path.stem not in NOT_CASES:
            table = json.loads(path.read_text())
            found += [Case(path.stem, case["name"], {**table["given"], **case}) for case in table["cases"]]
    return tuple(found)


@cache
def calendar_of(zone: str) -> Calendar:
    return Calendar(zone)


def with_ids(node: dict[str, Any], id: str = "root") -> dict[str, Any]:
    """The tables leave ids out for the reader's sake."""
    if "children" not in node:
        return {"id": id, **node}
    children = [with_ids(child, f"{id}.{number}") for number, child in enumerate(node["children"], start=1)]
    return {"id": id, **node, "children": children}


def to_ms(instant: str) -> int:
    at = read_date(instant)
    assert isinstance(at, int), f"{instant!r} is no instant"
    return at


def to_instant(ms: int) -> str:
    """The other way round, as short as it can be told."""
    text = (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return text.replace(".000Z", "Z")


def _read_event(told: dict[str, Any], now: int) -> list[Event]:
    at, properties = to_ms(told["at"]), dict(told.get("properties", {}))
    if "value" in told:
        properties["value"] = told["value"]
    received = to_ms(told["received"]) if "received" in told else min(at, now)
    traits = told.get("traits")
    event = Event(
        id="",
        source="",
        type="track" if traits is None else "identify",
        name=told["name"] if traits is None else "Identified",
        at=at,
        received=received,
        properties=properties,
        traits=traits or {},
    )
    assert told.keys() <= {"name", "at", "value", "properties", "received", "traits", "times"}
    return [
        msgspec.structs.replace(event, at=at - number, received=received - number)
        for number in range(told.get("times", 1))
    ]
