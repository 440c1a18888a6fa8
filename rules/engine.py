"""The Book, compiled, and the choice of what to show: pure, total, and always with its reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from itertools import groupby
from math import log
from typing import Any, NamedTuple

import msgspec

from profiles.decided import Suppressed
from profiles.profile import Profile
from rules.definitions import BlockDefinition, BookPayload, Cap, OfferDefinition, RuleDefinition
from rules.tally import EVERYBODY, KEPT_MS, Counter, name_counter, name_grant
from segments.conditions.calendar import UTC_CALENDAR, Calendar
from segments.conditions.language import AGENT_FIELDS, InContext, list_leaves
from segments.conditions.parse import parse_condition
from segments.conditions.python import Compiled, compile_condition


class Reason(StrEnum):
    """Why a slot got its answer."""

    RULE_MATCHED = "rule_matched"
    NO_RULE_MATCHED = "no_rule_matched"
    UNKNOWN_SLOT = "unknown_slot"
    TIMEOUT = "timeout"
    RENDER_FAILED = "render_failed"


class Kept(StrEnum):
    """Why a rule that held was not shown."""

    OUTSIDE_SCHEDULE = "outside_schedule"
    NO_CONSENT = "no_consent"
    UNKNOWN_PERSON = "unknown_person"
    CAP_REACHED = "cap_reached"
    TOTAL_CAP_REACHED = "total_cap_reached"
    CODES_EXHAUSTED = "codes_exhausted"
    LOWER_PRIORITY = "lower_priority"


class Offer(NamedTuple):
    slug: str
    said: OfferDefinition


@dataclass(frozen=True)
class Rule:
    """One rule ready to run; `condition` None holds for everybody. `starts` and `ends` are Unix milliseconds."""

    slug: str
    block: str
    condition: Compiled | None
    asks_person: bool = False  # whether it takes somebody who is known to answer it
    starts: int | None = None
    ends: int | None = None
    purpose: str = ""
    caps: tuple[Cap, ...] = ()
    offer: Offer | None = None
    weight: int | None = None


@dataclass(frozen=True)
class Slot:
    """`ranks` are the rules, highest priority first, those of one priority together; `ordered` are all of them where
    every person has the same order, None where some are drawn."""

    default: str | None
    ranks: tuple[tuple[Rule, ...], ...] = ()
    ordered: tuple[Rule, ...] | None = ()
    asks_history: bool = False  # whether a rule is about what people did
    asks_tally: bool = False
    capped: tuple[tuple[str, Cap], ...] = ()  # rules with a cap of everybody
    pools: tuple[str, ...] = ()  # offers with codes


@dataclass(frozen=True)
class Book:
    """A Book ready to run. Its segments are those of a roster, once they are filled (segments.roster)."""

    number: int
    slots: Mapping[str, Slot]
    blocks: Mapping[str, BlockDefinition]
    asks_agent: bool  # whether a rule is about the visitor's device, browser or system
    calendar: Calendar = UTC_CALENDAR


class Facts(msgspec.Struct, frozen=True):
    """What a choice is made of besides the Book. `draw` is what chance is taken from: the person, or the decision where
    nobody is known. `counts` are counters by their names (rules.tally), `granted` what the person was granted before,
    `stock` how many codes an offer has left, `held` the rules whose blocks the page shows already, by slot; `over` are
    counters of the person's tally whose period is."""

    profile: Profile
    context: Mapping[str, Any]
    now: int
    known: bool = True
    draw: str = ""
    counts: Mapping[str, int] = {}
    granted: Mapping[str, str] = {}
    stock: Mapping[str, int] = {}
    held: Mapping[str, str] = {}
    over: tuple[str, ...] = ()


class Choice(msgspec.Struct, frozen=True):
    """What a slot shows and why: the rule that matched and the segments it relied on, block None for nothing.

    `counters` are to be added to and `grant` is the offer to be granted, with the name of the grant, before it is
    shown. `suppressed` are rules that held, were before the shown one, and were kept back."""

    reason: Reason
    block: str | None
    rule: str | None = None
    segments: tuple[str, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    counters: tuple[Counter, ...] = ()
    grant: tuple[str, Offer] | None = None
    held: bool = False


EMPTY_BOOK = Book(0, {}, {}, asks_agent=False)
NOBODY = Profile(id="")


def compile_book(payload: BookPayload) -> Book:
    """The runnable form; raises BadCondition, which publishing has ruled out."""
    calendar = Calendar(payload.zone)
    slots = {
        slug: _compile_slot(slot.default, [rule for rule in payload.rules if rule.slot == slug], payload, calendar)
        for slug, slot in payload.slots.items()
    }
    conditions = [rule.condition for slot in slots.values() for rank in slot.ranks for rule in rank if rule.condition]
    asks_agent = any(field.startswith(AGENT_FIELDS) for condition in conditions for field in condition.context)
    return Book(payload.number, slots, payload.blocks, asks_agent, calendar)


def _compile_slot(
    default: str | None, rules: Sequence[RuleDefinition], payload: BookPayload, calendar: Calendar
) -> Slot:
    ordered = sorted(rules, key=lambda rule: (-rule.priority, rule.slug))
    ranks = tuple(
        tuple(_compile_rule(rule, payload, calendar) for rule in rank)
        for _, rank in groupby(ordered, key=lambda rule: rule.priority)
    )
    compiled = [rule for rank in ranks for rule in rank]
    return Slot(
        default,
        ranks,
        ordered=None if any(is_drawn(rank) for rank in ranks) else tuple(compiled),
        asks_history=any(rule.condition is not None and rule.condition.events for rule in compiled),
        asks_tally=any(rule.offer is not None or any(cap.of == "person" for cap in rule.caps) for rule in compiled),
        capped=tuple((rule.slug, cap) for rule in compiled for cap in rule.caps if cap.of == "everybody"),
        pools=tuple(rule.offer.slug for rule in compiled if rule.offer is not None and rule.offer.said.kind == "code"),
    )


def _compile_rule(rule: RuleDefinition, payload: BookPayload, calendar: Calendar) -> Rule:
    root = None if rule.condition is None else parse_condition(rule.condition)
    offer = payload.offers.get(rule.offer) if rule.offer is not None else None
    return Rule(
        rule.slug,
        rule.block,
        None if root is None else compile_condition(root, calendar),
        asks_person=root is not None and any(not isinstance(leaf, InContext) for leaf in list_leaves(root)),
        starts=read_moment(rule.starts),
        ends=read_moment(rule.ends),
        purpose=rule.purpose,
        caps=rule.caps,
        offer=None if offer is None or rule.offer is None else Offer(rule.offer, offer),
        weight=rule.weight,
    )


def read_moment(text: str | None) -> int | None:
    """ISO 8601 with an offset as Unix milliseconds."""
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1_000)


def choose(book: Book, slot: str, facts: Facts) -> Choice:
    """The first rule of `slot`, by priority, that holds and that nothing keeps back."""
    place = book.slots.get(slot)
    if place is None:
        return Choice(Reason.UNKNOWN_SLOT, None)
    suppressed: list[Suppressed] = []
    for rule in list_order(place, facts.draw) if place.ordered is None else place.ordered:
        if not holds(rule, facts):
            continue
        held = facts.held.get(slot) == rule.slug
        counters = () if held or not rule.caps else list_counters(rule, facts.now, book.calendar)
        kept = find_obstacle(rule, facts, counters, book.calendar)
        if kept is not None:
            suppressed.append(Suppressed(rule.slug, kept))
            continue
        condition, profile = rule.condition, facts.profile
        relied = condition.segments & profile.segments.keys() if condition is not None else ()
        return Choice(
            Reason.RULE_MATCHED,
            rule.block,
            rule.slug,
            tuple(sorted(relied)),
            tuple(suppressed),
            counters,
            None if rule.offer is None else (_name_grant(rule.offer, facts, book.calendar), rule.offer),
            held,
        )
    return Choice(Reason.NO_RULE_MATCHED, place.default, suppressed=tuple(suppressed))


def list_behind(book: Book, slot: str, choice: Choice, facts: Facts) -> tuple[Suppressed, ...]:
    """The rules after the shown one that hold as well, and why they are not shown."""
    place = book.slots.get(slot)
    if place is None or choice.rule is None:
        return ()  # all were asked
    order = list_order(place, facts.draw)
    shown = next(number for number, rule in enumerate(order) if rule.slug == choice.rule)
    found = []
    for rule in order[shown + 1 :]:
        if holds(rule, facts):
            counters = list_counters(rule, facts.now, book.calendar)
            why = find_obstacle(rule, facts, counters, book.calendar) or Kept.LOWER_PRIORITY
            found.append(Suppressed(rule.slug, why))
    return tuple(found)


def holds(rule: Rule, facts: Facts) -> bool:
    """Whether its condition does; one about a person never holds for somebody who is not to be known."""
    condition = rule.condition
    if condition is None:
        return True
    if rule.asks_person and not facts.known:
        return False
    profile = facts.profile
    return condition.matches(profile, profile.segments, facts.context, facts.now)


def find_obstacle(rule: Rule, facts: Facts, counters: Iterable[Counter], calendar: Calendar) -> Kept | None:
    """What keeps a rule back that holds: the one place where schedule, consent, caps and codes are checked."""
    if not (rule.starts is None or rule.starts <= facts.now) or not (rule.ends is None or facts.now < rule.ends):
        return Kept.OUTSIDE_SCHEDULE
    if rule.purpose:
        consent = facts.profile.consent.get(rule.purpose)
        if consent is None or consent.value is not True:
            return Kept.NO_CONSENT
    for counter in counters:
        if not facts.known and not counter.name.startswith(EVERYBODY):
            return Kept.UNKNOWN_PERSON
        if facts.counts.get(counter.name, 0) >= counter.most:
            return Kept.TOTAL_CAP_REACHED if counter.name.startswith(EVERYBODY) else Kept.CAP_REACHED
    if rule.offer is not None:
        if not facts.known:
            return Kept.UNKNOWN_PERSON
        is_new = _name_grant(rule.offer, facts, calendar) not in facts.granted
        if is_new and rule.offer.said.kind == "code" and facts.stock.get(rule.offer.slug, 0) <= 0:
            return Kept.CODES_EXHAUSTED
    return None


def list_counters(rule: Rule, at: int, calendar: Calendar) -> tuple[Counter, ...]:
    return tuple(Counter(name_counter(rule.slug, cap, at, calendar), cap.most, KEPT_MS[cap.per]) for cap in rule.caps)


def list_order(place: Slot, draw: str) -> list[Rule]:
    """All rules in the order in which they have their turn for one person."""
    return [rule for rank in place.ranks for rule in draw_order(rank, draw)]


def is_drawn(rank: Sequence[Rule]) -> bool:
    """Whether rules of one priority share people by their weights."""
    return len(rank) > 1 and any(rule.weight is not None for rule in rank)


def draw_order(rank: Sequence[Rule], draw: str) -> Sequence[Rule]:
    """Rules of one priority in the order in which they have their turn: by weight and a stable hash of who asks, so
    that each is first for its part of all people, and a rule that comes or goes moves nobody between the others."""
    if not is_drawn(rank):
        return rank
    return sorted(rank, key=lambda rule: _wait(rule, draw))


def _wait(rule: Rule, draw: str) -> float:
    """An exponential waiting time with the weight as its rate: the shortest one wins in proportion to the weights."""
    digest = blake2b(f"{rule.slug}\0{draw}".encode(), digest_size=8).digest()
    chance = (int.from_bytes(digest) + 1) / (2**64 + 1)
    return -log(chance) / (rule.weight or 1)


def _name_grant(offer: Offer, facts: Facts, calendar: Calendar) -> str:
    return name_grant(offer.slug, offer.said.every, facts.now, calendar)
