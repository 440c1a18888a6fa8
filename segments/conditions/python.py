"""The stream's evaluator: compiles a condition once into closures over profile, segments, context and clock."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from profiles.profile import Profile
from segments.conditions.calendar import UTC_CALENDAR, Calendar
from segments.conditions.events import compile_did, compile_did_when
from segments.conditions.language import (
    Did,
    DidWhen,
    Group,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Leaf,
    Node,
    Sequence,
    list_leaves,
)
from segments.conditions.parts import (
    Flips,
    Matches,
    Part,
    compile_cluster,
    compile_context,
    compile_score,
    compile_segment,
    compile_trait,
)
from segments.conditions.sequences import compile_sequence


@dataclass(frozen=True)
class Compiled:
    """A condition ready to run, and what it depends on. `flips` are its parts that time alone can turn, by event (None:
    those about traits).

    `only_fades`: while no event is dated ahead, time alone can end it but never begin it."""

    matches: Matches
    flips: tuple[tuple[str | None, Flips], ...]
    events: frozenset[str]
    traits: frozenset[str]
    segments: frozenset[str]
    context: frozenset[str]
    only_fades: bool

    def next_flip(self, profile: Profile, now: int, changed: Container[str | None] | None = None) -> int | None:
        """The next moment the condition could turn without a new event; of its parts about `changed` events only (None
        among them: traits), when the others' moments are known from before."""
        soonest: int | None = None
        for name, flips_at in self.flips:
            if changed is None or name in changed:
                at = flips_at(profile, now)
                if at is not None and (soonest is None or at < soonest):
                    soonest = at
        return soonest


def compile_condition(root: Node, calendar: Calendar = UTC_CALENDAR) -> Compiled:
    """Days, weeks and hours are those of `calendar`."""
    leaves = list_leaves(root)
    parts = {leaf.id: compile_leaf(leaf, calendar) for leaf in leaves}
    return Compiled(
        matches=_join(root, parts),
        flips=tuple(flip for part in parts.values() for flip in part.flips),
        events=frozenset(name for leaf in leaves for name in _events_of(leaf)),
        traits=frozenset(leaf.test.name for leaf in leaves if isinstance(leaf, HasTrait)),
        segments=frozenset(leaf.segment for leaf in leaves if isinstance(leaf, InSegment)),
        context=frozenset(leaf.test.name for leaf in leaves if isinstance(leaf, InContext)),
        only_fades=_only_fades(root, parts),
    )


def compile_leaf(leaf: Leaf, calendar: Calendar) -> Part:
    match leaf:
        case Did():
            return compile_did(leaf, calendar)
        case DidWhen():
            return compile_did_when(leaf, calendar)
        case Sequence():
            return compile_sequence(leaf, calendar)
        case HasTrait():
            return compile_trait(leaf, calendar)
        case InContext():
            return compile_context(leaf, calendar)
        case InSegment():
            return compile_segment(leaf)
        case InCluster():
            return compile_cluster(leaf, calendar)
        case HasScore():
            return compile_score(leaf, calendar)


def _events_of(leaf: Leaf) -> Iterable[str]:
    match leaf:
        case Did(event=event) | DidWhen(event=event):
            return (event,)
        case Sequence(steps=steps):
            return (step.event for step in steps)
        case _:
            return ()


def _only_fades(node: Node, parts: Mapping[str, Part]) -> bool:
    if not isinstance(node, Group):
        return parts[node.id].only_fades
    if node.kind == "not":
        return not any(parts[leaf.id].flips for leaf in list_leaves(node))
    return all(_only_fades(child, parts) for child in node.children)


def _join(node: Node, parts: Mapping[str, Part]) -> Matches:
    if not isinstance(node, Group):
        return parts[node.id].matches
    children = tuple(_join(child, parts) for child in node.children)
    if len(children) == 1 and node.kind != "not":
        return children[0]
    return _JOIN[node.kind](children)


def _compile_all(parts: tuple[Matches, ...]) -> Matches:
    def matches(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> bool:
        for part in parts:  # noqa: SIM110  # a generator for every call costs more than the loop
            if not part(profile, segments, context, now):
                return False
        return True

    return matches


def _compile_any(parts: tuple[Matches, ...]) -> Matches:
    def matches(profile: Profile, segments: Mapping[str, int], context: Mapping[str, Any], now: int) -> bool:
        for part in parts:  # noqa: SIM110
            if part(profile, segments, context, now):
                return True
        return False

    return matches


def _compile_none(parts: tuple[Matches, ...]) -> Matches:
    found = _compile_any(parts)
    return lambda profile, segments, context, now: not found(profile, segments, context, now)


_JOIN = {"and": _compile_all, "or": _compile_any, "not": _compile_none}
