"""The builder: fills new versions of segments in the background, profile by profile, and puts them in force at once.

It hands profiles to the processors through the event log, a little at a time, so that live events hardly wait, and no
profile is ever changed by two. Whatever it knows is in PostgreSQL: killed at any moment, the next one goes on.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import redis
from django.db import connection
from django.db.models import F, QuerySet

from ingestion.archiving import EPOCH, moment
from ingestion.log import START, EventLog, LogUnavailable, Offset
from ingestion.models import ArchiveOffset
from ingestion.streams import Streams, is_reached
from profiles import keys
from profiles.clients import Client
from profiles.event import Enrol, Fill, Recall, Record, Settle, pack, partition_of
from profiles.locks import BUILD
from profiles.models import StoredProfile
from profiles.profile import Memory
from profiles.recollection import Recollection, count_people, list_people, recollect
from profiles.store import ProfileStore, StoreUnavailable
from segments.actions import blame_build, finish_build, put_in_force
from segments.collecting import collect_members
from segments.models import Build, Member
from segments.queries import list_waiting_builds, read_roster
from segments.roster import ENROLLED, SNAPSHOT

logger = logging.getLogger(__name__)

CHUNK = 4_000  # profiles handed out at once
IN_FLIGHT = 2  # chunks that processors may have before them
RECORD = 100  # profiles of one record
SETTLE_MS = 2_000  # after the cut-over: nobody answers by the former roster any more, as all look twice a second
LOOK_S = 0.01  # between looks at how far the processors are

T = TypeVar("T")
Walk = Callable[[UUID | None], list[UUID]]  # the next profiles after one


class NotYet(Exception):
    """The time is over; the message says what was waited for, if anything was."""


class CalledOff(Exception):
    """Somebody has cancelled the build, or published anew."""


class Builder:
    """Works on builds one after the other. Several may try, one works.

    `clock` gives Unix milliseconds, `memory` what profiles remember; `announce` brings the newest roster into force,
    `pause` passes the time between looks at how far the others are."""

    def __init__(
        self,
        client: Client,
        *,
        log: EventLog,
        store: ProfileStore,
        partitions: int,
        clock: Callable[[], int],
        memory: Callable[[], Memory],
        announce: Callable[[], object],
        pause: Callable[[], object] = lambda: time.sleep(LOOK_S),
    ) -> None:
        self._client = client
        self._log = log
        self._store = store
        self._streams = Streams(client)
        self._partitions = partitions
        self._logs = [keys.log(number) for number in range(partitions)]
        self._clock = clock
        self._memory = memory
        self._announce = announce
        self._pause = pause
        self._states: Mapping[str, Callable[[Build], None]] = {
            Build.State.QUEUED: self._start,
            Build.State.COLLECTING: self._collect,
            Build.State.ADOPTING: self._adopt,
            Build.State.ENROLLING: self._enrol,
            Build.State.FILLING: self._fill,
            Build.State.SETTLING: self._settle,
        }
        self._deadline = 0.0
        self._flight: deque[Mapping[str, Offset]] = deque()  # where each log ended after a chunk

    def work(self, seconds: float) -> bool:
        """Moves builds on for so long, or until none is left. False when somebody else is at it."""
        self._deadline = time.monotonic() + seconds
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [BUILD])
            if not cursor.fetchone()[0]:
                return False
        try:
            for build in list_waiting_builds():
                self._work_on(build)
                if time.monotonic() > self._deadline:
                    break
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [BUILD])
        return True

    def _work_on(self, build: Build) -> None:
        """One build, until it ends, or the time is over, or something is in its way."""
        try:
            # What a builder before this one has handed out counts as under way.
            self._flight = deque([self._streams.list_ends(self._logs)])
            self._meet_server(build)
            while build.state in self._states:
                self._states[build.state](build)
        except CalledOff:
            logger.info("%s was called off", build)
        except NotYet as reason:
            Build.objects.filter(pk=build.pk).update(error=str(reason))
        except (StoreUnavailable, LogUnavailable, redis.RedisError) as error:
            Build.objects.filter(pk=build.pk).update(error=f"Waiting for Redis: {type(error).__name__}.")
        except Exception as error:
            logger.exception("%s failed", build)
            blame_build(build, f"{type(error).__name__}: {error}", at=self._now())

    def _meet_server(self, build: Build) -> None:
        """A Redis that was restarted may have lost what was handed out in its last second: everybody is asked again."""
        server = self._client.info("server")["run_id"]
        if build.server not in ("", server):
            self._keep(build, server=server, cursor=None, member=0, done=0, state=_begin_again(build))
        elif not build.server:
            self._keep(build, server=server)

    def _start(self, build: Build) -> None:
        self._keep(build, state=Build.State.COLLECTING, started=self._now())

    def _collect(self, build: Build) -> None:
        """Finds the people of snapshots."""
        for version in build.versions.filter(kind=SNAPSHOT, collected=False):
            collect_members(version, read_roster(), self._memory())
        self._keep(build, state=Build.State.ADOPTING)

    def _adopt(self, build: Build) -> None:
        """From now on no profile is changed without regard to the new versions; those of before are all archived."""
        self._await_roster(build)
        self._await_archive()
        total = _members_of(build).count()
        if build.recalls:
            total = count_people(build.recalls, _oldest(build, self._memory()))
        elif _list_filled(build):
            total += StoredProfile.objects.count()
        self._keep(build, state=Build.State.ENROLLING, total=total, asked=self._now())

    def _enrol(self, build: Build) -> None:
        """Puts the members of lists and snapshots into them."""
        while members := list(_next_members(build)):
            for key, found in _by_version(members).items():
                people = [(person, person[1]) for person in self._look_up(found)]
                self._hand_out(self._group(people, partial(_ask_to_enrol, build, key)))
            self._keep(build, member=members[-1].pk, done=F("done") + len(members))
        self._land(build)
        if build.upload_id is None:
            self._keep(build, state=Build.State.FILLING)
        else:
            self._finish(build)

    def _fill(self, build: Build) -> None:
        """Evaluates the other versions for everybody, and lets them answer."""
        if build.recalls:
            return self._recall(build)
        filled = _list_filled(build)
        if filled:
            self._walk(build, _next_profiles, lambda ids: Fill(build=build.pk, keys=filled, profiles=ids))
        put_in_force(build, at=self._now())
        build.refresh_from_db()

    def _recall(self, build: Build) -> None:
        """Brings properties that are remembered now to everybody who did the events before."""
        memory = self._memory()
        since = _oldest(build, memory)
        while people := list_people(build.recalls, since, after=build.cursor, limit=CHUNK):
            found = recollect(people, build.recalls, since, memory)
            self._hand_out((each.profile_id, _ask_to_recall(build, each)) for each in found)
            self._keep(build, cursor=people[-1], done=F("done") + len(people))
        self._land(build)
        self._finish(build)

    def _settle(self, build: Build) -> None:
        """Lets go of what was replaced, and tells who has come and gone by it."""
        self._await_roster(build)
        if build.asked is None:
            self._keep(build, asked=self._now())
        since, at = _to_ms(build.started), _to_ms(build.asked)
        self._await_archive()
        retired = read_roster().retired
        answering = tuple(version.key for version in build.versions.all())
        pairs, carried = tuple(retired.items()), [*retired, *answering]
        if not build.total:
            self._keep(build, total=_carrying(carried).count())
        if build.total:
            self._await(lambda: self._clock() >= at + SETTLE_MS, "every process to work with the new roster")

        def settle(ids: tuple[str, ...]) -> Settle:
            return Settle(build=build.pk, keys=answering, retired=pairs, since=since, at=at, profiles=ids)

        self._walk(build, lambda after: _next_profiles(after, carried), settle)
        self._finish(build, settled=retired)

    def _finish(self, build: Build, settled: Iterable[str] = ()) -> None:
        finish_build(build, settled=settled, at=self._now())
        build.refresh_from_db()

    def _walk(self, build: Build, following: Walk, ask: Callable[[tuple[str, ...]], Record]) -> None:
        """Hands everybody of a walk to the processors, and waits until they are through with them."""
        while ids := following(build.cursor):
            self._hand_out(self._group([(id.hex, id.hex) for id in ids], ask))
            self._keep(build, cursor=ids[-1], done=F("done") + len(ids))
        self._land(build)

    def _group(
        self, people: Iterable[tuple[T, str]], ask: Callable[[tuple[T, ...]], Record]
    ) -> Iterator[tuple[str, Record]]:
        """Few records for many people, each with the id of their profile; and whose partition is asked by which."""
        homes: dict[int, list[tuple[T, str]]] = defaultdict(list)
        for person, profile_id in people:
            homes[partition_of(profile_id, self._partitions)].append((person, profile_id))
        for found in homes.values():
            for start in range(0, len(found), RECORD):
                some = found[start : start + RECORD]
                yield some[0][1], ask(tuple(person for person, _ in some))

    def _hand_out(self, records: Iterable[tuple[str, Record]]) -> None:
        """Puts records into the logs of these profiles; waits while too many are under way."""
        while len(self._flight) >= IN_FLIGHT:
            self._await_oldest()
        logs: dict[int, list[bytes]] = defaultdict(list)
        for profile_id, record in records:
            logs[partition_of(profile_id, self._partitions)].append(pack(record))
        self._log.append(logs)
        self._flight.append(self._streams.list_ends(self._logs))

    def _land(self, build: Build) -> None:
        """Waits until the processors are through with everything that was handed out."""
        while self._flight:
            self._await_oldest()
        if self._client.info("server")["run_id"] != build.server:
            raise NotYet("Redis was restarted meanwhile.")

    def _await_oldest(self) -> None:
        for partition, end in enumerate(self._flight[0].values()):
            what = f"the processors: partition {partition} has not come to {end} yet"
            self._await(partial(self._is_past, partition, end), what)
        self._flight.popleft()

    def _is_past(self, partition: int, end: Offset) -> bool:
        return is_reached(self._store.offset(partition), end)

    def _await_roster(self, build: Build) -> None:
        self._announce()
        self._await(
            lambda: int(self._client.get(keys.ROSTER) or 0) >= build.roster,
            f"roster {build.roster} to be announced",
        )

    def _await_archive(self) -> None:
        """Waits until the durable copies know all that has been applied by now."""
        ends = self._streams.list_ends([keys.accepted(number) for number in range(self._partitions)])

        def is_archived() -> bool:
            offsets = dict(ArchiveOffset.objects.filter(stream__in=ends).values_list("stream", "offset"))
            return all(is_reached(offsets.get(stream, START), end) for stream, end in ends.items())

        self._await(is_archived, "the archiver, which has not stored yet what was applied before")

    def _await(self, holds: Callable[[], bool], what: str) -> None:
        while not holds():
            if time.monotonic() > self._deadline:
                raise NotYet(f"Waiting for {what}.")
            self._pause()

    def _look_up(self, members: Sequence[Member]) -> Iterator[tuple[str, str]]:
        """(identifier, the profile it stands for now) of each."""
        identifiers = [member.identifier or "" for member in members]
        links = self._store.find_links([identifier for identifier in identifiers if identifier])
        for member, identifier in zip(members, identifiers, strict=True):
            yield identifier, links.get(identifier, member.profile_id.hex)

    def _keep(self, build: Build, **changes: Any) -> None:
        """Stores how far it has come; raises NotYet when somebody has called it off meanwhile."""
        now = self._now()
        kept = Build.objects.filter(pk=build.pk, state=build.state).update(**changes, heartbeat=now, tries=0, error="")
        build.refresh_from_db()
        if not kept:
            raise CalledOff
        if time.monotonic() > self._deadline:
            raise NotYet("")

    def _now(self) -> datetime:
        return moment(self._clock())


def _begin_again(build: Build) -> str:
    """The state in which the walk of a build begins that was in the middle of one."""
    return Build.State.ENROLLING if build.state == Build.State.FILLING else build.state


def _ask_to_enrol(build: Build, key: str, people: tuple[tuple[str, str], ...]) -> Record:
    return Enrol(build=build.pk, key=key, people=people)


def _ask_to_recall(build: Build, known: Recollection) -> Record:
    moments = tuple((each.at, each.value, dict(each.properties)) for each in known.moments)
    return Recall(build=build.pk, profile=known.profile_id, name=known.name, moments=moments)


def _oldest(build: Build, memory: Memory) -> datetime:
    """Since when events are remembered."""
    return build.queued - timedelta(milliseconds=memory.retention_ms)


def _list_filled(build: Build) -> tuple[str, ...]:
    """The keys of the versions that everybody is asked about."""
    return tuple(version.key for version in build.versions.exclude(kind__in=ENROLLED))


def _members_of(build: Build) -> QuerySet[Member]:
    if build.upload_id is not None:
        return Member.objects.filter(upload_id=build.upload_id)
    return Member.objects.filter(version__in=build.versions.filter(kind__in=ENROLLED))


def _next_members(build: Build) -> QuerySet[Member]:
    return _members_of(build).filter(pk__gt=build.member).select_related("version").order_by("pk")[:CHUNK]


def _by_version(members: Iterable[Member]) -> Mapping[str, list[Member]]:
    found: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        found[member.version.key].append(member)
    return found


def _next_profiles(after: UUID | None, carried: Sequence[str] | None = None) -> list[UUID]:
    """The next profiles by their ids; with `carried`, those alone that carry one of these keys."""
    people = StoredProfile.objects.all() if carried is None else _carrying(carried)
    if after is not None:
        people = people.filter(pk__gt=after)
    return list(people.order_by("pk").values_list("pk", flat=True)[:CHUNK])


def _carrying(carried: Sequence[str]) -> QuerySet[StoredProfile]:
    return StoredProfile.objects.filter(segments__has_any_keys=carried)


def _to_ms(at: datetime | None) -> int:
    assert at is not None  # a build that has something to settle was started
    return (at - EPOCH) // timedelta(milliseconds=1)
