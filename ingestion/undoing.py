"""Undoes a merge: works out what would have been, and has the processor put it in place while nothing has changed."""

import heapq
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

import zstandard
from django.utils.translation import gettext
from msgspec.structs import replace

from ingestion.log import EventLog
from ingestion.reliving import Joining, Parted, Story, relive
from ingestion.steps import Definitions
from profiles.event import Event, Split, derive_profile_id, pack, partition_of
from profiles.identity import retired_key
from profiles.models import MergeRecord
from profiles.past import read_since, to_milliseconds
from profiles.profile import MAX_NAMES, Profile, fingerprint, recall, unpack
from profiles.profile import pack as pack_profile
from profiles.queries import Aftermath, find_takeover, trace_aftermath
from profiles.store import ProfileStore
from profiles.writing import write_day
from segments.queries import find_enrolled

TRIES = 20  # a person who does something each time between reading and writing is not let go
LOOKS = 100  # for the outcome of one try
LOOK_S = 0.1


class UndoRefused(Exception):
    """Why a merge cannot be undone, and what can be done about it."""


class UndoPending(Exception):
    """It was asked for, and has not happened yet."""


class _Lagging(Exception):
    """The archive does not hold yet what the profile already does, or never will."""


class Plan(NamedTuple):
    """What undoing a merge comes to, worked out from the winner's present state."""

    present: Profile
    parted: Parted


class Undoer:
    """`definitions` are those in force, `clock` gives Unix milliseconds, `wait` lets some seconds pass."""

    def __init__(
        self,
        *,
        store: ProfileStore,
        log: EventLog,
        definitions: Callable[[], Definitions],
        clock: Callable[[], int],
        wait: Callable[[float], object],
        partitions: int,
    ) -> None:
        self._store = store
        self._log = log
        self._definitions = definitions
        self._clock = clock
        self._wait = wait
        self._partitions = partitions

    def plan(self, merge: MergeRecord) -> Plan:
        """What would become of both, without changing anything. Raises UndoRefused."""
        for _ in range(TRIES):
            try:
                return self._plan(merge)
            except _Lagging as error:
                reason = str(error)
                self._wait(LOOK_S)
        raise UndoRefused(reason)

    def undo(self, merge: MergeRecord, *, by: str) -> Plan:
        """Puts both profiles into the state they would be in, had the merge never been. Raises UndoRefused with nothing
        changed; UndoPending when the processor has not come to it."""
        for _ in range(TRIES):
            plan = self.plan(merge)
            self._ask(merge, plan, by)
            if self._is_done(merge, plan):
                return plan
        raise UndoRefused(
            gettext("This person is doing things at this very moment, faster than it can be undone. Try again.")
        )

    def _plan(self, merge: MergeRecord) -> Plan:
        present = self._find_winner(merge)
        definitions = self._definitions()
        aftermath = trace_aftermath(merge)
        story = Story(
            winner=_recall(_read(aftermath.start.before), present),
            since=to_milliseconds(aftermath.start.at),
            undone=_describe(merge, present),
            parts=_order_parts(aftermath, present),
        )
        parted = relive(story, definitions, known=present.identifiers, until=self._clock())
        _compare(present, parted)
        # What models said is of the night before; they say it anew.
        winner = replace(parted.winner, scores=present.scores, cluster=present.cluster)
        parted = parted._replace(winner=winner)
        return Plan(present, _enrol(present, story, parted, definitions.segments.enrolled))

    def _find_winner(self, merge: MergeRecord) -> Profile:
        """The winner's present state; refused where there is nothing to undo, or something else to be undone first."""
        if merge.undone is not None:
            said = (
                gettext("This merge was undone by %(by)s on %(day)s at %(time)s UTC.")
                if merge.undone_by
                else gettext("This merge was undone on %(day)s at %(time)s UTC.")
            )
            places = {"by": merge.undone_by, "day": write_day(merge.undone), "time": f"{merge.undone:%H:%M}"}
            raise UndoRefused(said % places)
        loser, winner = merge.loser_id.hex, merge.winner_id.hex
        if (takeover := find_takeover(merge.winner_id)) is not None:
            said = gettext("%(winner)s has become part of %(other)s since: undo merge %(merge)s first.")
            raise UndoRefused(said % {"winner": merge.winner_id, "other": takeover.winner_id, "merge": takeover.pk})
        present = self._store.load([winner]).get(winner)
        if self._store.find_links([retired_key(loser)]).get(retired_key(loser)) != winner:
            raise UndoRefused(gettext("The two are not one person any more: the merge was undone a moment ago."))
        if present is None:
            raise UndoRefused(
                gettext("There is nothing to part: %(winner)s has no state.") % {"winner": merge.winner_id}
            )
        return present

    def _ask(self, merge: MergeRecord, plan: Plan, by: str) -> None:
        winner, loser, keys, passed, *_ = plan.parted
        split = Split(
            loser=loser.id,
            winner=winner.id,
            because=merge.because,
            expected=fingerprint(plan.present),
            winner_state=pack_profile(winner),
            loser_state=pack_profile(loser),
            keys=keys,
            passed=passed,
            by=by,
            at=self._clock(),
        )
        self._log.append({partition_of(winner.id, self._partitions): [pack(split)]})

    def _is_done(self, merge: MergeRecord, plan: Plan) -> bool:
        """Whether the processor and then the archiver have done it; False when the processor refused it."""
        id, retired = plan.present.id, retired_key(plan.parted.loser.id)
        expected = fingerprint(plan.present)
        for _ in range(LOOKS):
            merge.refresh_from_db(fields=["undone", "undone_by"])
            if merge.undone is not None:
                return True
            # The state first: one that has changed while the two are still one was changed by something else.
            now = self._store.load([id]).get(id)
            is_one = bool(self._store.find_links([retired]))
            if is_one and (now is None or fingerprint(now) != expected):
                return False
            self._wait(LOOK_S)
        if is_one:
            raise UndoPending("It is asked for, and happens as soon as a processor is running again.")
        raise UndoPending("The profiles are parted; the archive follows as soon as an archiver is running again.")


def _read(state: bytes | memoryview) -> Profile:
    try:
        return unpack(bytes(state))
    except (ValueError, zstandard.ZstdError) as error:
        raise UndoRefused("What was kept of this merge cannot be read by this version of the product.") from error


def _recall(profile: Profile, present: Profile) -> Profile:
    """With the properties that have come to be remembered since: the present state has them of the same events."""
    events = {
        name: replace(history, recent=recall(history.recent, present.events[name].recent))
        for name, history in profile.events.items()
        if name in present.events
    }
    return replace(profile, events={**profile.events, **events})


def _describe(merge: MergeRecord, present: Profile) -> Joining:
    return Joining(
        loser=_recall(_read(merge.state), present),
        keys=tuple(merge.keys),
        because=merge.because,
        user_id=merge.user_id,
        at=to_milliseconds(merge.at),
    )


def _order_parts(aftermath: Aftermath, present: Profile) -> Iterator[Event | Joining]:
    """Events as they were received, and after those that came before it each merge."""
    since = read_since(UUID(present.id), aftermath.start.after)
    events = (((event.received, id), event) for id, event in since)
    merges = (((to_milliseconds(merge.at), merge.after), _describe(merge, present)) for merge in aftermath.later)
    parts: Iterator[tuple[tuple[int, int], Event | Joining]] = heapq.merge(events, merges, key=itemgetter(0))
    return (part for _, part in parts)


def _compare(present: Profile, parted: Parted) -> None:
    """What the archive tells since the merge has to add up to what the profile counts, or something is missing."""
    counts = {name: history.count for name, history in present.events.items()}
    is_full = len(counts) >= MAX_NAMES  # it counts no further names, which the archive does
    for name in sorted(counts.keys() | parted.counts.keys()):
        counted, archived = counts.get(name, 0), parted.counts[name]
        if counted > archived or (counted < archived and not is_full):
            raise _Lagging(
                f"The profile counts {counted:,} × “{name}”, the archive {archived:,}: from the two it cannot be told "
                "what would have been. Nothing was changed. If the archiver is behind, try again when it has caught up."
            )


def _enrol(present: Profile, story: Story, parted: Parted, enrolled: Container[str]) -> Parted:
    """Lists and snapshots have whom they name; the two stay in those they are in, each by the names of its own."""
    carried = {key: at for key, at in present.segments.items() if key in enrolled}
    if not carried:
        return parted
    winner, loser = parted.winner, parted.loser
    losers = find_enrolled(carried, _list_names(loser, parted.keys))
    winners = find_enrolled(carried, _list_names(winner, set(present.identifiers) - set(parted.keys)))
    return parted._replace(
        winner=_replace_enrolled(
            winner, {**carried, **story.winner.segments}, (carried.keys() - losers) | winners, enrolled
        ),
        loser=_replace_enrolled(loser, {**carried, **story.undone.loser.segments}, losers, enrolled),
    )


def _list_names(profile: Profile, keys: Iterable[str]) -> list[str]:
    """The ids by which members of a list are stored."""
    return [profile.id, *(derive_profile_id(key) for key in keys if key[:2] in ("a:", "u:"))]


def _replace_enrolled(
    profile: Profile, moments: Mapping[str, int], keys: Iterable[str], enrolled: Container[str]
) -> Profile:
    evaluated = {key: at for key, at in profile.segments.items() if key not in enrolled}
    return replace(profile, segments={**evaluated, **{key: moments[key] for key in keys}})
