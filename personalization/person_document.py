"""Everything that is known of one person as one JSON document, written piece by piece: a query for each, no longer."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from personalization.person_sections import FEW, SECTIONS, Person, Row, Section, say
from profiles.profile import PARTS, Profile, Trait

VERSION = 2
AT_ONCE = 500  # rows of one piece


_encode = msgspec.json.Encoder().encode


def write_document(
    profile: Profile, former: Sequence[UUID], person: Person, counters: Mapping[str, str], *, at: datetime
) -> Iterator[bytes]:
    """The document of the person who is `profile` by now, and was `former` ones before. `person` is all that lists,
    decisions and logs may know them by, `counters` what decisions have counted."""
    yield _encode({"v": VERSION, "exported": at, **_describe(profile, former), "counters": counters})[:-1]
    for name, section in SECTIONS.items():
        yield from _write(name, _read(section, person))
    for name, find in FEW.items():
        yield from _write(name, _cut(find(person)))
    yield b"}"


def _write(name: str, pieces: Iterator[Sequence[Row]]) -> Iterator[bytes]:
    before = f',"{name}":['.encode()
    for rows in pieces:
        yield before + b",".join(map(_encode, rows))
        before = b","
    yield b"]" if before == b"," else before + b"]"


def _cut(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while piece := list(islice(rows, AT_ONCE)):
        yield piece


def _read(section: Section, person: Person) -> Iterator[list[Row]]:
    """A piece for each query, that begins behind the last row of the one before."""
    fields = dict.fromkeys((*section.order, *section.fields))
    found = section.find(person).order_by(*section.order).values(*fields, **section.renamed)
    rows = list(found[:AT_ONCE])
    while rows:
        yield [_name(row, section) for row in rows]
        rows = list(found.filter(_behind(section.order, rows[-1]))[:AT_ONCE])


def _behind(order: Sequence[str], last: Row) -> Q:
    first, *rest = order
    behind = Q(**{f"{first}__gt": last[first]})
    return behind | Q(**{first: last[first]}) & _behind(rest, last) if rest else behind


def _name(row: Row, section: Section) -> Row:
    """With the names that APIs use."""
    return {say(name): value for name, value in row.items() if name != "id" or section.tells_id}


def _describe(profile: Profile, former: Sequence[UUID]) -> dict[str, Any]:
    return {
        "profile": {
            "id": UUID(profile.id),
            "former": former,
            "userId": profile.user_id,
            "firstSeen": _moment(profile.first_seen),
            "lastSeen": _moment(profile.last_seen),
            "cluster": profile.cluster,
            "scores": profile.scores,
        },
        "identifiers": profile.identifiers,
        "traits": _list_traits(profile.traits),
        "consent": _list_traits(profile.consent),
        "segments": {slug: _moment(since) for slug, since in sorted(profile.segments.items())},
        "totals": {
            name: {
                "count": each.count,
                "value": each.total / PARTS,
                "first": _moment(each.first),
                "last": _moment(each.last),
            }
            for name, each in sorted(profile.events.items())
        },
    }


def _list_traits(traits: Mapping[str, Trait]) -> dict[str, Any]:
    return {name: {"value": trait.value, "at": _moment(trait.at)} for name, trait in sorted(traits.items())}


def _moment(milliseconds: int) -> datetime | None:
    """None for never, and for what lies outside the calendar."""
    try:
        return datetime.fromtimestamp(milliseconds / 1_000, UTC) if milliseconds else None
    except (OverflowError, ValueError, OSError):
        return None
