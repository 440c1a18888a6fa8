"""A decision answered again from what is kept: the Book, the archive and the recorded facts; with every reason."""

from collections.abc import Callable

import msgspec
from django.utils.translation import gettext

from personalization.answering import Answered, choose_all, show
from profiles.decided import SlotAnswer, Suppressed
from profiles.past import fold_known, to_milliseconds
from profiles.profile import Memory
from rules.book import LiveBook, load_book
from rules.definitions import RuleDefinition
from rules.engine import NOBODY, Choice, Facts, Kept, Rule, find_obstacle, holds, list_counters, list_order
from rules.models import Book, Decision, Grant
from rules.tally import GRANT
from segments.conditions.explain import Explained, explain
from segments.conditions.parse import parse_condition


class RuleExplained(msgspec.Struct, omit_defaults=True):
    """One rule of the slot: whether its condition held, node by node, and why it was not shown if it did."""

    rule: str
    name: str
    priority: int
    held: bool
    shown: bool = False
    kept: Kept | None = None
    condition: Explained | None = None


class SlotExplained(msgspec.Struct):
    """What the slot was answered then, what the same facts are answered now, and every rule in its turn."""

    recorded: SlotAnswer
    answer: Answered
    same: bool
    rules: tuple[RuleExplained, ...]


class Explanation(msgspec.Struct, rename="camel"):
    """`same` says that every slot was chosen the same again; an answer that differs is told as it is."""

    decision_id: str
    at: int
    book: int
    door: str
    source: str
    profile_id: str | None
    same: bool
    slots: dict[str, SlotExplained]


class NotExplainable(Exception):
    """What the decision was made of is not kept any more; the message says what."""


def explain_decision(decision: Decision, memory: Memory, books: Callable[[int], LiveBook] | None = None) -> Explanation:
    """Raises NotExplainable. `memory` says what profiles remember; `books` remembers Books for those who explain many
    decisions."""
    book, facts, recorded = recall_facts(decision, memory, books or read_book)
    choices = choose_all(book.book, list(recorded), facts)
    slots = {
        slot: SlotExplained(
            recorded[slot],
            show(book, slot, choice, facts),
            _record(slot, choice) == recorded[slot],
            _explain_rules(book, slot, choice, facts),
        )
        for slot, choice in choices.items()
    }
    return Explanation(
        decision.id.hex,
        to_milliseconds(decision.at),
        decision.book,
        decision.door,
        decision.source,
        None if decision.profile_id is None else decision.profile_id.hex,
        all(each.same for each in slots.values()),
        slots,
    )


def recall_facts(
    decision: Decision, memory: Memory, books: Callable[[int], LiveBook]
) -> tuple[LiveBook, Facts, dict[str, SlotAnswer]]:
    """What a decision was made of: its Book, its facts, and what was recorded for each slot."""
    recorded = {each["slot"]: msgspec.convert(each, _SlotAnswer).said() for each in decision.answers}
    now, kept = to_milliseconds(decision.at), decision.facts
    facts = Facts(NOBODY, decision.context, now, known=False, draw=decision.id.hex)
    if decision.profile_id is not None:
        profile = fold_known(decision.profile_id, decision.position, decision.at, memory)
        facts = msgspec.structs.replace(
            facts,
            profile=msgspec.structs.replace(profile, segments=dict(kept["members"])),
            known=True,
            draw=decision.profile_id.hex,
        )
    granted = {
        f"{GRANT}{each.offer}:{each.period}": each.code for each in Grant.objects.filter(decision_id=decision.id)
    }
    facts = msgspec.structs.replace(
        facts,
        counts=kept["counts"],
        stock=kept["stock"],
        granted={**kept["granted"], **granted},
        held=kept["held"],
    )
    return books(decision.book), facts, recorded


def read_book(number: int) -> LiveBook:
    """Raises NotExplainable for one that is not kept."""
    payload = Book.objects.filter(number=number).values_list("payload", flat=True).first()
    if payload is None:
        raise NotExplainable(gettext("Book %(number)s is not kept") % {"number": number})
    return load_book(msgspec.json.encode({**payload, "number": number}))


def _record(slot: str, choice: Choice) -> SlotAnswer:
    return SlotAnswer(slot, choice.reason, choice.block, choice.rule, choice.segments, choice.suppressed, choice.held)


def _explain_rules(book: LiveBook, slot: str, choice: Choice, facts: Facts) -> tuple[RuleExplained, ...]:
    place = book.book.slots.get(slot)
    said = {rule.slug: rule for rule in book.payload.rules}
    ordered = list_order(place, facts.draw) if place is not None else []
    explained = []
    is_lower = False
    for rule in ordered:
        each = _explain_rule(book, said[rule.slug], rule, facts)
        if rule.slug == choice.rule:
            each, is_lower = msgspec.structs.replace(each, shown=True, kept=None), True
        elif is_lower and each.held and each.kept is None:
            each = msgspec.structs.replace(each, kept=Kept.LOWER_PRIORITY)
        explained.append(each)
    return tuple(explained)


def _explain_rule(book: LiveBook, said: RuleDefinition, rule: Rule, facts: Facts) -> RuleExplained:
    profile, calendar = facts.profile, book.book.calendar
    tree = None
    if said.condition is not None:
        root = parse_condition(said.condition)
        tree = explain(root, profile, profile.segments, facts.context, facts.now, calendar)
    held = holds(rule, facts)
    kept = find_obstacle(rule, facts, list_counters(rule, facts.now, calendar), calendar) if held else None
    return RuleExplained(rule.slug, said.name, said.priority, held, kept=kept, condition=tree)


class _SlotAnswer(msgspec.Struct):
    """A recorded answer in the form in which PostgreSQL keeps it."""

    slot: str
    reason: str
    block: str | None
    rule: str | None
    segments: tuple[str, ...]
    suppressed: tuple[Suppressed, ...]
    held: bool

    def said(self) -> SlotAnswer:
        return SlotAnswer(*(getattr(self, name) for name in self.__struct_fields__))
