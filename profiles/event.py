"""What happened: the event every door parses into, and the records that travel in the event log."""

import sys
import uuid
from hashlib import sha1
from typing import Any, Literal

import msgspec

EventType = Literal["track", "identify", "page", "screen", "group", "alias"]

# Names under which calls without an event name of their own are remembered and counted.
NAMES: dict[str, str] = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "group": "Group Joined",
    "alias": "Aliased",
}

# Profile ids are derived from identifiers, so that every process computes the same one without asking.
PROFILE_NAMESPACE = uuid.UUID("6f1c2c9e-6d0c-4b6f-9a57-3f0f7b1d0c11")

_NAMESPACE = PROFILE_NAMESPACE.bytes
_VARIANT = {digit: f"{int(digit, 16) & 0b0011 | 0b1000:x}" for digit in "0123456789abcdef"}

VALUE_PROPERTIES = ("revenue", "value", "total")
MAX_FLOAT = sys.float_info.max


class Event(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="event", kw_only=True):
    """One accepted call of a source.

    `at` is when it happened by the corrected client clock, `received` when a door took it: Unix milliseconds UTC.
    `name` is the event name of a track call, else the entry of NAMES. `flags` names what the door noticed
    (`future`: the client's clock is more than 23 h ahead). At least one of `anonymous_id` and `user_id` is set.
    """

    id: str
    source: str
    type: EventType
    name: str
    at: int
    received: int
    anonymous_id: str | None = None
    user_id: str | None = None
    previous_id: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}
    flags: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """What the event is worth: the first number among revenue, value and total, else 0."""
        for name in VALUE_PROPERTIES:
            value = self.properties.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MAX_FLOAT:
                return float(value)
        return 0.0


class Retire(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="retire", kw_only=True):
    """Asks the partition of profile `loser` to hand it over to `winner`, because of message `because`.

    `identifier` is the one that linked the two; `forced` (an alias call) also retires a profile with a user id.
    """

    loser: str
    winner: str
    identifier: str
    user_id: str
    because: str
    at: int
    forced: bool = False


class Merge(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="merge", kw_only=True):
    """Brings the packed state of the retired profile `loser` to the partition of `winner`.

    `keys` are the identifiers that stood for the loser and were pointed to the winner; `user_id` is whom the message
    named that linked the two. `origin` is the record that let the loser go: no two of them hand over the same."""

    loser: str
    winner: str
    state: bytes
    because: str
    at: int
    keys: tuple[str, ...] = ()
    user_id: str = ""
    origin: str = ""


class Passed(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A later merge, of `loser` because of `because`, that was the doing of a profile which is let go; `before` is the
    packed state of that profile without it."""

    loser: str
    because: str
    before: bytes


class Split(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="split", kw_only=True):
    """Asks the partition of `winner` to let go of `loser`, which it took over because of `because`.

    The packed states are those of two profiles that never were one. They hold only while the winner's fingerprint is
    `expected`. `keys` are the identifiers that stand for the loser again; `by` is who undoes the merge."""

    loser: str
    winner: str
    because: str
    expected: bytes
    winner_state: bytes
    loser_state: bytes
    keys: tuple[str, ...]
    passed: tuple[Passed, ...]
    by: str
    at: int


class Restore(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="restore", kw_only=True):
    """Brings the packed state of a profile that was let go back to its own partition. `origin` is the record that let
    it go."""

    profile: str
    state: bytes
    because: str
    at: int
    origin: str = ""


class Fill(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="fill", kw_only=True):
    """Asks whether `profiles` are in the segments of `keys`, which are new versions that do not answer yet."""

    build: int
    keys: tuple[str, ...]
    profiles: tuple[str, ...]


class Enrol(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="enrol", kw_only=True):
    """Puts people into the list or snapshot of `key`: each an identifier (`u:…`, `a:…`), or "" for somebody known, and
    the profile it stands for."""

    build: int
    key: str
    people: tuple[tuple[str, str], ...]


class Settle(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="settle", kw_only=True):
    """The versions of `keys` have come to answer at `at`, in the place of `retired` ones: each profile forgets those.

    Who was put into a new one from `since` on until then has come into its segment now. Unix milliseconds."""

    build: int
    keys: tuple[str, ...]
    retired: tuple[tuple[str, str], ...]
    since: int
    at: int
    profiles: tuple[str, ...]


class Recall(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="recall", kw_only=True):
    """Brings what the archive knows of the events `name` of a profile, since properties of theirs are remembered that
    were not: of each, when it happened, what it was worth, and every property that is remembered now."""

    build: int
    profile: str
    name: str
    moments: tuple[tuple[int, float, dict[str, Any]], ...]


class Erase(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="erase", kw_only=True):
    """Asks the partition of `profile` to forget the person, with whatever was received up to `at`.

    `erasure` is the receipt. `keys` are the identifiers (`u:…`, `a:…`, `p:…`, `s:…`) that the durable map knows of the
    person, beside those the profile has noted. With `idle_since` (Unix milliseconds) it holds only for somebody without
    a user id who has not been seen since then."""

    profile: str
    erasure: str
    at: int
    keys: tuple[str, ...] = ()
    idle_since: int = 0


class Mend(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="mend", kw_only=True):
    """Asks the partition of `profile` to put it into the packed `state`, which the archive says it is in. It holds only
    while the profile's fingerprint is `expected`, empty for one that is not there. `run` is the reconciliation."""

    profile: str
    run: int
    expected: bytes
    state: bytes


Record = Event | Retire | Merge | Split | Restore | Recall | Fill | Enrol | Settle | Erase | Mend

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def pack(record: Record) -> bytes:
    return _encoder.encode(record)


def unpack(raw: bytes) -> Record:
    return _decoder.decode(raw)


def user_key(user_id: str) -> str:
    return "u:" + user_id


def anonymous_key(anonymous_id: str) -> str:
    return "a:" + anonymous_id


def derive_profile_id(identifier: str) -> str:
    """The profile id (32 hex digits) that `identifier` (`u:…` or `a:…`) has until something links it elsewhere.

    It is `uuid.uuid5(PROFILE_NAMESPACE, identifier).hex`, written out because every event needs one or two."""
    digest = sha1(_NAMESPACE + identifier.encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:12]}5{digest[13:16]}{_VARIANT[digest[16]]}{digest[17:32]}"


def partition_of(profile_id: str, partitions: int) -> int:
    """Partition of a profile: the first 32 bits of its id, which is already a uniform hash, modulo `partitions`."""
    return int(profile_id[:8], 16) % partitions
