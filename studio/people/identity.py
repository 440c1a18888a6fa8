"""Who somebody is: their identifiers, and the profiles that became part of them, as a tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from profiles.identity import retired_key
from profiles.models import Identifier, MergeRecord
from profiles.pages import list_merges
from studio.people.finding import Person
from studio.people.names import Key, name_key, shorten

SHOWN = 12  # identifiers
MOST_MERGES = 100
DEEPEST = 12  # levels of the tree that are drawn


@dataclass(frozen=True)
class Known:
    """An identifier, and since when it has been known as this person's; None: from the first event on."""

    key: Key
    since: datetime | None


@dataclass(frozen=True)
class Part:
    """A profile that became part of the one above it by `merge`, with those that had become part of it."""

    merge: MergeRecord
    name: str
    keys: Sequence[Key]
    parts: Sequence["Part"] = ()


@dataclass(frozen=True)
class Identity:
    known: Sequence[Known]
    more: Sequence[Known]  # identifiers beyond the first
    parts: Sequence[Part]
    undone: Sequence[Part]
    is_cut: bool  # there are more merges than are drawn


def draw_identity(person: Person) -> Identity:
    since = dict(Identifier.objects.filter(key__in=person.profile.identifiers).values_list("key", "at"))
    known = [Known(name_key(key, sees=person.sees), since.get(key)) for key in person.profile.identifiers]
    merges = list_merges(person.ids, limit=MOST_MERGES + 1)
    shown = merges[:MOST_MERGES]
    by_winner: dict[UUID, list[MergeRecord]] = {}
    for merge in shown:
        if merge.undone is None:
            by_winner.setdefault(merge.winner_id, []).append(merge)
    return Identity(
        known[:SHOWN],
        known[SHOWN:],
        _grow(person.id, by_winner, person.sees, {person.id}),
        [_tell(merge, person.sees) for merge in shown if merge.undone is not None],
        len(merges) > MOST_MERGES,
    )


def _grow(id: UUID, by_winner: dict[UUID, list[MergeRecord]], sees: bool, above: set[UUID]) -> list[Part]:
    """The profiles that became part of that one; a ring, which cannot be, would end."""
    merges: list[Any] = by_winner.get(id, []) if len(above) <= DEEPEST else []
    return [
        _tell(merge, sees, _grow(merge.loser_id, by_winner, sees, above | {merge.loser_id}))
        for merge in merges
        if merge.loser_id not in above
    ]


def _tell(merge: MergeRecord, sees: bool, parts: Sequence[Part] = ()) -> Part:
    own = retired_key(merge.loser_id.hex)[:2]
    keys = [name_key(key, sees=sees) for key in merge.keys if key[:2] != own]
    return Part(merge, shorten(merge.loser_id), keys[:SHOWN], parts)
