"""Rows of the durable side of people, as they are written. Pure."""

from datetime import datetime
from typing import NamedTuple


class ArchiveRow(NamedTuple):
    """One row of the archive, its columns in order; objects and lists as JSON text."""

    at: datetime
    received: datetime
    source: str
    message_id: str
    profile_id: str
    type: str
    name: str
    anonymous_id: str | None
    user_id: str | None
    value: float
    properties: str
    traits: str
    context: str
    entered: str
    left: str
    previous_id: str | None = None
    position: int = 0


class ProfileRow(NamedTuple):
    """The durable copy of a profile: what can be looked up as JSON text, and the packed state."""

    id: str
    user_id: str | None
    first_seen: datetime
    last_seen: datetime
    traits: str
    segments: str
    cluster: str | None
    scores: str
    consent: str
    crowded: str | None
    state: bytes


class MergeRow(NamedTuple):
    """One profile that was taken over by another; see MergeRecord for what is kept of both."""

    loser_id: str
    winner_id: str
    state: bytes
    because: str
    at: datetime
    before: bytes
    keys: list[str]
    user_id: str
    position: int = 0


class UndoneRow(NamedTuple):
    """A merge that was undone. `devices` and `users` are whose events since the merge are the loser's; `passed` are
    later merges (loser, because, packed state before) that are the loser's too."""

    loser_id: str
    winner_id: str
    because: str
    devices: list[str]
    users: list[str]
    passed: list[tuple[str, str, bytes]]
    by: str
    at: datetime
