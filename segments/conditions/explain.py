"""Why a condition holds or not: the same tree, with what was observed at every node."""

from collections.abc import Mapping
from typing import Any

import msgspec

from profiles.profile import Profile
from segments.conditions.calendar import UTC_CALENDAR, Calendar
from segments.conditions.language import Did, DidWhen, Group, HasScore, HasTrait, InCluster, InContext, InSegment, Node
from segments.conditions.language import Sequence as SequenceNode
from segments.conditions.python import compile_leaf


class Explained(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node of the condition, evaluated. `observed` is the measure of an event, the value of a trait, context field
    or score; Unix milliseconds of a first or last time, of the newest beginning of a sequence, and of the entry into a
    segment; None for what is missing and for groups."""

    id: str
    kind: str
    matched: bool
    observed: Any = None
    children: tuple["Explained", ...] = ()


def explain(
    root: Node,
    profile: Profile,
    segments: Mapping[str, int],
    context: Mapping[str, Any],
    now: int,
    calendar: Calendar = UTC_CALENDAR,
) -> Explained:
    """The tree of `root` for one person at one moment. Every node is evaluated, also where the answer is known sooner;
    its leaves are those of the compiled condition, so that the two cannot differ."""
    if isinstance(root, Group):
        children = tuple(explain(child, profile, segments, context, now, calendar) for child in root.children)
        held = [child.matched for child in children]
        matched = all(held) if root.kind == "and" else any(held) is (root.kind == "or")
        return Explained(root.id, root.kind, matched, children=children)
    part = compile_leaf(root, calendar)
    facts = (profile, segments, context, now)
    return Explained(root.id, _KIND[type(root)], part.matches(*facts), part.observe(*facts))


_KIND: dict[type, str] = {
    Did: "event",
    DidWhen: "event",
    SequenceNode: "sequence",
    HasTrait: "trait",
    InContext: "context",
    InSegment: "segment",
    InCluster: "cluster",
    HasScore: "score",
}
