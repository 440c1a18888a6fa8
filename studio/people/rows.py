"""People as the rows of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import zstandard

from profiles.profile import count_events
from profiles.search import Found
from segments.roster import Roster
from studio.people.names import Who, name_person


@dataclass(frozen=True)
class Row:
    """`events` is None where this version of the product cannot read the profile."""

    who: Who
    last_seen: datetime
    first_seen: datetime
    audiences: int
    events: int | None


def describe_rows(found: Sequence[Found], roster: Roster, *, sees: bool) -> list[Row]:
    answering = set(roster.answers.values())
    return [
        Row(
            name_person(each.id, each.user_id, each.traits, sees=sees),
            each.last_seen,
            each.first_seen,
            len(answering & each.segments.keys()),
            _count(each.state),
        )
        for each in found
    ]


def _count(state: bytes) -> int | None:
    try:
        return count_events(state)
    except (msgspec.MsgspecError, ValueError, zstandard.ZstdError):
        return None
