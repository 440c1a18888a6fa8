"""What a cache may serve to everybody with the same key: a Book of the rules that ask for nothing else."""

from collections.abc import Collection

import msgspec

from profiles.profile import Profile
from rules.book import LiveBook
from rules.definitions import RuleDefinition
from rules.engine import Book, Facts, Rule, Slot, compile_book, is_drawn
from segments.conditions.language import InSegment, list_leaves
from segments.conditions.parse import parse_condition


def keep_cacheable(live: LiveBook, segments: Collection[str]) -> Book:
    """The Book without the rules that ask about anything but `segments`, that count, grant or need consent, or that are
    drawn by weight."""
    drawn = {rule.slug for place in live.book.slots.values() for rank in place.ranks for rule in rank if is_drawn(rank)}
    kept = tuple(rule for rule in live.payload.rules if rule.slug not in drawn and _is_cacheable(rule, segments))
    return compile_book(msgspec.structs.replace(live.payload, rules=kept))


def _is_cacheable(rule: RuleDefinition, segments: Collection[str]) -> bool:
    if rule.caps or rule.offer is not None or rule.purpose:
        return False
    if rule.condition is None:
        return True
    leaves = list_leaves(parse_condition(rule.condition))
    return all(isinstance(leaf, InSegment) and leaf.segment in segments for leaf in leaves)


def somebody_in(segments: Collection[str], now: int) -> Facts:
    """Whoever has a key: in these segments, and otherwise unknown."""
    return Facts(Profile(id="", segments=dict.fromkeys(segments, now)), {}, now)


def find_next_turn(book: Book, slot: str, now: int) -> int | None:
    """The next moment (Unix milliseconds) at which the schedule of a rule of the slot begins or ends."""
    place = book.slots.get(slot, Slot(None))
    rules: list[Rule] = [rule for rank in place.ranks for rule in rank]
    turns = [at for rule in rules for at in (rule.starts, rule.ends) if at is not None and at > now]
    return min(turns, default=None)
