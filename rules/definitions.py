"""What a Book says, as it is stored: segments, slots, blocks, offers and rules. Pure."""

from typing import Any, Literal

import msgspec

from profiles.decided import Every

Channel = Literal["web", "email", "json"]
BlockKind = Literal["html", "json", "email", "recommendation"]
OfferKind = Literal["code", "points", "early_access"]


class SegmentDefinition(msgspec.Struct, frozen=True):
    """A list has no condition; a snapshot asks its own of the people as they were at `as_of`."""

    slug: str
    name: str
    condition: dict[str, Any] | None = None
    kind: str = "condition"
    as_of: str | None = None
    server_only: tuple[str, ...] | None = None


class SlotDefinition(msgspec.Struct, frozen=True):
    """A named place. `kinds` are the kinds of block it takes, all of its channel's when empty; `default` is the block
    that is shown when no rule holds, None for the place's own content."""

    default: str | None = None
    name: str = ""
    channel: Channel = "web"
    kinds: tuple[BlockKind, ...] = ()


class BlockDefinition(msgspec.Struct, frozen=True):
    """The content of a slot. `source` is Liquid for `html` and `email`, JSON for `json` and `recommendation`.

    `subject` and `text` are an e-mail's, in Liquid; `shape` is the JSON Schema of what a `json` block says; `fallback`
    is the block that takes the place of recommendations which are not to be had."""

    kind: str
    source: str
    name: str = ""
    subject: str = ""
    text: str = ""
    shape: dict[str, Any] | None = None
    fallback: str | None = None


class OfferDefinition(msgspec.Struct, frozen=True):
    """What a person gets beside a block: a discount code, loyalty points or early access; once in each `every`."""

    kind: OfferKind
    name: str = ""
    points: int = 0
    every: Every = "campaign"


class Cap(msgspec.Struct, frozen=True):
    """A rule is decided for at most `most` times per `per`, counted for each person or for everybody together.

    Hours, days and weeks (from Monday) are those of the organisation's calendar; a campaign is the rule's life."""

    most: int
    per: Every
    of: Literal["person", "everybody"] = "person"


class RuleDefinition(msgspec.Struct, frozen=True):
    """In `slot`, when `condition` holds (None: for everybody), show `block`; the highest priority wins, and of those of
    the same priority one is drawn for each person in proportion to their `weight`.

    `starts` and `ends` are ISO 8601 with an offset, as said in `zone`, else in UTC; `ends` is the first moment after.
    `purpose` is what the person has to have consented to. `offer` is granted with the block."""

    slug: str
    name: str
    slot: str
    priority: int
    block: str
    condition: dict[str, Any] | None = None
    server_only: tuple[str, ...] | None = None
    starts: str | None = None
    ends: str | None = None
    zone: str = ""
    weight: int | None = None
    caps: tuple[Cap, ...] = ()
    purpose: str = ""
    offer: str | None = None


class BookPayload(msgspec.Struct, frozen=True):
    """A published Book as it is stored: every live definition, numbered, immutable. Days are those of `zone`.

    `server_only` are the nodes that keep a condition from being evaluated on devices; None where nobody has looked, so
    that it is for the server alone (see rules.marks)."""

    v: int
    number: int
    zone: str = "UTC"
    segments: tuple[SegmentDefinition, ...] = ()
    slots: dict[str, SlotDefinition] = {}
    blocks: dict[str, BlockDefinition] = {}
    offers: dict[str, OfferDefinition] = {}
    rules: tuple[RuleDefinition, ...] = ()
