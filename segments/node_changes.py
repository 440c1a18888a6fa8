"""How two conditions differ, part by part and in words: what came, what went, what says something else."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from segments.conditions.language import BadCondition, Group, Node
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition

GROUPS = {"and": _("all of these"), "or": _("any of these"), "not": _("none of these")}
ADDED, REMOVED, CHANGED, MOVED = "added", "removed", "changed", "moved"


class NodeChange(NamedTuple):
    """One part that differs; `before` is "" of one that came, `after` of one that went."""

    what: str
    before: str
    after: str


class _Part(NamedTuple):
    node: Node
    parent: str


def compare_conditions(before: Any, after: Any) -> list[NodeChange]:
    """Every part that differs, in reading order, the ones that went last; none where either cannot be read. Parts are
    the same by their ids."""
    try:
        old, new = _list_parts(parse_condition(before)), _list_parts(parse_condition(after))
    except BadCondition:
        return []
    found = [change for id, part in new.items() if (change := _compare(old.get(id), part)) is not None]
    gone = [NodeChange(REMOVED, _say(part.node), "") for id, part in old.items() if id not in new]
    return _leave_out_groups([*found, *gone])


def _list_parts(root: Node) -> Mapping[str, _Part]:
    found: dict[str, _Part] = {}

    def enter(node: Node, parent: str) -> None:
        found[node.id] = _Part(node, parent)
        if isinstance(node, Group):
            for child in node.children:
                enter(child, node.id)

    enter(root, "")
    return found


def _compare(old: _Part | None, new: _Part) -> NodeChange | None:
    says = _say(new.node)
    if old is None:
        return NodeChange(ADDED, "", says)
    said = _say(old.node)
    if said != says:
        return NodeChange(CHANGED, said, says)
    return NodeChange(MOVED, said, says) if old.parent != new.parent else None


def _say(node: Node) -> str:
    return gettext(GROUPS[node.kind]) if isinstance(node, Group) else say_condition(node)


def _leave_out_groups(changes: list[NodeChange]) -> list[NodeChange]:
    """A group that came or went is told by its parts; it is told itself only where nothing else is."""
    groups = {gettext(said) for said in GROUPS.values()}
    parts = [each for each in changes if each.what in (CHANGED, MOVED) or (each.after or each.before) not in groups]
    return parts or changes
