"""The records of the accepted log: what the processor has applied, for the archiver to keep. Pure."""

from enum import StrEnum

import msgspec

from profiles.decided import Decided, Granted
from profiles.event import Event, Passed


class Cause(StrEnum):
    """What made somebody come into a segment or leave it."""

    EVENT = "event"
    TIME = "time"
    MERGE = "merge"
    BUILD = "build"  # its definition, or its list
    UNDO = "undo"  # of a merge
    MEND = "mend"  # the archive had said so before, and what was kept of it was lost


class Applied(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="applied", kw_only=True):
    """An event that was folded into `profile`, and the segments it made the person enter or leave. `position` is that
    of its record in the partition's log."""

    profile: str
    event: Event
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    position: str = ""


class Linked(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="linked", kw_only=True):
    """An identifier that now stands for `profile`. `at` is Unix milliseconds."""

    identifier: str
    profile: str
    at: int


class Unlinked(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="unlinked", kw_only=True):
    """An identifier that the map does not hold any more."""

    identifier: str
    at: int


class Merged(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="merged", kw_only=True):
    """`winner` took over `loser`. What it takes to undo it is kept: the packed `state` of the loser, that of the winner
    just `before`, the identifiers (`keys`) that were the loser's, and whom the message named that linked the two."""

    loser: str
    winner: str
    state: bytes
    because: str
    at: int
    before: bytes = b""
    keys: tuple[str, ...] = ()
    user_id: str = ""
    position: str = ""


class Unmerged(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="unmerged", kw_only=True):
    """`winner` let go of `loser`: what was done under `keys` since the two became one is the loser's again, and so are
    the merges in `passed`."""

    loser: str
    winner: str
    because: str
    keys: tuple[str, ...]
    passed: tuple[Passed, ...]
    by: str
    at: int


class SegmentEntered(
    msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="segment_entered", kw_only=True
):
    """Somebody has come into segments. `because` is the message or the number of the build it came from."""

    profile: str
    segments: tuple[str, ...]
    at: int
    cause: Cause
    because: str = ""


class SegmentLeft(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="segment_left", kw_only=True):
    """Somebody is no longer in segments."""

    profile: str
    segments: tuple[str, ...]
    at: int
    cause: Cause
    because: str = ""


class Filled(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="filled", kw_only=True):
    """Profiles that changed without an event of their own, so that their durable copies are out of date."""

    profiles: tuple[str, ...]


class Erased(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="erased", kw_only=True):
    """`profile` was erased at `at`, with `others`: profiles that had become part of it, and those derived of its
    identifiers `keys`. What their logs held before `position` is to be forgotten; `erasure` is the receipt."""

    profile: str
    erasure: str
    at: int
    position: str
    others: tuple[str, ...]
    keys: tuple[str, ...]


class Dead(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="dead", kw_only=True):
    """A record set aside: where it stood in the log, its bytes, why, and after how many tries."""

    partition: int
    offset: str
    raw: bytes
    reason: str
    tries: int
    at: int


Accepted = (
    Applied
    | Linked
    | Unlinked
    | Merged
    | Unmerged
    | SegmentEntered
    | SegmentLeft
    | Filled
    | Decided
    | Granted
    | Erased
    | Dead
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Accepted] = msgspec.msgpack.Decoder(Accepted)


def pack(record: Accepted) -> bytes:
    return _encoder.encode(record)


def unpack(raw: bytes) -> Accepted:
    return _decoder.decode(raw)
