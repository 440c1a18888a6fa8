"""Where hot profiles, the identity map and offsets live, and the one commit that moves them together."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple, Protocol

from profiles.event import derive_profile_id
from profiles.profile import Profile


class StoreUnavailable(Exception):
    """The store's server did not answer in time, or refused to write; nothing is known to be committed."""


class Fenced(Exception):
    """Another processor has moved the partition's offset: what was computed here is void."""


class Conflict(Exception):
    """A message was applied, or an identifier linked, by another partition meanwhile: read again and redo."""


class Outdated(Exception):
    """Other definitions are in force than those this was computed with: look for them and redo."""


ERASED_S = 7 * 86_400  # for which a tombstone stands: longer than any record waits in a log

# Where the mark of a message can be, as periods from the present one: marks are kept in that of whoever applies the
# message, and a processor whose clock is behind meets those of the period that is still to come for it.
PERIODS = (0, -1, 1)

REMOVED = "-"  # in the place of a link's new profile


class Link(NamedTuple):
    """An identifier's new profile, allowed only while the map still holds `expected` for it (None: nothing).

    With REMOVED the map forgets the identifier. Without a new profile it is a condition alone: the map has to hold
    `expected`, and is left as it is."""

    expected: str | None
    profile_id: str | None


class Tombstone(NamedTuple):
    """What an erased profile leaves for a while: nothing that was received up to `at` is applied any more. `erasure` is
    the receipt."""

    at: int
    erasure: str


class Reading(NamedTuple):
    """What a batch needs to know first. `failed` counts earlier attempts at its first offset that never committed,
    in a batch and alone; `suspect` is the offset up to which records are tried alone, None without suspicion. `erased`
    are those of the profiles behind the identifiers that were erased."""

    links: dict[str, str]
    seen: set[bytes]
    failed_in_batch: int
    failed_alone: int
    suspect: str | None
    erased: dict[str, Tombstone] = {}


@dataclass
class Commit:
    """Everything one batch changes. Applied whole, or not at all.

    `expected` is the offset the batch was read from: the commit is refused (Fenced) when it is not the stored one.
    `seen` are dedup marks, refused (Conflict) when one is already there. `profiles` are packed states, None to delete.
    `timers` are Unix milliseconds at which a profile wants to be evaluated anew; with `soften`, only an earlier moment
    replaces the one kept. `computed_with` names the definitions it relies on (keys.ROSTER, keys.DIRECTORY) and the mark
    of a whole Redis (keys.WHOLE) with their numbers, 0 for what there is none of: while others are in force it is
    refused (Outdated). `forwards` go to other partitions' logs, `accepted` to
    this partition's accepted log. `takeovers` are pairs of profiles: what decisions counted for the first is added
    to the second. `erased` are profiles of which nothing stays that decisions have counted, but a tombstone.
    """

    partition: int
    expected: str
    offset: str
    now: int
    suspect: str | None = None
    computed_with: Mapping[str, int] = field(default_factory=dict)
    profiles: dict[str, bytes | None] = field(default_factory=dict)
    seen: list[bytes] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    timers: dict[str, int | None] = field(default_factory=dict)
    soft_timers: dict[str, int] = field(default_factory=dict)
    forwards: list[tuple[int, bytes]] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    changes: list[tuple[str, bytes]] = field(default_factory=list)
    takeovers: list[tuple[str, str]] = field(default_factory=list)
    erased: dict[str, Tombstone] = field(default_factory=dict)


class ProfileStore(Protocol):
    """What the processor asks of a store. Every call raises StoreUnavailable when the server is away; what moves on
    from an offset, or is about to, raises Fenced when the partition is elsewhere."""

    def offset(self, partition: int) -> str: ...
    def read(
        self, partition: int, offset: str, identifiers: Sequence[str], marks: Sequence[bytes], now: int
    ) -> Reading: ...
    def find_links(self, identifiers: Sequence[str]) -> dict[str, str]: ...
    def load(self, profile_ids: Iterable[str]) -> dict[str, Profile]: ...
    def attempt(self, partition: int, offset: str, *, alone: bool, tries: int, suspect: str | None) -> None: ...
    def due(self, partition: int, now: int, limit: int) -> list[str]: ...
    def commit(self, commit: Commit) -> None: ...


def list_profiles(identifiers: Iterable[str]) -> list[str]:
    """The profiles that identifiers are derived to, or name: those whose erasure matters to an event that has them."""
    found: dict[str, None] = {}
    for key in identifiers:
        if key[:2] in ("u:", "a:"):
            found[derive_profile_id(key)] = None
        elif key[:2] == "p:":
            found[key[2:]] = None
    return list(found)


def mark_of(source: str, message_id: str) -> bytes:
    """The dedup mark of a message: 96 bits, so that a billion of them a day collide less than once in 10^10 days."""
    return blake2b(f"{source}\0{message_id}".encode(), digest_size=12).digest()


def mark_of_record(packed: bytes) -> bytes:
    """The same of a record that brings somebody's state: brought twice, it would double what they are known for."""
    return blake2b(packed, digest_size=12, person=b"record").digest()


def digest_of(profile_id: str) -> str:
    """What a tombstone calls a profile."""
    return blake2b(profile_id.encode(), digest_size=16).hexdigest()


def day_of(at: int) -> str:
    """The UTC day of a moment in Unix milliseconds, as counters are kept by it."""
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def outcome_field(day: str, source: str, outcome: str) -> str:
    """The name of a counter of outcomes."""
    return f"{day}|{source}|{outcome}"
