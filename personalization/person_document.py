"""Everything that is known of one person as one JSON document, written piece by piece: a query for each, no longer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import msgspec
from django.db.models import F, Q, QuerySet

from profiles.models import ArchivedEvent, MergeRecord
from profiles.profile import PARTS, Profile, Trait
from rules.models import Decision, DecisionOutcome, Grant, PointsEntry
from segments.models import Member, SegmentChange

if TYPE_CHECKING:
    Found = QuerySet[Any, Any]
else:  # Django's own class takes no parameter
    Found = QuerySet

VERSION = 1
AT_ONCE = 500  # rows of one piece

Row = Mapping[str, Any]
People = Sequence[UUID]


class Section(NamedTuple):
    """A list of the document: its rows, what tells and orders them, and whether their ids are told too."""

    find: Callable[[People], Found]
    fields: tuple[str, ...]
    order: tuple[str, ...] = ("at", "id")
    tells_id: bool = False
    renamed: Mapping[str, F] = {}


def _of(model: Any) -> Callable[[People], Found]:
    def find(ids: People) -> Found:
        rows: Found = model.objects.filter(profile_id__in=ids)
        return rows

    return find


def _find_outcomes(ids: People) -> Found:
    rows: Found = DecisionOutcome.objects.all()
    return rows.filter(decision_id__in=Decision.objects.filter(profile_id__in=ids).values("id"))


def _find_merges(ids: People) -> Found:
    rows: Found = MergeRecord.objects.filter(Q(loser_id__in=ids) | Q(winner_id__in=ids))
    return rows


_CALL = ("received", "source", "message_id", "type", "name", "anonymous_id", "user_id", "previous_id")
_SAID = ("value", "properties", "traits", "context", "entered", "left")
SECTIONS: Mapping[str, Section] = {
    "events": Section(_of(ArchivedEvent), (*_CALL, *_SAID)),
    "segmentChanges": Section(_of(SegmentChange), ("segment", "what", "cause", "because")),
    "lists": Section(
        _of(Member), ("identifier",), ("id",), renamed={"list": F("version__segment"), "number": F("version__version")}
    ),
    "decisions": Section(
        _of(Decision), ("door", "source", "book", "context", "answers", "facts"), order=("at", "id"), tells_id=True
    ),
    "outcomes": Section(_find_outcomes, ("decision_id", "kind", "event", "slot", "rule", "value")),
    "grants": Section(_of(Grant), ("offer", "period", "code", "points", "decision_id")),
    "points": Section(_of(PointsEntry), ("points", "note", "offer")),
    "merges": Section(
        _find_merges, ("loser_id", "winner_id", "because", "at", "keys", "user_id", "undone", "undone_by"), ("id",)
    ),
}

_encode = msgspec.json.Encoder().encode


def write_document(profile: Profile, former: People, names: People, *, at: datetime) -> Iterator[bytes]:
    """The document of the person who is `profile` by now, and was `former` ones before. `names` are the ids of profiles
    that follow from the person's identifiers: lists and decisions may know them by these."""
    ids = list(dict.fromkeys((UUID(profile.id), *former, *names)))
    yield _encode({"v": VERSION, "exported": at, **_describe(profile, former)})[:-1]
    for name, section in SECTIONS.items():
        before = f',"{name}":['.encode()
        for rows in _read(section, ids):
            yield before + b",".join(map(_encode, rows))
            before = b","
        yield b"]" if before == b"," else before + b"]"
    yield b"}"


def _read(section: Section, ids: People) -> Iterator[list[Row]]:
    """A piece for each query, that begins behind the last row of the one before."""
    fields = dict.fromkeys((*section.order, *section.fields))
    found = section.find(ids).order_by(*section.order).values(*fields, **section.renamed)
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
    return {_say(name): value for name, value in row.items() if name != "id" or section.tells_id}


def _say(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _describe(profile: Profile, former: People) -> dict[str, Any]:
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
