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
from segments.conditions.words import say_condition
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
    slots = [_tell_slot(slot, told, rules, private) for slot, told in explanation.slots.items()]
    return Told(explanation.same, slots)


def _tell_slot(
    slot: str, told: SlotExplained, rules: Mapping[str, RuleDefinition], private: Private | None
) -> SlotTold:
    recorded, answer = told.recorded, told.answer
    return SlotTold(
        slot,
        told.same,
        _say_answer(recorded.reason, recorded.rule, rules),
        _say_answer(answer.reason, answer.rule, rules),
        [_tell_rule(each, rules[each.rule], private) for each in told.rules],
    )


def _say_answer(reason: str, rule: str | None, rules: Mapping[str, RuleDefinition]) -> str:
    if rule is None:
        return say_reason(reason)
    return f"{say_reason(reason)}: {rules[rule].name or rule if rule in rules else rule}"


def _tell_rule(told: RuleExplained, said: RuleDefinition, private: Private | None) -> RuleTold:
    tree = None
    if told.condition is not None and said.condition is not None:
        tree = _tell_node(parse_condition(said.condition), told.condition, private)
    kept = "" if told.kept is None else say_kept(told.kept)
    return RuleTold(told.rule, told.name or told.rule, told.priority, told.shown, told.held, kept, tree)


def _tell_node(node: Node, told: Explained, private: Private | None) -> NodeTold:
    if isinstance(node, Group):
        children = [_tell_node(child, each, private) for child, each in zip(node.children, told.children, strict=True)]
        return NodeTold(str(GROUPS[node.kind]), told.matched, "", children)
    if private is not None and hides_finding(node, private):
        return NodeTold(say_condition(node), told.matched, HIDDEN)
    return NodeTold(say_condition(node), told.matched, say_observed(node, _mask(node, told.observed, private)))


def _mask(node: Node, observed: Any, private: Private | None) -> Any:
    """What says who somebody is, for those from whom something is `private`; None: for those who see all of it."""
    if private is not None and isinstance(node, HasTrait | InContext):
        return mask_values(observed, node.test.name)
    return observed
