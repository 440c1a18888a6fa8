"""Figures of so few people that they would tell of one of them: they are not told exactly to those to whom personal
data was not granted."""

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext

from segments.conditions.language import Did, Group, HasTrait, Node, Sequence, walk

FEW = 5


class Figure(NamedTuple):
    """How many people, give or take `margin`; in words where they are too few to say."""

    people: int | str
    margin: int = 0


def is_few(people: int, margin: int = 0) -> bool:
    return people - margin < FEW


def say_people(people: int) -> int | str:
    return gettext("fewer than %(few)s") % {"few": FEW} if people < FEW else people


def blur(people: int, margin: int = 0, *, holds_few: bool = False) -> Figure:
    """A figure as it is told. One that `holds_few`, as a part of it does, is rounded: else how it differs from the
    same without that part would tell of them."""
    if is_few(people, margin):
        return Figure(gettext("too few to estimate") if margin else say_people(people))
    if holds_few:
        return Figure(max(round(people, -1), 2 * FEW), max(margin, FEW))
    return Figure(people, margin)


def blur_nodes(root: Node, figures: Mapping[str, tuple[int, int]]) -> dict[str, Figure]:
    """What is told of each node of a condition, of its number and margin."""
    few = find_few(root, figures)
    return {
        node.id: blur(*figures[node.id], holds_few=any(each.id in few for each in walk(node)))
        for node in walk(root)
        if node.id in figures
    }


def find_few(root: Node, figures: Mapping[str, tuple[int, int]]) -> frozenset[str]:
    """The nodes that few people match."""
    return frozenset(node.id for node in walk(root) if node.id in figures and is_few(*figures[node.id]))


def asks_exactly(node: Node) -> bool:
    """Whether a row asks for values, so that with few who match its answer would tell what somebody's is."""
    match node:
        case HasTrait():
            return True
        case Did(where=where):
            return bool(where)
        case Sequence(steps=steps):
            return any(step.where for step in steps)
        case Group(children=children):
            return any(map(asks_exactly, children))
        case _:
            return False
