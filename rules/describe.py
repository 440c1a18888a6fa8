"""What is drafted, in the form in which a Book says it (rules.definitions)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from rules.models import Block, Offer, Rule, Slot
from segments.models import Segment
from segments.queries import describe_segment

AnyDraft = Segment | Block | Offer | Slot | Rule

# Every kind of definition, each after those that it names.
KINDS: Mapping[str, type[AnyDraft]] = {"segment": Segment, "block": Block, "offer": Offer, "slot": Slot, "rule": Rule}

NAMED = {  # one of each kind, as a part of a sentence
    "segment": _("segment %(slug)s"),
    "block": _("block %(slug)s"),
    "offer": _("offer %(slug)s"),
    "slot": _("slot %(slug)s"),
    "rule": _("rule %(slug)s"),
}

FIELDS = (  # as one reads them
    *("name", "kind", "channel", "kinds", "default", "slot", "priority", "weight", "block", "offer", "points", "every"),
    *("description", "subject", "source", "text", "shape", "fallback", "condition", "as_of", "starts", "ends", "zone"),
    *("caps", "purpose", "live"),
)


def kind_of(draft: AnyDraft) -> str:
    return next(kind for kind, model in KINDS.items() if isinstance(draft, model))


def name_one(kind: str, slug: str) -> str:
    """Such as `rule sale`, within a sentence."""
    return gettext(NAMED[kind]) % {"slug": slug}


def describe_draft(draft: AnyDraft) -> dict[str, Any]:
    """All that a draft says: what a Book does, without the slug, and what a Book leaves out: whether it is live, and
    the description of a segment."""
    match draft:
        case Segment():
            said = {**describe_segment(draft), "description": draft.description, "live": draft.live}
        case Block():
            said = describe_block(draft)
        case Offer():
            said = describe_offer(draft)
        case Slot():
            said = describe_slot(draft)
        case Rule():
            said = {**describe_rule(draft), "live": draft.live}
    return {field: value for field, value in said.items() if field != "slug"}


def describe_slot(slot: Slot) -> dict[str, Any]:
    return {
        "name": slot.name,
        "channel": slot.channel,
        "kinds": list(slot.kinds),
        "default": slot.default.slug if slot.default else None,
    }


def describe_block(block: Block) -> dict[str, Any]:
    """What a kind of block does not have is left out."""
    said: dict[str, Any] = {"name": block.name, "kind": block.kind, "source": block.source}
    if block.kind == Block.Kind.EMAIL:
        said |= {"subject": block.subject, "text": block.text}
    elif block.kind == Block.Kind.JSON:
        said |= {"shape": block.shape}
    elif block.kind == Block.Kind.RECOMMENDATION:
        said |= {"fallback": block.fallback.slug if block.fallback else None}
    return said


def describe_offer(offer: Offer) -> dict[str, Any]:
    return {"name": offer.name, "kind": offer.kind, "points": offer.points, "every": offer.every}


def describe_rule(rule: Rule) -> dict[str, Any]:
    return {
        "slug": rule.slug,
        "name": rule.name,
        "slot": rule.slot.slug,
        "priority": rule.priority,
        "block": rule.block.slug,
        "condition": rule.condition,
        "starts": _say_moment(rule.starts, rule.zone),
        "ends": _say_moment(rule.ends, rule.zone),
        "zone": rule.zone,
        "weight": rule.weight,
        "caps": rule.caps,
        "purpose": rule.purpose,
        "offer": rule.offer.slug if rule.offer else None,
    }


def _say_moment(at: datetime | None, zone: str) -> str | None:
    """By the clocks of the rule's own zone; without one in UTC, which says the same whatever the organisation's is."""
    return None if at is None else at.astimezone(ZoneInfo(zone or "UTC")).isoformat()
