"""What speaks against saving a draft: every problem with its field, the same for every door it may come through."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from msgspec.structs import replace

from profiles.writing import write_number
from rules.checking import Trouble, check_offer, check_rule
from rules.definitions import BlockDefinition, BookPayload, OfferDefinition, RuleDefinition, SlotDefinition
from rules.describe import AnyDraft, describe_block, describe_draft, describe_offer, describe_rule, describe_slot
from rules.fitting import find_misfits
from rules.models import PERIODS, Block, Offer, Rule, Slot
from rules.render import BadBlock, compile_block
from segments.conditions.calendar import is_zone
from segments.conditions.language import BadCondition
from segments.conditions.operands import UNSTORABLE
from segments.conditions.parse import parse_condition
from segments.forms import BadJson, read_json
from segments.kinds import find_kind_problem
from segments.membership import SegmentCycle, compile_segments
from segments.models import Segment

MAX_DEFINITION = 200_000  # characters of all that a draft says
NEEDED = {  # without these nothing can be said of the rest
    *("slug", "slot", "block", "starts", "ends", "zone", "channel", "kinds", "kind", "every", "points"),
}
AHEAD = timedelta(minutes=1)  # that another clock may be
ORDER = {period: number for number, (period, _) in enumerate(PERIODS)}

_ROW = re.compile(r"\[(\d+)\]")
_UNSTORABLE = re.compile(UNSTORABLE)


class BadDraft(ValueError):
    """The draft cannot be saved; `problems` says of each field why, of "" that it is about the whole."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple((field, message) for field, message in problems)
        super().__init__("; ".join(f"{field}: {message}" if field else message for field, message in self.problems))


def tidy_draft(draft: AnyDraft) -> None:
    """What can be said in several ways is kept in one, so that no revision differs by it alone."""
    if isinstance(draft, Segment) and isinstance(draft.as_of, datetime) and draft.as_of.tzinfo is not None:
        draft.as_of = draft.as_of.astimezone(UTC)
    if isinstance(draft, Block):
        draft.source, draft.subject, draft.text = (
            text.replace("\r\n", "\n") if isinstance(text, str) else text
            for text in (draft.source, draft.subject, draft.text)
        )
    if isinstance(draft, Slot) and isinstance(draft.kinds, list | tuple):
        draft.kinds = sorted(set(draft.kinds))
    if isinstance(draft, Rule):
        draft.caps = _tidy_caps(draft.caps)


def _tidy_caps(caps: Any) -> Any:
    if not isinstance(caps, list | tuple) or not all(isinstance(cap, dict) for cap in caps):
        return caps  # of which it is said what is wrong
    told = [{"of": "person", **cap} for cap in caps]
    return sorted(told, key=lambda cap: (str(cap["of"]) != "person", ORDER.get(str(cap.get("per")), 9)))


def find_draft_problems(draft: AnyDraft, *, at: datetime) -> list[Trouble]:
    """Everything that is wrong with a draft that is to be saved at a moment."""
    found = [*_check_fields(draft)]
    named = {each.field for each in found}
    if not named & NEEDED:
        found += [each for each in _check_content(draft, at) if each.field not in named]
    return found


def _check_fields(draft: AnyDraft) -> Iterator[Trouble]:
    """What the fields themselves refuse: too long, none of the choices, a slug that is taken or changed."""
    for check in (draft.clean_fields, draft.validate_unique):
        try:
            check()
        except ValidationError as error:
            for field, messages in error.message_dict.items():
                yield from (Trouble("" if field == "__all__" else field, message) for message in messages)
    if draft.pk is not None and type(draft)._default_manager.filter(pk=draft.pk).exclude(slug=draft.slug).exists():
        yield Trouble("slug", gettext("it is what others know it by, and stays as it is; make another one instead"))
    if isinstance(draft, Rule):
        yield from _check_moments(draft)


def _check_moments(rule: Rule) -> Iterator[Trouble]:
    """Whether its moments can be said in its zone."""
    if rule.zone and not is_zone(rule.zone):
        said = gettext("there is no time zone %(zone)s; use one such as Europe/Berlin")
        yield Trouble("zone", said % {"zone": rule.zone})
    for field, at in (("starts", rule.starts), ("ends", rule.ends)):
        if isinstance(at, datetime) and (at.tzinfo is None or not 1970 <= at.year < 3000):
            yield Trouble(field, gettext("it must be a moment of our days, with its time zone"))


def _check_content(draft: AnyDraft, at: datetime) -> Iterator[Trouble]:
    said = describe_draft(draft)
    try:
        written = json.dumps(said)
    except (ValueError, TypeError, RecursionError):
        yield Trouble("", gettext("it holds something that is not JSON, or is nested too deep"))
        return
    if len(written) > MAX_DEFINITION:
        said_long = gettext("it is too long; %(most)s characters are the most")
        yield Trouble("", said_long % {"most": write_number(MAX_DEFINITION)})
        return
    for field, value in said.items():
        if _UNSTORABLE.search(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)):
            unstorable = gettext("it has a character that cannot be stored: NUL, or half of a surrogate pair")
            yield Trouble(field, unstorable)
    match draft:
        case Segment():
            yield from _check_segment(draft, at)
        case Block():
            yield from _check_block(draft)
        case Slot():
            yield from _check_slot(draft)
        case Offer():
            yield from check_offer(msgspec.convert(describe_offer(draft), OfferDefinition))
        case Rule():
            yield from _check_rule(draft)


def _check_segment(segment: Segment, at: datetime) -> Iterator[Trouble]:
    if segment.as_of is not None and segment.as_of > at + AHEAD:
        yield Trouble("as_of", gettext("that is still to come; choose a past moment, or none for that of publishing"))
    if segment.kind == Segment.Kind.LIST:
        return
    if segment.condition is None:
        needed = gettext("a segment of the kind %(kind)s needs a condition")
        yield Trouble("condition", needed % {"kind": segment.kind})
        return
    try:
        compile_segments({segment.slug: segment.condition})
    except BadCondition as error:
        yield from (Trouble("condition", str(problem)) for problem in error.problems)
        return
    except SegmentCycle:
        cycle = gettext("The segment refers to itself; remove %(slug)s from its condition.")
        yield Trouble("condition", cycle % {"slug": segment.slug})
    if (problem := find_kind_problem(segment.kind, segment.condition)) is not None:
        yield Trouble("condition", problem)


def _check_block(block: Block) -> Iterator[Trouble]:
    definition = msgspec.convert(describe_block(block), BlockDefinition)
    try:
        if block.kind in (Block.Kind.JSON, Block.Kind.RECOMMENDATION):
            read_json(block.source)
        compile_block("", definition)
    except BadBlock as error:
        yield Trouble(error.field, str(error).removeprefix(": "))
    except BadJson as error:
        yield Trouble("source", str(error))
    if block.fallback is not None:
        blocks = {block.slug: definition, **_name_blocks(block.fallback)}
        yield from _fit("fallback", f"Block {block.slug}: ", BookPayload(1, 0, blocks=blocks))


def _check_slot(slot: Slot) -> Iterator[Trouble]:
    definition = msgspec.convert(describe_slot(slot), SlotDefinition)
    blocks = {} if slot.default is None else _name_blocks(slot.default, slot.default.fallback)
    empty = {slot.slug: replace(definition, default=None)}
    kinds = list(_fit("kinds", f"Slot {slot.slug}: ", BookPayload(1, 0, slots=empty)))
    payload = BookPayload(1, 0, slots={slot.slug: definition}, blocks=blocks)
    yield from kinds or _fit("default", f"Slot {slot.slug}: ", payload)


def _check_rule(rule: Rule) -> Iterator[Trouble]:
    try:
        if rule.condition is not None:
            parse_condition(rule.condition)
    except BadCondition as error:
        yield from (Trouble("condition", str(problem)) for problem in error.problems)
    try:
        definition = msgspec.convert(describe_rule(rule), RuleDefinition)
    except msgspec.ValidationError as error:  # of its caps: the other fields are checked by the model
        yield Trouble("caps", _say_cap(str(error)))
        return
    yield from check_rule(definition)
    slots = {rule.slot.slug: replace(msgspec.convert(describe_slot(rule.slot), SlotDefinition), default=None)}
    blocks = _name_blocks(rule.block, rule.block.fallback)
    yield from _fit("block", f"Rule {rule.slug}: ", BookPayload(1, 0, slots=slots, blocks=blocks, rules=(definition,)))


def _say_cap(error: str) -> str:
    """What is wrong with the caps, and in which of them."""
    message, _, path = error.partition(" - at `$.caps")
    row = _ROW.match(path)
    if row is None:
        return message
    return gettext("number %(number)s: %(problem)s") % {"number": int(row[1]) + 1, "problem": message}


def _fit(field: str, who: str, payload: BookPayload) -> Iterator[Trouble]:
    """What one definition of a payload has where it does not fit."""
    for said in find_misfits(payload):
        if said.startswith(who):
            yield Trouble(field, said.removeprefix(who))


def _name_blocks(*blocks: Block | None) -> dict[str, BlockDefinition]:
    """The drafts of blocks as they are."""
    return {block.slug: msgspec.convert(describe_block(block), BlockDefinition) for block in blocks if block}
