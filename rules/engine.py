"""The Book, compiled, and the choice of what to show: pure, total, and always with its reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from profiles.profile import Profile
from rules.definitions import BlockDefinition, BookPayload, RuleDefinition
from segments.conditions.calendar import Calendar
from segments.conditions.language import AGENT_FIELDS
from segments.conditions.parse import parse_condition
from segments.conditions.python import Compiled, compile_condition


class Reason(StrEnum):
    """Why a slot got its answer."""

    RULE_MATCHED = "rule_matched"
    NO_RULE_MATCHED = "no_rule_matched"
    UNKNOWN_SLOT = "unknown_slot"
    TIMEOUT = "timeout"
    RENDER_FAILED = "render_failed"


@dataclass(frozen=True)
class Rule:
    """One rule ready to run; `condition` None holds for everybody."""

    slug: str
    block: str
    condition: Compiled | None


@dataclass(frozen=True)
class Slot:
    default: str | None
    rules: tuple[Rule, ...]  # highest priority first


@dataclass(frozen=True)
class Book:
    """A Book ready to run. Its segments are those of a roster, once they are filled (segments.roster)."""

    number: int
    slots: Mapping[str, Slot]
    blocks: Mapping[str, BlockDefinition]
    asks_agent: bool  # whether a rule is about the visitor's device, browser or system


@dataclass(frozen=True)
class Choice:
    """What a slot shows and why: the rule that matched and the segments it relied on, block None for nothing."""

    reason: Reason
    block: str | None
    rule: str | None = None
    segments: tuple[str, ...] = ()


EMPTY_BOOK = Book(0, {}, {}, asks_agent=False)
NOBODY = Profile(id="")


def compile_book(payload: BookPayload) -> Book:
    """The runnable form; raises BadCondition, which publishing has ruled out."""
    calendar = Calendar(payload.zone)
    slots = {
        slug: Slot(slot.default, tuple(_compile_rules((rule for rule in payload.rules if rule.slot == slug), calendar)))
        for slug, slot in payload.slots.items()
    }
    conditions = [rule.condition for slot in slots.values() for rule in slot.rules if rule.condition]
    asks_agent = any(field.startswith(AGENT_FIELDS) for condition in conditions for field in condition.context)
    return Book(payload.number, slots, payload.blocks, asks_agent)


def _compile_rules(rules: Iterable[RuleDefinition], calendar: Calendar) -> Sequence[Rule]:
    ordered = sorted(rules, key=lambda rule: (-rule.priority, rule.slug))
    return [
        Rule(
            rule.slug,
            rule.block,
            None if rule.condition is None else compile_condition(parse_condition(rule.condition), calendar),
        )
        for rule in ordered
    ]


def choose(book: Book, slot: str, profile: Profile, context: Mapping[str, Any], now: int) -> Choice:
    """The first rule of `slot`, by priority, that holds for `profile` in `context` at `now` (Unix milliseconds)."""
    place = book.slots.get(slot)
    if place is None:
        return Choice(Reason.UNKNOWN_SLOT, None)
    for rule in place.rules:
        condition = rule.condition
        if condition is None:
            return Choice(Reason.RULE_MATCHED, rule.block, rule.slug)
        if condition.matches(profile, profile.segments, context, now):
            relied = tuple(sorted(slug for slug in condition.segments if slug in profile.segments))
            return Choice(Reason.RULE_MATCHED, rule.block, rule.slug, relied)
    return Choice(Reason.NO_RULE_MATCHED, place.default)
