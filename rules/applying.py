"""The inverse of rules.describe: a draft that says what a definition says, not saved yet."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model
from django.utils.translation import gettext

from rules.describe import KINDS, AnyDraft, name_one
from rules.models import Block, Offer, Rule, Slot
from rules.validating import BadDraft
from segments.models import Segment

AnyModel = TypeVar("AnyModel", bound=Model)


def apply_definition(kind: str, slug: str, definition: Mapping[str, Any]) -> AnyDraft:
    """The draft of that slug, or a new one, saying what `definition` does (rules.describe.describe_draft), for
    rules.drafts.save_draft. What is left out is as in a new one; a description, which no Book has, stays as it is.
    Raises BadDraft where something is named that is not there."""
    model = KINDS[kind]
    draft = model._default_manager.filter(slug=slug).first() or model(slug=slug)
    problems: list[tuple[str, str]] = []
    draft.name = definition.get("name", slug)
    match draft:
        case Segment():
            _apply_segment(draft, definition, problems)
        case Block():
            _apply_block(draft, definition, problems)
        case Offer():
            draft.kind = definition.get("kind", Offer.Kind.CODE)
            draft.points = definition.get("points", 0)
            draft.every = definition.get("every", "campaign")
        case Slot():
            draft.channel = definition.get("channel", Slot.Channel.WEB)
            draft.kinds = list(definition.get("kinds", ()))
            draft.default = _find(Block, "default", definition, problems)
        case Rule():
            _apply_rule(draft, definition, problems)
    if problems:
        raise BadDraft(problems)
    return draft


def _apply_segment(segment: Segment, definition: Mapping[str, Any], problems: list[tuple[str, str]]) -> None:
    kind = definition.get("kind", Segment.Kind.CONDITION)
    if segment.pk is not None and segment.kind != kind:  # what its people are stored by differs
        problems.append(
            (
                "kind",
                gettext("it is of the kind %(kind)s, and stays so; make another segment instead")
                % {"kind": segment.kind},
            )
        )
    segment.kind = kind
    segment.condition = definition.get("condition")
    segment.as_of = _read_moment("as_of", definition, problems)
    segment.description = definition.get("description", segment.description)
    segment.live = definition.get("live", True)


def _apply_block(block: Block, definition: Mapping[str, Any], problems: list[tuple[str, str]]) -> None:
    block.kind = definition.get("kind", Block.Kind.HTML)
    block.source = definition.get("source", "")
    block.subject = definition.get("subject", "")
    block.text = definition.get("text", "")
    block.shape = definition.get("shape")
    block.fallback = _find(Block, "fallback", definition, problems)


def _apply_rule(rule: Rule, definition: Mapping[str, Any], problems: list[tuple[str, str]]) -> None:
    slot = _find(Slot, "slot", definition, problems)
    block = _find(Block, "block", definition, problems)
    if slot is not None:
        rule.slot = slot
    if block is not None:
        rule.block = block
    rule.offer = _find(Offer, "offer", definition, problems)
    rule.condition = definition.get("condition")
    rule.priority = definition.get("priority", 0)
    rule.weight = definition.get("weight")
    rule.starts = _read_moment("starts", definition, problems)
    rule.ends = _read_moment("ends", definition, problems)
    rule.zone = definition.get("zone", "")
    rule.caps = list(definition.get("caps", ()))
    rule.purpose = definition.get("purpose", "")
    rule.live = definition.get("live", True)


def _find(
    model: type[AnyModel], field: str, definition: Mapping[str, Any], problems: list[tuple[str, str]]
) -> AnyModel | None:
    """What a definition names in one of its fields."""
    slug = definition.get(field)
    if slug is None:
        return None
    found = model._default_manager.filter(slug=slug).first()
    if found is None:
        said = gettext("there is no %(draft)s")
        problems.append((field, said % {"draft": name_one(str(model._meta.model_name), slug)}))
    return found


def _read_moment(field: str, definition: Mapping[str, Any], problems: list[tuple[str, str]]) -> datetime | None:
    said = definition.get(field)
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(said)
    except (ValueError, TypeError):
        at = None
    if at is None or at.tzinfo is None:
        problems.append((field, gettext("it must be a moment with its offset, such as 2026-11-27T08:00:00+01:00")))
        return None
    return at
