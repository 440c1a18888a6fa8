"""What happened to a person, of every kind and mixed by time, a page at a time: the newest first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.pages import page_merges, page_past
from rules.decided_for import page_decisions
from segments.queries import page_changes
from studio.people.names import Names, find_names, shorten
from studio.people.reasons import say_answer, say_suppressed
from studio.private import Private, find_hidden, hides_worth, mask_properties

PER_PAGE = 25
SHOWN_PROPERTIES = 3
MAX_SHOWN = 60  # letters of a property
RECENT = timedelta(days=1)  # then it is told how long it is ago, else when it was
MAX_ID = 2**63 - 1
NO_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)

KINDS = (("event", _("Events")), ("decision", _("Decisions")), ("audience", _("Audiences")), ("merge", _("Merges")))
RANKS = {kind: rank for rank, (kind, _name) in enumerate(KINDS)}  # of entries of the same moment
CAUSES = {
    "event": _("by what they did"),
    "time": _("as time went by"),
    "merge": _("as profiles became one"),
    "build": _("as the audience was filled"),
    "undo": _("as a merge was undone"),
}


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind that entry, in the order of time, kind and id."""

    at: datetime
    rank: int
    id: int | UUID

    def write(self) -> str:
        return f"{self.at.astimezone(UTC).isoformat()}~{self.rank}~{self.id}"

    @property
    def key(self) -> tuple[Any, ...]:
        return self.at, -self.rank, str(self.id) if isinstance(self.id, UUID) else self.id


def read_place(said: str) -> Place | None:
    """None for what is no place."""
    try:
        at, rank, id = said.split("~")
        place = Place(datetime.fromisoformat(at), int(rank), UUID(id) if int(rank) == RANKS["decision"] else int(id))
    except (ValueError, OverflowError):
        return None
    is_sound = place.at.tzinfo is not None and 0 <= place.rank < len(KINDS)
    return place if is_sound and (isinstance(place.id, UUID) or 0 <= place.id <= MAX_ID) else None


@dataclass(frozen=True)
class Line:
    """What one slot was answered."""

    slot: str
    words: str
    suppressed: Sequence[str] = ()


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `facts` are a few words on it, `url` leads to more, `detail` is a part that tells it."""

    kind: str
    place: Place
    icon: str
    title: str
    source: str = ""
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[Line] = ()
    url: str = ""
    detail: str = ""
    value: float = 0
    tag: str = ""

    @property
    def at(self) -> datetime:
        return self.place.at

    @property
    def is_recent(self) -> bool:
        return timezone.now() - self.at < RECENT

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.place.id}"


@dataclass(frozen=True)
class Asked:
    """Of whom, what, and from where. `ids` begin with the person's own; those that were taken over follow."""

    ids: Sequence[UUID]
    sees: bool
    kind: str = ""
    name: str = ""
    before: Place | None = None
    limit: int = PER_PAGE

    @cached_property
    def hidden(self) -> Private:
        return find_hidden(sees=self.sees)


@dataclass(frozen=True)
class Timeline:
    entries: Sequence[Entry] = field(default=())
    after: str = ""  # the place that the next page begins behind; "" at the end


def list_timeline(asked: Asked) -> Timeline:
    wanted = [each for kind, each in _READERS.items() if asked.kind in ("", kind)]
    if asked.name:
        wanted = [_list_events]
    found = [row for read in wanted for row in read(asked, asked.limit + 1)]
    found.sort(key=lambda row: row[0].key, reverse=True)
    rows, rest = found[: asked.limit], found[asked.limit :]
    changes = [each.segment for place, each in rows if place.rank == RANKS["audience"]]
    answers = [answer for place, each in rows if place.rank == RANKS["decision"] for answer in each.answers]
    names = find_names(audiences=changes, answers=answers)
    tellers = {RANKS[kind]: tell for kind, tell in _TELLERS.items()}
    entries = [tellers[place.rank](place, row, names, asked) for place, row in rows]
    return Timeline(entries, entries[-1].place.write() if rest else "")


def list_news(asked: Asked, newest: Place | None) -> Timeline:
    """What has happened since the newest entry that is shown."""
    told = list_timeline(asked)
    return Timeline([each for each in told.entries if newest is None or each.place.key > newest.key])


Row = tuple[Place, Any]


def _behind(asked: Asked, kind: str, lowest: Any, highest: Any) -> Any:
    """The place of a page in the order of one kind alone: its moment, and an id before which its entries are."""
    if asked.before is None:
        return None
    rank = RANKS[kind]
    if rank == asked.before.rank:
        return asked.before.at, asked.before.id
    return asked.before.at, highest if rank > asked.before.rank else lowest


def _list_events(asked: Asked, limit: int) -> list[Row]:
    before = _behind(asked, "event", 0, MAX_ID)
    found = page_past(asked.ids[0], limit=limit, before=before, name=asked.name or None)
    return [(Place(each.at, RANKS["event"], each.id), each) for each in found]


def _list_decisions(asked: Asked, limit: int) -> list[Row]:
    found = page_decisions(asked.ids, limit=limit, before=_behind(asked, "decision", NO_ID, LAST_ID))
    return [(Place(each.at, RANKS["decision"], each.id), each) for each in found]


def _list_changes(asked: Asked, limit: int) -> list[Row]:
    found = page_changes(asked.ids, limit=limit, before=_behind(asked, "audience", 0, MAX_ID))
    return [(Place(each.at, RANKS["audience"], each.pk), each) for each in found]


def _list_merges(asked: Asked, limit: int) -> list[Row]:
    found = page_merges(asked.ids, limit=limit, before=_behind(asked, "merge", 0, MAX_ID))
    return [(Place(each.at, RANKS["merge"], each.pk), each) for each in found]


def _tell_event(place: Place, event: Any, names: Names, asked: Asked) -> Entry:
    said = event.properties or event.traits
    hidden = asked.hidden.get(event.name, ())
    kept = said if asked.sees else mask_properties(said, hidden if event.properties else ())
    plain = ((name, value) for name, value in kept.items() if isinstance(value, str | int | float) and value != "")
    where = {"id": asked.ids[0], "at": f"{place.at.astimezone(UTC):%Y%m%dT%H%M%S-%f}", "number": place.id}
    return Entry(
        "event",
        place,
        "user-search" if event.type == "identify" else "activity",
        event.name,
        source=event.source,
        facts=[(name, _say_value(value)) for name, value in islice(plain, SHOWN_PROPERTIES)],
        detail=reverse("studio:person_event", kwargs=where),
        value=0 if hides_worth(hidden) else event.value,
    )


def _say_value(value: Any) -> str:
    """54, also where it was sent as 54.0."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)[:MAX_SHOWN]


def _tell_decision(place: Place, decision: Any, names: Names, asked: Asked) -> Entry:
    return Entry(
        "decision",
        place,
        "list-checks",
        gettext("Decision by Book %(number)s") % {"number": decision.book},
        source=decision.source or decision.door,
        lines=[
            Line(names.slots.get(each["slot"], each["slot"]), say_answer(each, names), say_suppressed(each, names))
            for each in decision.answers
        ],
        url=reverse("studio:decision", kwargs={"id": decision.id}),
    )


def _tell_change(place: Place, change: Any, names: Names, asked: Asked) -> Entry:
    entered = change.what == "entered"
    phrase = gettext("Entered %(audience)s") if entered else gettext("Left %(audience)s")
    return Entry(
        "audience",
        place,
        "plus" if entered else "minus",
        phrase % {"audience": names.audiences.get(change.segment, change.segment)},
        source=str(CAUSES.get(change.cause, change.cause)),
        url=reverse("studio:audience", kwargs={"slug": change.segment}),
        tag="success" if entered else "",
    )


def _tell_merge(place: Place, merge: Any, names: Names, asked: Asked) -> Entry:
    return Entry("merge", place, "git-merge", gettext("Profile %(id)s became part") % {"id": shorten(merge.loser_id)})


_READERS: Mapping[str, Callable[[Asked, int], list[Row]]] = {
    "event": _list_events,
    "decision": _list_decisions,
    "audience": _list_changes,
    "merge": _list_merges,
}
_TELLERS: Mapping[str, Callable[[Place, Any, Names, Asked], Entry]] = {
    "event": _tell_event,
    "decision": _tell_decision,
    "audience": _tell_change,
    "merge": _tell_merge,
}
