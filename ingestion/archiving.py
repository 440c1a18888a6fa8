"""Turns records of the accepted log into rows that PostgreSQL takes: no NUL in text, no infinite numbers. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from ingestion.accepted import (
    Accepted,
    Applied,
    Dead,
    Erased,
    Filled,
    Linked,
    Merged,
    SegmentEntered,
    SegmentLeft,
    Unlinked,
    Unmerged,
)
from profiles.decided import Decided, Granted, number_position
from profiles.event import Event
from profiles.profile import Profile, unpack
from profiles.rows import ArchiveRow, MergeRow, ProfileRow, UndoneRow
from segments.conditions.language import HISTORY_LIMIT
from segments.rows import ChangeRow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(9999, 1, 1, tzinfo=UTC)

_encode = msgspec.json.Encoder().encode


class Turn(NamedTuple):
    """A merge, or the end of one, and how many of the batch's events came before it."""

    events: int
    row: MergeRow | UndoneRow


@dataclass
class Batch:
    """What some accepted records come to. `links` are the identifiers that were linked or unlinked, and when; `touched`
    are the profiles whose durable copy is out of date."""

    events: list[ArchiveRow] = field(default_factory=list)
    observed: list[Event] = field(default_factory=list)  # the same events, in the same order
    links: dict[str, datetime] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    granted: list[Granted] = field(default_factory=list)
    erased: list[Erased] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)  # numbers of events whose person was erased after them
    dead: list[Dead] = field(default_factory=list)
    touched: dict[str, None] = field(default_factory=dict)
    losers: list[str] = field(default_factory=list)  # profiles that others have taken over

    def add(self, record: Accepted) -> None:
        match record:
            case Applied():
                self.events.append(_archive(record))
                self.observed.append(record.event)
                self.touched[record.profile] = None
            case Linked() | Unlinked():
                self.links[clean(record.identifier)] = moment(record.at)
            case Merged():
                self.turns.append(Turn(len(self.events), _describe_merge(record)))
                self.losers.append(record.loser)
                self.touched.update({record.winner: None, record.loser: None})
            case Unmerged():
                self.turns.append(Turn(len(self.events), _describe_undone(record)))
                self.touched[record.winner] = None
            case SegmentEntered():
                self._note(record, "entered")
            case SegmentLeft():
                self._note(record, "left")
            case Filled():
                self.touched.update(dict.fromkeys(record.profiles))
            case Decided():
                self.decided.append(record)
            case Granted():
                self.granted.append(record)
            case Erased():
                self._forget(record.profile)
                self.erased.append(record)
            case Dead():
                self.dead.append(record)

    def _forget(self, profile: str) -> None:
        """What came before is not kept; what was granted is, of nobody."""
        self.gone.update(number for number, row in enumerate(self.events) if row.profile_id == profile)
        self.changes = [change for change in self.changes if change.profile_id != profile]
        self.decided = [each for each in self.decided if each.profile != profile]
        self.granted = [
            replace(each, profile=uuid4().hex, decision=uuid4().hex) if each.profile == profile else each
            for each in self.granted
        ]

    def _note(self, record: SegmentEntered | SegmentLeft, what: str) -> None:
        at, because = moment(record.at), clean(record.because)
        self.changes += [
            ChangeRow(record.profile, clean(slug), what, at, record.cause, because) for slug in record.segments
        ]
        self.touched[record.profile] = None


class Keeper(Protocol):
    """Keeps what a batch has besides events and people. `prepare` is called before the transaction, `store` in it, with
    the numbers of the batch's events that were not archived before; `forget` as ingestion.forgetting says."""

    def prepare(self, batch: Batch) -> None: ...
    def store(self, batch: Batch, fresh: Sequence[int]) -> None: ...
    def forget(self, ids: Sequence[str], *, until: int | None, before: int) -> Mapping[str, int]: ...


def collect(records: Iterable[Accepted]) -> Batch:
    batch = Batch()
    for record in records:
        batch.add(record)
    return batch


def _archive(record: Applied) -> ArchiveRow:
    event = record.event
    return ArchiveRow(
        at=moment(event.at),
        received=moment(event.received),
        source=clean(event.source),
        message_id=clean(event.id),
        profile_id=record.profile,
        type=event.type,
        name=clean(event.name),
        anonymous_id=None if event.anonymous_id is None else clean(event.anonymous_id),
        user_id=None if event.user_id is None else clean(event.user_id),
        value=event.value if isfinite(event.value) else 0.0,
        properties=to_json(event.properties),
        traits=to_json(event.traits),
        context=to_json(event.context),
        entered=to_json(record.entered),
        left=to_json(record.left),
        previous_id=None if event.previous_id is None else clean(event.previous_id),
        position=number_position(record.position),
    )


def _describe_merge(record: Merged) -> MergeRow:
    return MergeRow(
        loser_id=record.loser,
        winner_id=record.winner,
        state=record.state,
        because=clean(record.because),
        at=moment(record.at),
        before=record.before,
        keys=[clean(key) for key in record.keys],
        user_id=clean(record.user_id),
        position=number_position(record.position),
    )


def _describe_undone(record: Unmerged) -> UndoneRow:
    return UndoneRow(
        loser_id=record.loser,
        winner_id=record.winner,
        because=clean(record.because),
        devices=[clean(key[2:]) for key in record.keys if key.startswith("a:")],
        users=[clean(key[2:]) for key in record.keys if key.startswith("u:")],
        passed=[(passed.loser, clean(passed.because), passed.before) for passed in record.passed],
        by=clean(record.by),
        at=moment(record.at),
    )


def describe(profile_id: str, packed: bytes) -> ProfileRow:
    """The durable copy of a packed profile; raises ValueError when it cannot be read."""
    profile: Profile = unpack(packed)
    crowded = [name for name, history in profile.events.items() if history.count > HISTORY_LIMIT]
    return ProfileRow(
        id=profile_id,
        user_id=None if profile.user_id is None else clean(profile.user_id),
        first_seen=moment(profile.first_seen),
        last_seen=moment(profile.last_seen),
        traits=to_json({name: trait.value for name, trait in profile.traits.items()}),
        segments=to_json(profile.segments),
        cluster=None if profile.cluster is None else clean(profile.cluster),
        scores=to_json(profile.scores),
        consent=to_json({purpose: choice.value for purpose, choice in profile.consent.items()}),
        crowded=to_json(crowded) if crowded else None,
        state=packed,
    )


def moment(milliseconds: int) -> datetime:
    """Unix milliseconds as a time; what lies outside the calendar is put at its end."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return EPOCH if milliseconds < 0 else LAST_MOMENT


def clean(text: str) -> str:
    """`text` without NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


def to_json(value: Any) -> str:
    """JSON that PostgreSQL takes: no NUL in any text. The encoder writes infinite numbers as null."""
    encoded = _encode(value)
    if b"\\u0000" in encoded:
        encoded = _encode(_clean_all(value))
    return encoded.decode()


def _clean_all(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(name)): _clean_all(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean_all(item) for item in value]
    return value
