"""Decisions as they travel to the archive, in the accepted log of the person's partition. Pure."""

from typing import Any, Literal

import msgspec

Every = Literal["hour", "day", "week", "campaign"]
SEQUENCE_BITS = 20  # of a position: so many records of one millisecond keep their order


def number_position(position: str) -> int:
    """A position of a log, `milliseconds-sequence`, as one number of the same order; 0 for none."""
    milliseconds, _, sequence = position.partition("-")
    return (int(milliseconds or 0) << SEQUENCE_BITS) + int(sequence or 0)


class Suppressed(msgspec.Struct, frozen=True):
    """A rule that held and was not shown, and why (rules.engine.Kept)."""

    rule: str
    why: str


class SlotAnswer(msgspec.Struct, frozen=True, array_like=True):
    """What one slot was answered: see rules.engine.Choice. `held` says that the page showed that rule's block already,
    so that nothing was counted anew."""

    slot: str
    reason: str
    block: str | None = None
    rule: str | None = None
    segments: tuple[str, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    held: bool = False


class Decided(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="decided", kw_only=True):
    """One answered question, with what it takes to answer it again.

    `profile` is "" for a person who is not to be known. `position` is how far the log of the person's partition had
    been applied when the profile was read; `members` are the segments the person was in, and since when; `counts` are
    the counters that were looked at (rules.tally), with what they said; `stock` is how many codes of an offer were
    left, `granted` what the person had been granted before, `held` the rules whose blocks the page showed, by slot.
    Moments are Unix milliseconds."""

    id: str
    profile: str
    at: int
    door: str
    source: str
    book: int
    position: str
    context: dict[str, Any]
    answers: tuple[SlotAnswer, ...]
    members: tuple[tuple[str, int], ...] = ()
    counts: dict[str, int] = {}
    stock: dict[str, int] = {}
    granted: dict[str, str] = {}
    held: dict[str, str] = {}


class Granted(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="granted", kw_only=True):
    """An offer that a decision granted: with its code, or its points; once for each `period` of the person."""

    profile: str
    offer: str
    period: str
    code: str
    points: int
    decision: str
    at: int
