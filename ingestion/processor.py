"""The processor: reads a batch of one partition, takes every record through its steps, commits all of it at once."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event as Signal
from typing import Protocol

from msgspec.structs import replace

from ingestion.accepted import Cause, Dead
from ingestion.accepted import pack as pack_accepted
from ingestion.filling import note_filled
from ingestion.leases import Leases
from ingestion.live import pack as pack_change
from ingestion.log import EventLog, LogUnavailable, Offset
from ingestion.meter import NO_METER, Meter
from ingestion.records import apply_record, decode, expected_profiles, find_mark, needed_identifiers
from ingestion.steps import Definitions, Outcome, Work
from profiles.event import Event, Fill, Record, Settle, partition_of
from profiles.identity import retired_key
from profiles.profile import pack as pack_profile
from profiles.store import Commit, Conflict, Fenced, Outdated, ProfileStore, Reading, StoreUnavailable, day_of

logger = logging.getLogger(__name__)

BATCH = 500
TIMERS = 500  # profiles evaluated anew in one go
WAIT_MS = 50  # longest wait for new records, so that timers and leases get their turn
TEND_S = 1.0  # between looks at leases
PAUSE_S = 0.5  # after the store or log was away
TRIES = 3  # how often a record alone may fail before it is set aside
ALONE = 50  # records tried one by one before other partitions and timers have their turn

POSTPONED_MS = 3_600_000  # a profile that cannot be evaluated

Numbered = tuple[Offset, bytes]


class Current(Protocol):
    """The definitions in force as far as they are known here; `anew` looks for newer ones at once."""

    def __call__(self, *, anew: bool = False) -> Definitions: ...


class Processor:
    """Processes the partitions its leases give it. One thread; several processors share the partitions.

    `definitions` are asked for once per batch, `clock` gives Unix milliseconds.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        store: ProfileStore,
        leases: Leases,
        definitions: "Current",
        clock: Callable[[], int],
        partitions: int,
        meter: Meter = NO_METER,
    ) -> None:
        self._meter = meter
        self._log = log
        self._store = store
        self._leases = leases
        self._definitions = definitions
        self._clock = clock
        self._partitions = partitions
        self._offsets: dict[int, Offset] = {}
        # What was known of a batch that failed for no fault of its records, so that they are not blamed for it.
        self._excused: dict[int, tuple[Offset, tuple[int, int]]] = {}
        self._suspected: set[int] = set()  # partitions where the next record is tried alone: the others wait unread

    def run(self, stop: Signal) -> None:
        """Works until `stop` is set, riding out times when the store or the log is away."""
        tended = -TEND_S
        try:
            while not stop.is_set():
                try:
                    if time.monotonic() - tended >= TEND_S:
                        self._keep(self._leases.tend())
                        tended = time.monotonic()
                    self.step()
                    if not self._offsets:
                        stop.wait(PAUSE_S)  # others hold every partition
                except (StoreUnavailable, LogUnavailable) as error:
                    logger.warning("waiting: %s", error)
                    self._offsets.clear()  # a commit may have gone through unheard
                    stop.wait(PAUSE_S)
        finally:
            self._leases.release()

    def step(self) -> int:
        """One round over the partitions held: due timers, then new records. Returns the number of records taken."""
        for partition in self._offsets:
            self.fire_timers(partition)
        found = self._log.poll(self._offsets, BATCH, WAIT_MS)
        taken = 0
        for partition, records in found.items():
            taken += self._take(partition, records)
        return taken

    def drain(self, partitions: Sequence[int]) -> int:
        """Takes all that is in the log now, without leases: for importers' tests and tools that run alone."""
        self._keep(frozenset(partitions))
        taken = 0
        while more := self.step():
            taken += more
        return taken

    def _keep(self, held: frozenset[int]) -> None:
        for partition in self._offsets.keys() - held:
            del self._offsets[partition]
        for partition in held - self._offsets.keys():
            self._offsets[partition] = self._store.offset(partition)

    def _take(self, partition: int, records: Sequence[Numbered]) -> int:
        """One batch; under suspicion, some of it one by one."""
        taken = 0
        for _ in range(ALONE):
            done = self._try(partition, records[taken:])
            taken += done
            if not done or taken == len(records):
                break
        return taken

    def _try(self, partition: int, records: Sequence[Numbered]) -> int:
        """What goes wrong is told and tried again in the next round."""
        offset = self._offsets[partition]
        is_second = self._excused.get(partition, ("", None))[0] == offset
        try:
            return self.process(partition, offset, records)
        except Outdated as error:
            logger.info("partition %d: %s", partition, error)
            self._definitions(anew=True)
        except (Fenced, Conflict) as error:  # once is everyday business, again and again is not
            logger.log(logging.WARNING if is_second else logging.INFO, "partition %d: %s", partition, error)
            self._offsets[partition] = self._store.offset(partition)
        except (StoreUnavailable, LogUnavailable):
            raise
        except Exception:  # a record that breaks its consumer; counted by `attempt`, isolated and then set aside
            logger.exception("partition %d: a batch after %s failed", partition, offset)
        return 0

    def process(self, partition: int, offset: Offset, records: Sequence[Numbered]) -> int:
        """Takes `records`, read after `offset`, through their steps and commits. Returns how many were taken."""
        now = self._clock()
        if partition in self._suspected:
            records = records[:1]
        decoded = [decode(raw) for _, raw in records]
        reading = self._read(partition, offset, decoded, now)
        blamed = (reading.failed_in_batch, reading.failed_alone)
        excused = self._excused.pop(partition, None)
        if excused is not None and excused[0] == offset:
            blamed = excused[1]
        suspect = reading.suspect
        if blamed[0] and suspect is None:
            suspect = records[-1][0]
        alone = suspect is not None
        if alone:
            records, decoded = records[:1], decoded[:1]
        tries = blamed[1] if alone else blamed[0]
        given_up = alone and tries >= TRIES
        (self._suspected.add if alone else self._suspected.discard)(partition)
        self._store.attempt(partition, offset, alone=alone, tries=tries + 1, suspect=suspect)
        last = records[-1][0]
        kept = suspect if alone and last != suspect else None
        try:
            # What is given up may be what nobody can load any more: the record's own profile.
            work = self._begin(Commit(partition, offset, last, now, kept), () if given_up else decoded, reading)
            for (number, raw), record in zip(records, decoded, strict=True):
                work.position = number
                if given_up:
                    _set_aside(work, number, raw, record, "failed its consumer", tries)
                elif record is None:
                    _set_aside(work, number, raw, record, "cannot be decoded", 1)
                else:
                    apply_record(work, record)
            _finish(work, self._clock())
            self._store.commit(work.commit)
        except (Conflict, Outdated, StoreUnavailable, LogUnavailable):
            self._excused[partition] = (offset, blamed)
            raise
        self._offsets[partition] = last
        if kept is None:
            self._suspected.discard(partition)
        self._meter.committed(self._clock(), [number for number, _ in records], decoded, work.commit.outcomes)
        return len(records)

    def fire_timers(self, partition: int) -> int:
        """Evaluates the profiles whose time has come, and says when theirs comes next. Returns how many."""
        now = self._clock()
        due = self._store.due(partition, now, TIMERS)
        if not due:
            return 0
        try:
            self._evaluate(partition, due, now)
        except Outdated:
            self._definitions(anew=True)
        except (StoreUnavailable, LogUnavailable):
            raise
        except Exception:  # nobody has to wait for a profile that breaks its evaluation
            logger.exception("partition %d: trying %d due profiles one by one", partition, len(due))
            self._evaluate_each(partition, due, now)
        return len(due)

    def _evaluate(self, partition: int, due: Sequence[str], now: int) -> None:
        work = self._begin(self._timers_only(partition, now), (), Reading({}, set(), 0, 0, None))
        segments = work.definitions.segments
        work.profiles.update(self._store.load(due))
        untold = []
        for profile_id in due:
            profile = work.profiles.get(profile_id)
            if profile is None:
                work.commit.timers[profile_id] = None
                continue
            membership = segments.evaluate(profile, now)
            work.commit.timers[profile_id] = membership.flips_at
            if membership.entered or membership.left:
                work.put(replace(profile, segments=membership.segments))
                work.tell_changes(profile_id, membership, Cause.TIME)
                if not segments.say(membership.entered + membership.left):
                    untold.append(profile_id)  # versions that are being filled: the copy has to know all the same
        note_filled(work, untold)
        _finish(work, self._clock())
        self._commit_timers(work.commit)

    def _evaluate_each(self, partition: int, due: Sequence[str], now: int) -> None:
        with suppress(Outdated):  # the next round looks for the newer definitions
            for profile_id in due:
                self._evaluate_alone(partition, profile_id, now)

    def _evaluate_alone(self, partition: int, profile_id: str, now: int) -> None:
        try:
            self._evaluate(partition, [profile_id], now)
        except (Outdated, StoreUnavailable, LogUnavailable):
            raise
        except Exception:
            logger.exception("partition %d: a profile cannot be evaluated; it is tried again in an hour", partition)
            postponed = self._timers_only(partition, now)
            postponed.timers[profile_id] = now + POSTPONED_MS
            self._commit_timers(postponed)

    def _timers_only(self, partition: int, now: int) -> Commit:
        offset = self._offsets.get(partition) or self._store.offset(partition)
        return Commit(partition, offset, offset, now)

    def _commit_timers(self, commit: Commit) -> None:
        try:
            self._store.commit(commit)
        except Fenced:  # another processor has the partition now, and its timers
            self._offsets[commit.partition] = self._store.offset(commit.partition)

    def _read(self, partition: int, offset: Offset, decoded: Sequence[Record | None], now: int) -> Reading:
        needed = dict.fromkeys(key for record in decoded if record is not None for key in needed_identifiers(record))
        marks = [mark for record in decoded if (mark := find_mark(record)) is not None]
        return self._store.read(partition, offset, tuple(needed), marks, now)

    def _begin(self, commit: Commit, decoded: Sequence[Record | None], reading: Reading) -> Work:
        definitions = self._definitions()
        commit.computed_with = definitions.numbers
        ids = {id for record in decoded if record is not None for id in expected_profiles(record, reading.links)}
        profiles = self._store.load([id for id in ids if partition_of(id, self._partitions) == commit.partition])
        # Without a state it is new or was retired: told in one question for the whole batch.
        stateless = ids - profiles.keys()
        retired = [retired_key(id) for id in stateless]
        reading.links.update(self._store.find_links(retired))
        return Work(
            commit=commit,
            partitions=self._partitions,
            definitions=definitions,
            links=reading.links,
            seen=reading.seen,
            profiles=profiles,
            stateless=stateless,
            unlinked=set(retired),
            load=self._store.load,
            find_links=self._store.find_links,
            day=day_of(commit.now),
            erased=dict(reading.erased),
        )


def _set_aside(work: Work, number: Offset, raw: bytes, record: Record | None, reason: str, tries: int) -> None:
    if isinstance(record, Fill | Settle) and len(record.profiles) > 1:
        for profile_id in record.profiles:  # nobody has to do without for the one that breaks
            work.send(profile_id, replace(record, profiles=(profile_id,)))
        return
    dead = Dead(partition=work.commit.partition, offset=number, raw=raw, reason=reason, tries=tries, at=work.now)
    work.commit.accepted.append(pack_accepted(dead))
    work.count(record.source if isinstance(record, Event) else "-", Outcome.DEAD)


def _finish(work: Work, at: int) -> None:
    """Turns what the work holds into the commit's bytes, at the moment before it is committed."""
    for id in work.touched:
        work.commit.profiles[id] = pack_profile(work.profiles[id])
    for id, told in work.memberships.items():
        work.commit.changes.append((id, pack_change(told.change(at))))
