"""What is wrong with a definition by itself and with what it names: schedule, caps, weight, kinds that fit. Pure.

Conditions and the sources of blocks are looked at where they are compiled."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from rules.definitions import (
    BlockDefinition,
    BlockKind,
    BookPayload,
    Cap,
    Channel,
    OfferDefinition,
    RuleDefinition,
    SlotDefinition,
)
from rules.shapes import find_misfit, find_shape_problem

# The kinds of block that a channel can show; an e-mail takes parts of itself, and is no part of a page.
FITTING: Mapping[Channel, tuple[BlockKind, ...]] = {
    "web": ("html", "json", "recommendation"),
    "email": ("html", "email", "recommendation"),
    "json": ("json", "recommendation"),
}
MAX_CAPS = 8  # each period, of a person and of everybody
MAX_NUMBER = 1_000_000_000  # of a cap, of points
MAX_WEIGHT = 10_000
MAX_SHOWN = 120


class Trouble(NamedTuple):
    """What is wrong with one field, and how it is mended."""

    field: str
    message: str


class Named(NamedTuple):
    """What a definition can name, by slug."""

    slots: Mapping[str, SlotDefinition]
    blocks: Mapping[str, BlockDefinition]
    offers: Mapping[str, OfferDefinition]


def check_payload(payload: BookPayload) -> Iterator[str]:
    """Every trouble of the slots, blocks, offers and rules of a Book, each with what it is about."""
    named = Named(payload.slots, payload.blocks, payload.offers)
    for slug, slot in payload.slots.items():
        yield from (f"Slot {slug}: {each.message}" for each in check_slot(slot, named))
    for slug, block in payload.blocks.items():
        yield from (f"Block {slug}: {each.message}" for each in check_block(block, named))
    for slug, offer in payload.offers.items():
        yield from (f"Offer {slug}: {each.message}" for each in check_offer(offer, named))
    for rule in payload.rules:
        yield from (f"Rule {rule.slug}: {each.message}" for each in check_rule(rule, named))


def check_slot(slot: SlotDefinition, named: Named) -> Iterator[Trouble]:
    if strange := [kind for kind in slot.kinds if kind not in FITTING[slot.channel]]:
        fitting = ", ".join(FITTING[slot.channel])
        yield Trouble("kinds", f"{', '.join(strange)} is not for the channel {slot.channel}, which takes {fitting}")
    if slot.default is not None:
        yield from _check_shown("default", slot.default, slot, named)


def check_block(block: BlockDefinition, named: Named) -> Iterator[Trouble]:
    if block.kind == "email" and not block.subject.strip():
        yield Trouble("subject", "an e-mail needs a subject")
    if block.kind == "json" and block.shape is not None:
        yield from _check_shape(block.shape, block.source)
    if block.kind == "recommendation":
        if block.fallback is None:
            yield Trouble("fallback", "recommendations need a block that is shown when there is nothing to recommend")
        elif block.fallback not in named.blocks:
            yield Trouble("fallback", f"there is no block {block.fallback}")
        elif (kind := named.blocks[block.fallback].kind) not in ("html", "json"):
            yield Trouble("fallback", f"{block.fallback} is of the kind {kind}; use one of HTML or JSON")


def _check_shape(shape: Mapping[str, object], source: str) -> Iterator[Trouble]:
    if (problem := find_shape_problem(shape)) is not None:
        yield Trouble("shape", problem)
        return
    with suppress(msgspec.DecodeError, RecursionError):  # a source that is no JSON is told elsewhere
        if (misfit := find_misfit(shape, msgspec.json.decode(source))) is not None:
            yield Trouble("source", f"it has not the shape that is declared: {misfit}")


def check_offer(offer: OfferDefinition, named: Named) -> Iterator[Trouble]:
    if offer.kind == "points" and offer.points <= 0:
        yield Trouble("points", "an offer of points needs a number of points, more than 0")
    if offer.kind != "points" and offer.points:
        yield Trouble("points", "only an offer of points has points; leave them at 0")
    if offer.points > MAX_NUMBER:
        yield Trouble("points", f"{MAX_NUMBER:,} are the most")


def check_rule(rule: RuleDefinition, named: Named) -> Iterator[Trouble]:
    slot = named.slots.get(rule.slot)
    if slot is None:
        yield Trouble("slot", f"there is no slot {rule.slot}")
    elif rule.block not in named.blocks:
        yield Trouble("block", f"there is no block {rule.block}")
    else:
        yield from _check_shown("block", rule.block, slot, named)
    if rule.offer is not None and rule.offer not in named.offers:
        yield Trouble("offer", f"there is no offer {rule.offer}")
    if rule.weight is not None and not 0 < rule.weight <= MAX_WEIGHT:
        yield Trouble("weight", f"it must be a number from 1 to {MAX_WEIGHT:,}, or empty")
    yield from _check_schedule(rule)
    yield from check_caps(rule.caps)


def _check_shown(field: str, slug: str, slot: SlotDefinition, named: Named) -> Iterator[Trouble]:
    """Whether a block can be shown in a slot."""
    block = named.blocks.get(slug)
    if block is None:
        yield Trouble(field, f"there is no block {slug}")
        return
    taken = slot.kinds or FITTING[slot.channel]
    if block.kind not in taken:
        yield Trouble(field, f"{slug} is of the kind {block.kind}, and the slot takes {', '.join(taken)}")


def _check_schedule(rule: RuleDefinition) -> Iterator[Trouble]:
    if rule.zone and not is_zone(rule.zone):
        yield Trouble("zone", f"there is no time zone {rule.zone[:MAX_SHOWN]}; use one such as Europe/Berlin")
    moments = {}
    for field, said in (("starts", rule.starts), ("ends", rule.ends)):
        try:
            moments[field] = None if said is None else datetime.fromisoformat(said)
        except ValueError:
            yield Trouble(field, "it must be a moment such as 2026-11-27T08:00:00+01:00")
            return
        at = moments[field]
        if at is not None and at.tzinfo is None:
            yield Trouble(field, "it must say its offset, such as 2026-11-27T08:00:00+01:00")
            return
    starts, ends = moments["starts"], moments["ends"]
    if starts is not None and ends is not None and starts >= ends:
        yield Trouble("ends", "it must be later than the start")


def check_caps(caps: tuple[Cap, ...]) -> Iterator[Trouble]:
    if len(caps) > MAX_CAPS:
        yield Trouble("caps", f"there are {len(caps)} of them; {MAX_CAPS} are the most")
        return
    if any(not 0 < cap.most <= MAX_NUMBER for cap in caps):
        yield Trouble("caps", f"each must be a number from 1 to {MAX_NUMBER:,}")
    counted = [(cap.per, cap.of) for cap in caps]
    for per, of in dict.fromkeys(each for each in counted if counted.count(each) > 1):
        yield Trouble("caps", f"there are two of the same {per} for {say_whom(of)}; keep the lower one")


def say_whom(of: str) -> str:
    return "each person" if of == "person" else "everybody together"


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # no name at all, or of nothing that is there
        return False
    return True
