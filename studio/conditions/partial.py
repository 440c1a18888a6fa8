"""A condition while it is written: what of it can be asked already, and what only a visit can answer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from segments.conditions.language import BadCondition, Group, InContext, Node, Problem, walk
from segments.conditions.parse import parse_condition

ROUNDS = 6  # problems are told twenty at a time


@dataclass(frozen=True)
class Partial:
    """The rows that say something, and what is wrong with the others; `root` is None when there are none."""

    root: Node | None
    problems: tuple[Problem, ...] = ()


def read_partial(tree: object) -> Partial:
    """Leaves out every node that has a problem, as if its row were not there, and groups with nothing left in them."""
    problems: list[Problem] = []
    for _ in range(ROUNDS):
        try:
            return Partial(parse_condition(tree), tuple(problems))
        except BadCondition as error:
            problems += error.problems
            wrong = {problem.node for problem in error.problems}
            tree = _leave_out(tree, wrong)
            if tree is None:
                break
    return Partial(None, tuple(problems))


def _leave_out(tree: object, wrong: set[str]) -> object:
    if not isinstance(tree, Mapping) or not isinstance(tree.get("root"), Mapping):
        return None
    root = _prune(tree["root"], wrong)
    return None if root is None else {**tree, "root": root}


def _prune(node: Mapping[str, Any], wrong: set[str]) -> Mapping[str, Any] | None:
    if not isinstance(node.get("children"), list):
        return None if node.get("id") in wrong else node
    children = [_prune(child, wrong) for child in node["children"] if isinstance(child, Mapping)]
    kept = [child for child in children if child is not None]
    return {**node, "children": kept} if kept else None


def find_by_visit(root: Node) -> frozenset[str]:
    """The nodes that ask the context of a visit, themselves or inside."""
    return frozenset(node.id for node in walk(root) if any(isinstance(each, InContext) for each in walk(node)))


def bound_by_visit(root: Node, *, best: bool = True) -> Node | bool:
    """The condition as of the visit that suits a person best: whoever could match in some visit, matches. Or as of the
    one that suits them worst."""
    return _bound(root, best)


def _bound(node: Node, visit: bool) -> Node | bool:
    """With every question about the visit answered by `visit`, and the other way round below a `not`."""
    if isinstance(node, InContext):
        return visit
    if not isinstance(node, Group):
        return node
    children = [_bound(child, visit is not (node.kind == "not")) for child in node.children]
    decides = node.kind != "and"  # the answer of one child that makes the others idle: of `not`, turned round
    if any(child is decides for child in children):
        return decides is not (node.kind == "not")
    kept = tuple(child for child in children if not isinstance(child, bool))
    return replace(node, children=kept) if kept else decides is (node.kind == "not")
