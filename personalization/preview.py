"""A condition before it is published: how many people it is about, who they are, who would come and go, and why."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from personalization.wiring import read_memory
from profiles.models import StoredProfile
from profiles.organisation import find_zone
from profiles.past import fold_past
from profiles.profile import Memory, Profile, unpack
from segments.collecting import read_definitions
from segments.conditions.calendar import Calendar
from segments.conditions.explain import Explained, explain
from segments.conditions.language import (
    Did,
    DidWhen,
    Group,
    InSegment,
    Node,
    Problem,
    Sequence,
    list_leaves,
    walk,
)
from segments.conditions.python import compile_condition
from segments.conditions.sql import Answer, compile_sql
from segments.conditions.sql_events import Question
from segments.conditions.windows import find_forgotten
from segments.conditions.words import say_condition
from segments.evaluation import EXACT_MS, Changes, Counts, compare, estimate, list_crowded, list_matches
from segments.queries import read_roster
from segments.roster import name_segments

SHOWN_PEOPLE = 10
MAX_SHOWN = 200  # letters of a value
GROUPS = {"and": _("all of these"), "or": _("any of these"), "not": _("none of these")}


class Row(NamedTuple):
    """One node: how deep it lies, what it says, and of how many people it is true, give or take `margin`."""

    depth: range
    words: str
    people: int
    margin: int


@dataclass(frozen=True)
class Preview:
    """What the archive says of a condition at a moment. `changes` is None where there is nothing to compare with."""

    counts: Counts
    rows: tuple[Row, ...]
    people: tuple[UUID, ...]
    changes: Changes | None
    warnings: tuple[Problem, ...]


class Reason(NamedTuple):
    """One node of the explanation of one person: what it asks, whether it holds, and what was found."""

    depth: range
    words: str
    matched: bool
    found: str


class Previewer:
    """Questions about one condition at one moment, Unix milliseconds; None is now, of the profiles as they are.

    `slug` is the segment that the condition is going to define: what is in force of it now is compared."""

    def __init__(self, root: Node, *, at: int | None = None, slug: str = "") -> None:
        self.root = root
        self.now = time.time_ns() // 1_000_000 if at is None else at
        self.is_past = at is not None
        self._slug = slug
        self._calendar = Calendar(find_zone())
        self._memory = read_memory()
        self._roster = read_roster()

    def look(self) -> Preview:
        counts = self.count()
        return Preview(
            counts=counts,
            rows=tuple(
                Row(depth, say_node(node), counts.nodes[node.id], counts.margins[node.id])
                for depth, node in list_rows(self.root)
            ),
            people=tuple(self.list_people()),
            changes=self.compare(),
            warnings=tuple(self.warn()),
        )

    def count(self, *, patience_ms: int = EXACT_MS, sample_ms: int = 0) -> Counts:
        """Of how many people each node is true; raises OperationalError when `sample_ms` are over."""
        return estimate(self.ask, patience_ms=patience_ms, sample_ms=sample_ms)

    def list_people(self, *, limit: int = SHOWN_PEOPLE, timeout_ms: int = 0) -> list[UUID]:
        """Some who match; raises OperationalError when the time is over."""
        return list_matches(self.ask(), limit=limit, timeout_ms=timeout_ms)

    def compare(self, *, timeout_ms: int = 0) -> Changes | None:
        """Who would come and go, None where nothing is in force; raises OperationalError when the time is over."""
        key = None if self.is_past else self._roster.answers.get(self._slug)
        return None if key is None else compare(self.ask(), key, timeout_ms=timeout_ms)

    def warn(self) -> list[Problem]:
        """What is no mistake, but may not be meant."""
        return [*find_undeclared(self.root, self._memory), *find_forgotten(self.root, self._calendar, self.now)]

    def ask(self, below: UUID | None = None) -> Answer:
        """The condition as a question about everybody, or the people whose ids are below that one."""
        asked = Question(self.now, self._calendar, self._memory, self._crowded, self.is_past, below)
        # Profiles carry the segments they are in now; what they were in then follows from the definitions.
        definitions = self._definitions if self.is_past else None
        return compile_sql(self.root, asked, definitions=definitions, keys=self._roster.answers)

    @cached_property
    def _crowded(self) -> frozenset[str]:
        return list_crowded()

    @cached_property
    def _definitions(self) -> Mapping[str, Node]:
        return read_definitions(self._roster)

    def explain(self, profile_id: UUID) -> tuple[Reason, ...]:
        """Why one person matches or not, node by node."""
        return say_reasons(self.trace(profile_id))

    def trace(self, profile_id: UUID) -> list[tuple[range, Node, Explained]]:
        """The same for those who say it in words of their own. Raises StoredProfile.DoesNotExist."""
        profile = self._find_profile(profile_id)
        segments: Mapping[str, int] = profile.segments
        if self.is_past:
            segments = find_segments(self.root, self._definitions, profile, self.now, self._calendar)
        return trace(self.root, profile, segments, self.now, self._calendar)

    def _find_profile(self, profile_id: UUID) -> Profile:
        if self.is_past:
            return fold_past(profile_id, self.now, self._memory)
        stored = StoredProfile.objects.values_list("state", flat=True).get(pk=profile_id)
        return name_segments(unpack(bytes(stored)), self._roster.answers)


def trace(
    root: Node, profile: Profile, segments: Mapping[str, int], now: int, calendar: Calendar
) -> list[tuple[range, Node, Explained]]:
    """Each node in reading order, with the levels above it and what was found."""
    told = explain(root, profile, segments, {}, now, calendar)
    return [(depth, node, each) for (depth, node), each in zip(list_rows(root), flatten(told), strict=True)]


def say_reasons(traced: Iterable[tuple[range, Node, Explained]]) -> tuple[Reason, ...]:
    return tuple(
        Reason(depth, say_node(node), each.matched, say_observed(node, each.observed)) for depth, node, each in traced
    )


def find_segments(
    root: Node, definitions: Mapping[str, Node], profile: Profile, now: int, calendar: Calendar
) -> dict[str, int]:
    """Those of the segments that a condition asks for which the person is in at that moment, since when is not said."""
    found: dict[str, int] = {}
    for leaf in list_leaves(root):
        if isinstance(leaf, InSegment) and leaf.segment in definitions:
            inner = definitions[leaf.segment]
            theirs = find_segments(inner, definitions, profile, now, calendar)
            if compile_condition(inner, calendar).matches(profile, theirs, {}, now):
                found[leaf.segment] = now
    return found


def find_undeclared(root: Node, memory: Memory) -> list[Problem]:
    """Where a condition asks for a property that is not remembered: it never matches."""
    found = []
    for node in walk(root):
        steps = node.steps if isinstance(node, Sequence) else (node,) if isinstance(node, Did) else ()
        for step in steps:
            known = memory.indexed.get(step.event, memory.otherwise)
            asked = [test.name for test in step.where]
            if isinstance(step, Did) and step.of not in (None, "value"):
                asked.append(str(step.of))
            for name in sorted(set(asked) - set(known)):
                said = gettext("%(name)s of %(event)s is not indexed, and so never matches; index it in the catalogue")
                found.append(Problem(node.id, said % {"name": name, "event": step.event}))
    return found


def list_rows(node: Node, depth: int = 0) -> list[tuple[range, Node]]:
    """The nodes in reading order, each with the levels above it."""
    found = [(range(depth), node)]
    if isinstance(node, Group):
        for child in node.children:
            found += list_rows(child, depth + 1)
    return found


def flatten(told: Explained) -> list[Explained]:
    return [told, *(each for child in told.children for each in flatten(child))]


def say_node(node: Node) -> str:
    return gettext(GROUPS[node.kind]) if isinstance(node, Group) else say_condition(node)


def say_observed(node: Node, observed: Any) -> str:
    """What was compared at a node, for people to read."""
    match node:
        case Group():
            return ""
        case Did():
            return f"{observed:,.12g}"
        case DidWhen() | Sequence() | InSegment() if isinstance(observed, int):
            return f"{timezone.localtime(datetime.fromtimestamp(observed / 1000, UTC)):%Y-%m-%d %H:%M:%S}"
        case DidWhen() | Sequence():
            return gettext("never")
        case InSegment():
            return gettext("not in it")
        case _:
            return gettext("not known") if observed is None else json.dumps(observed, ensure_ascii=False)[:MAX_SHOWN]
