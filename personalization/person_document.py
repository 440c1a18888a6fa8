"""Everything that is known of one person as one JSON document, written piece by piece, however much it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from django.db.models import F, Q, QuerySet

from profiles.models import ArchivedEvent, MergeRecord
from profiles.profile import PARTS, Profile, Trait
from rules.models import Decision, DecisionOutcome, Grant, PointsEntry
from segments.models import Member, SegmentChange

VERSION = 1
AT_ONCE = 200  # rows of one piece

Row = Mapping[str, Any]
if TYPE_CHECKING:
    Found = QuerySet[Any, Any]
else:  # Django's own class takes no parameter
    Found = QuerySet
Rows = Callable[[Sequence[UUID]], Found]

EVENT = ("at", "received", "source", "message_id", "type", "name", "anonymous_id", "user_id", "previous_id", "value")
DECIDED = ("id", "at", "door", "source", "book", "context", "answers", "facts")

_encode = msgspec.json.Encoder().encode


def _list_events(ids: Sequence[UUID]) -> Found:
    events: Found = ArchivedEvent.objects.filter(profile_id__in=ids).order_by("at", "id")
    return events.values(*EVENT, "properties", "traits", "context", "entered", "left")


def _list_changes(ids: Sequence[UUID]) -> Found:
    changes = SegmentChange.objects.filter(profile_id__in=ids).order_by("at", "id")
    return changes.values("segment", "what", "at", "cause", "because")


def _list_memberships(ids: Sequence[UUID]) -> Found:
    members: Found = Member.objects.filter(profile_id__in=ids).order_by("pk")
    return members.values("identifier", segment=F("version__segment"), number=F("version__version"))


def _list_merges(ids: Sequence[UUID]) -> Found:
    merges = MergeRecord.objects.filter(Q(loser_id__in=ids) | Q(winner_id__in=ids)).order_by("pk")
    return merges.values("loser_id", "winner_id", "because", "at", "keys", "user_id", "undone", "undone_by")


def _list_decisions(ids: Sequence[UUID]) -> Found:
    decisions: Found = Decision.objects.filter(profile_id__in=ids).order_by("at", "id")
    return decisions.values(*DECIDED)


def _list_outcomes(ids: Sequence[UUID]) -> Found:
    decisions = Decision.objects.filter(profile_id__in=ids).values("id")
    outcomes = DecisionOutcome.objects.filter(decision_id__in=decisions).order_by("at", "id")
    return outcomes.values("decision_id", "kind", "event", "slot", "rule", "value", "at")


def _list_grants(ids: Sequence[UUID]) -> Found:
    grants = Grant.objects.filter(profile_id__in=ids).order_by("at", "id")
    return grants.values("offer", "period", "code", "points", "decision_id", "at")


def _list_points(ids: Sequence[UUID]) -> Found:
    return PointsEntry.objects.filter(profile_id__in=ids).order_by("at", "id").values("points", "note", "offer", "at")


SECTIONS: Mapping[str, Rows] = {
    "events": _list_events,
    "segmentChanges": _list_changes,
    "lists": _list_memberships,
    "decisions": _list_decisions,
    "outcomes": _list_outcomes,
    "grants": _list_grants,
    "points": _list_points,
    "merges": _list_merges,
}


def write_document(profile: Profile, former: Sequence[UUID], *, at: datetime) -> Iterator[bytes]:
    """The document of the person who is `profile` by now, and was `former` ones before."""
    head = {"v": VERSION, "exported": at, **_describe(profile, former)}
    yield _encode(head)[:-1]
    for name, rows in SECTIONS.items():
        yield f',"{name}":['.encode()
        first = True
        found = rows([UUID(profile.id), *former]).iterator(chunk_size=AT_ONCE)
        while piece := b",".join(_encode(_name(row)) for row in islice(found, AT_ONCE)):
            yield piece if first else b"," + piece
            first = False
        yield b"]"
    yield b"}"


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


def _name(row: Row) -> dict[str, Any]:
    """With the names that APIs use."""
    return {_say(name): value for name, value in row.items()}


def _say(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _moment(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC) if milliseconds else None
