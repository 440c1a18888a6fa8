"""What is known of a person beside the profile: each place that an erasure empties, a list of the exported document."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import msgspec
from django.contrib.admin.models import LogEntry
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import RawSQL

from ingestion.accepted import unpack as unpack_accepted
from ingestion.leftovers import find_letters, find_refusals
from ingestion.models import DeadLetter, Refusal
from profiles.erasures import find_acts
from profiles.event import unpack
from profiles.models import ArchivedEvent, Drift, Identifier, MergeRecord
from rules.models import Decision, DecisionOutcome, Grant, PointsEntry
from segments.forgetting import list_refused_rows
from segments.models import Member, SegmentChange

if TYPE_CHECKING:
    Found = QuerySet[Any, Any]
else:  # Django's own class takes no parameter
    Found = QuerySet

Row = Mapping[str, Any]


class Person(NamedTuple):
    """By what they are known: the ids of profiles, and identifiers (`u:…`, `a:…`)."""

    ids: Sequence[UUID]
    names: Sequence[str]

    @property
    def hexes(self) -> list[str]:
        return [id.hex for id in self.ids]


class Section(NamedTuple):
    """A list of the document: its rows, what tells and orders them, and whether their ids are told too."""

    find: Callable[[Person], Found]
    fields: tuple[str, ...]
    order: tuple[str, ...] = ("at", "id")
    tells_id: bool = False
    renamed: Mapping[str, F] = {}


def _of(model: Any) -> Callable[[Person], Found]:
    def find(person: Person) -> Found:
        rows: Found = model.objects.filter(profile_id__in=person.ids)
        return rows

    return find


_OF_EVENTS = """SELECT outcome.id FROM rules_decisionoutcome AS outcome JOIN profiles_archivedevent AS event
USING (source, message_id) WHERE event.profile_id = ANY(%s::uuid[])"""


def _find_outcomes(person: Person) -> Found:
    """Of the person's decisions, and of what they did, whosever decision it names."""
    rows: Found = DecisionOutcome.objects.all()
    decisions = Decision.objects.filter(profile_id__in=person.ids).values("id")
    return rows.filter(Q(decision_id__in=decisions) | Q(id__in=RawSQL(_OF_EVENTS, [list(person.ids)])))  # noqa: S611  # our own words


def _find_merges(person: Person) -> Found:
    rows: Found = MergeRecord.objects.filter(Q(loser_id__in=person.ids) | Q(winner_id__in=person.ids))
    return rows


def _find_members(person: Person) -> Found:
    rows: Found = Member.objects.filter(Q(profile_id__in=person.ids) | Q(identifier__in=person.names))
    return rows


def _find_acts(person: Person) -> Found:
    rows: Found = find_acts(person.hexes)
    return rows


def _find_log_entries(person: Person) -> Found:
    named = [form for id in person.ids for form in (id.hex, str(id))]
    about = Q(object_id__in=named)
    for name in named:
        about |= Q(object_repr__contains=name)
    rows: Found = LogEntry.objects.filter(about)
    return rows


_CALL = ("received", "source", "message_id", "type", "name", "anonymous_id", "user_id", "previous_id")
_SAID = ("value", "properties", "traits", "context", "entered", "left")
SECTIONS: Mapping[str, Section] = {
    "events": Section(_of(ArchivedEvent), (*_CALL, *_SAID)),
    "identities": Section(_of(Identifier), ("profile_id",), order=("at", "key")),
    "segmentChanges": Section(_of(SegmentChange), ("segment", "what", "cause", "because")),
    "lists": Section(
        _find_members,
        ("identifier",),
        ("id",),
        renamed={"list": F("version__segment"), "number": F("version__version")},
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
    "mends": Section(_of(Drift), ("aspects", "mended", "note"), order=("noticed", "id")),
    # Who did it is a person too, and is not told.
    "acts": Section(_find_acts, ("act", "kind", "subject", "before", "after", "note")),
    "operatorsLog": Section(_find_log_entries, ("object_repr", "action_flag"), order=("action_time", "id")),
}


def _list_letters(person: Person) -> Iterator[Row]:
    letters = DeadLetter.objects.filter(pk__in=find_letters(person.hexes, person.names)).order_by("at", "pk")
    for letter in letters.iterator():
        told = {"at": letter.at, "log": letter.log, "reason": letter.reason, "replayed": letter.replayed}
        yield {**told, "record": _read_record(letter.log, bytes(letter.raw))}


def _read_record(log: str, raw: bytes) -> Any:
    """None for what nobody can read: it may be somebody else's as well."""
    try:
        return _spell_out(unpack(raw) if log == DeadLetter.Log.EVENTS else unpack_accepted(raw))
    except (msgspec.ValidationError, ValueError):
        return None


def _spell_out(value: Any) -> Any:
    """A record with the names of its fields, which it is packed without."""
    if isinstance(value, msgspec.Struct):
        return {say(name): _spell_out(getattr(value, name)) for name in value.__struct_fields__}
    return value


def say(name: str) -> str:
    """As APIs name it."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _list_refusals(person: Person) -> Iterator[Row]:
    fields = ("at", "source", "reason", "message", "message_id", "sample")
    refusals = Refusal.objects.filter(pk__in=find_refusals(person.names, surely=True)).order_by("at", "pk")
    for row in refusals.values(*fields).iterator():
        yield {say(name): value for name, value in row.items()}


def _list_refused_rows(person: Person) -> Iterator[Row]:
    yield from list_refused_rows(person.hexes, person.names)


# Places without an index of people, of which somebody has a few rows at most.
FEW: Mapping[str, Callable[[Person], Iterator[Row]]] = {
    "deadLetters": _list_letters,
    "refusals": _list_refusals,
    "refusedRows": _list_refused_rows,
}
