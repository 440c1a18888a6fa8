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
    crowded: str | None
    state: bytes


class MergeRow(NamedTuple):
    loser_id: str
    winner_id: str
    state: bytes
    because: str
    at: datetime
