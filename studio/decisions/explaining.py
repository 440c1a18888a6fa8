"""A decision answered again, as the page shows it: every rule in its turn, its condition as a tree with findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personalization.preview import say_observed
from personalization.replaying import Explanation, RuleExplained, SlotExplained, explain_decision, read_book
from personalization.wiring import read_memory
from rules.book import LiveBook
from rules.definitions import RuleDefinition
from rules.models import Decision
from segments.conditions.explain import Explained
from segments.conditions.language import Group, HasTrait, InContext, Node
from segments.conditions.parse import parse_condition
from studio.conditions.named import read_names, say_named
from studio.decisions.words import GROUPS, say_kept, say_reason
from studio.masking import HIDDEN, mask_values
from studio.private import Private, find_hidden, hides_finding


@dataclass(frozen=True)
class NodeTold:
    """One node: what it asks, whether it held, and what was found."""

    words: str
    matched: bool
    found: str
    children: Sequence["NodeTold"] = ()


@dataclass(frozen=True)
class RuleTold:
    slug: str
    name: str
    priority: int
    shown: bool
    held: bool
    kept: str
    tree: NodeTold | None


@dataclass(frozen=True)
class SlotTold:
    """`then` and `now` are what was answered and what is, in words; they differ where `same` is false."""

    slot: str
    same: bool
    then: str
    now: str
    rules: Sequence[RuleTold]


@dataclass(frozen=True)
class Told:
    same: bool
    slots: Sequence[SlotTold]


def tell_explanation(decision: Decision, *, sees_personal_data: bool) -> Told:
    """Raises NotExplainable."""
    books: dict[int, LiveBook] = {}

    def read(number: int) -> LiveBook:
        return books.setdefault(number, books.get(number) or read_book(number))

    explanation: Explanation = explain_decision(decision, read_memory(), read)
    rules = {rule.slug: rule for rule in books[decision.book].payload.rules}
    private = None if sees_personal_data else find_hidden(sees=False)
    tried = [rules[each.rule] for slot in explanation.slots.values() for each in slot.rules]
    trees = {rule.slug: parse_condition(rule.condition) for rule in tried if rule.condition is not None}
    words = _Words(rules, trees, read_names(trees.values()), private)
    slots = [_tell_slot(slot, told, words) for slot, told in explanation.slots.items()]
    return Told(explanation.same, slots)


@dataclass(frozen=True)
class _Words:
    """What it is told with: rules and their conditions by slug, names of audiences, and what is private."""

    rules: Mapping[str, RuleDefinition]
    trees: Mapping[str, Node]
    names: Mapping[str, str]
    private: Private | None


def _tell_slot(slot: str, told: SlotExplained, words: _Words) -> SlotTold:
    recorded, answer = told.recorded, told.answer
    return SlotTold(
        slot,
        told.same,
        _say_answer(recorded.reason, recorded.rule, words.rules),
        _say_answer(answer.reason, answer.rule, words.rules),
        [_tell_rule(each, words) for each in told.rules],
    )


def _say_answer(reason: str, rule: str | None, rules: Mapping[str, RuleDefinition]) -> str:
    if rule is None:
        return say_reason(reason)
    return f"{say_reason(reason)}: {rules[rule].name or rule if rule in rules else rule}"


def _tell_rule(told: RuleExplained, words: _Words) -> RuleTold:
    tree = None
    if told.condition is not None and told.rule in words.trees:
        tree = _tell_node(words.trees[told.rule], told.condition, words)
    kept = "" if told.kept is None else say_kept(told.kept)
    return RuleTold(told.rule, told.name or told.rule, told.priority, told.shown, told.held, kept, tree)


def _tell_node(node: Node, told: Explained, words: _Words) -> NodeTold:
    if isinstance(node, Group):
        children = [_tell_node(child, each, words) for child, each in zip(node.children, told.children, strict=True)]
        return NodeTold(str(GROUPS[node.kind]), told.matched, "", children)
    said, private = say_named(node, words.names), words.private
    if private is not None and hides_finding(node, private):
        return NodeTold(said, told.matched, HIDDEN)
    return NodeTold(said, told.matched, say_observed(node, _mask(node, told.observed, private)))


def _mask(node: Node, observed: Any, private: Private | None) -> Any:
    """What says who somebody is, for those from whom something is `private`; None: for those who see all of it."""
    if private is not None and isinstance(node, HasTrait | InContext):
        return mask_values(observed, node.test.name)
    return observed
