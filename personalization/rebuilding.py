"""A Redis that is not whole is filled from PostgreSQL, by itself: `keep_whole` looks, and does what is to be done.

While Redis has no mark (profiles.whole) processors commit nothing, decisions are answered as while it is away, and the
archiver stands still; the doors take events into the log as always. The last step of a rebuild is one transaction of
Redis that sets the mark; whoever dies before it has it begun anew."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from redis.exceptions import WatchError

from ingestion.archiver import Archiver, Overtaken
from ingestion.archiving import moment
from ingestion.forgetting import Pending
from ingestion.log import START, Offset
from ingestion.log_redis import FIELD, RedisLog
from ingestion.models import ArchiveOffset
from ingestion.records import decode
from ingestion.streams import Streams, is_reached, milliseconds_of
from personalization.keeping import DecisionKeeper
from personalization.people import describe_erasure
from personalization.retallying import put_decisions, put_outcomes
from personalization.wiring import clock as real_clock
from profiles import keys
from profiles.clients import Client
from profiles.erasures import digest_profile, list_known, list_unanswered, list_unfinished
from profiles.event import Erase, Merge, Record, pack, partition_of
from profiles.locks import REBUILD
from profiles.models import ArchivedEvent, Erasure, Identifier, Rebuild, StoredProfile
from profiles.refilling import clear, count_identifiers, count_profiles, put_identifiers, put_marks, put_profiles
from profiles.store import ERASED_S, digest_of
from profiles.whole import read_mark
from segments.actions import begin_builds_again

logger = logging.getLogger(__name__)

NOTE_S = 0.5  # between two notes of how far it is
TRIES = 5
READ_AT_ONCE = 1_000
OLD_MS = 10_000  # what a Redis that was killed may be behind the archive; with more it is another day's copy
Phase, Cause = Rebuild.Phase, Rebuild.Cause
Tell = Callable[[Rebuild], None]
Clock = Callable[[], int]


class Waits(Exception):
    """Nothing is done: somebody has to ask for it, or another process is at it. The message says so."""


def keep_whole(client: Client, *, clock: Clock = real_clock) -> None:
    """One look. Of several processes, one fills Redis; the others go on looking. `clock` gives Unix milliseconds."""
    newest = Rebuild.objects.first()
    mark = read_mark(client)
    if newest is not None and mark == newest.mark:
        if newest.finished is None:  # it died between the last two steps
            _finish(newest)
        return
    if newest is not None and newest.phase == Phase.WAITING and _holds_people(client):
        client.delete(keys.WHOLE)
        return
    with suppress(Waits), _alone():
        _mend(client, mark, Rebuild.objects.first(), clock)


def notice_old_copy(client: Client, *, clock: Clock = real_clock) -> None:
    """Whether Redis was put back from a copy of another day: the archive has more than it ever had."""
    newest = Rebuild.objects.first()
    if newest is not None and read_mark(client) == newest.mark and (behind := measure_age(client)):
        _withdraw(client, behind, clock())


def rebuild(client: Client, tell: Tell = lambda state: None, *, clock: Clock = real_clock) -> Rebuild:
    """Fills Redis now, whatever it holds. Raises Waits when another process is at it."""
    with _alone():
        newest = Rebuild.objects.first()
        return _Rebuilder(client, clock, tell).run(_find_cause(client, newest), newest)


def measure_age(client: Client) -> int:
    """By how many milliseconds the archive has more than Redis ever had: 0 but for one that was put back from a copy.
    What a Redis that was killed has lost is not counted."""
    stored = _read_archived()
    ends = Streams(client).list_ends([stream for stream in stored if stream != keys.REFUSED])
    behind = max((milliseconds_of(stored[stream]) - milliseconds_of(end) for stream, end in ends.items()), default=0)
    return behind if behind > OLD_MS else 0


def _mend(client: Client, mark: int, newest: Rebuild | None, clock: Clock) -> None:
    """Redis has no mark, or another one than PostgreSQL knows of."""
    if newest is not None and mark == newest.mark:
        return  # another process was faster
    if mark > (newest.mark if newest is not None else 0):
        logger.warning("Redis is whole and newer than PostgreSQL, which was put back from a copy")
        _adopt(client, Cause.ADOPTED, mark)
    elif mark:
        _withdraw(client, newest.mark - mark if newest is not None else 0, clock())
    elif newest is None and not _is_known():
        _adopt(client, Cause.NEW, clock())
    elif newest is None and _holds_people(client):
        _adopt(client, Cause.ADOPTED, clock())
    else:
        logger.warning("Redis is not whole: it is filled from PostgreSQL")
        _Rebuilder(client, clock).run(_find_cause(client, newest), newest)


def _find_cause(client: Client, newest: Rebuild | None) -> str:
    """Of one that goes on in the same life of Redis, what it was; else by whether there is anything."""
    is_used = _holds_people(client)
    if newest is not None and newest.finished is None and (is_used or client.exists(keys.FILLING)):
        return newest.cause
    return Cause.ASKED if is_used or read_mark(client) else Cause.LOST


def _withdraw(client: Client, behind: int, now: int) -> None:
    """It holds people as they were: nothing is to be built upon them. Whether what it holds besides is given up is
    somebody's decision."""
    logger.error("Redis is %d s older than PostgreSQL: nothing is committed until somebody rebuilds it", behind // 1000)
    at = timezone.now()
    Rebuild.objects.create(
        mark=now, cause=Cause.OLD, phase=Phase.WAITING, began=at, heartbeat=at, error=f"{behind / 1000:.0f} s"
    )
    client.delete(keys.WHOLE)


def _adopt(client: Client, cause: Rebuild.Cause, mark: int) -> None:
    at = timezone.now()
    Rebuild.objects.create(mark=mark, cause=cause, phase=Phase.DONE, began=at, heartbeat=at, finished=at)
    client.set(keys.WHOLE, mark)


def _finish(state: Rebuild) -> None:
    at = timezone.now()
    Rebuild.objects.filter(pk=state.pk).update(phase=Phase.DONE, finished=at, heartbeat=at)
    state.refresh_from_db()


class _Rebuilder:
    """One rebuild. `tell` hears of every note."""

    def __init__(self, client: Client, clock: Clock, tell: Tell = lambda state: None) -> None:
        self._client = client
        self._clock = clock
        self._tell = tell
        self._noted = 0.0
        self._server = ""

    def run(self, cause: str, former: Rebuild | None) -> Rebuild:
        client, now = self._client, self._clock()
        state = self._begin(cause, former, now)
        try:
            if cause != Cause.OLD:
                _archive_rest(client, self._clock)
            archived = _read_archived()
            clear(client)
            self._enter(state, Phase.IDENTIFIERS, count_identifiers())
            put_identifiers(client, note=self._note(state))
            self._enter(state, Phase.PROFILES, count_profiles())
            handed = put_profiles(client, partitions=settings.PZ_PARTITIONS, now=now, note=self._note(state))
            state.profiles = state.done - len(handed)
            if handed:
                waiting = list_waiting(client, archived if cause == Cause.OLD else {})
                under_way = {record.loser for record in waiting if isinstance(record, Merge)}  # their state will come
                handed = [merge for merge in handed if merge.loser not in under_way]
            self._enter(state, Phase.MARKS)
            state.done = put_marks(client, dedup_ms=settings.PZ_DEDUP_HOURS * 3_600_000, now=now)
            self._enter(state, Phase.DECISIONS)
            put_decisions(client, now=now, note=self._note(state))
            _put_tombstones(client)
            records: list[tuple[str, Record]] = [(merge.winner, merge) for merge in handed]
            if cause == Cause.LOST:
                records += [(request.profile, request) for request in _ask_again()]
            begin_builds_again()
            self._complete(state, records, archived)
        except BaseException as error:
            with suppress(DatabaseError, InterfaceError):
                Rebuild.objects.filter(pk=state.pk).update(error=f"{type(error).__name__}: {error}")
            raise
        _finish(state)
        took = (state.finished or state.began) - state.began
        logger.warning("Redis is whole again: %d profiles in %.1f s", state.profiles, took.total_seconds())
        self._tell(state)
        return state

    def _begin(self, cause: str, former: Rebuild | None, now: int) -> Rebuild:
        """Goes on under the number of one that died, with a mark of its own: what the other left in Redis is void."""
        at = timezone.now()
        state = former if former is not None and former.finished is None else Rebuild(began=at)
        state.mark, state.cause, state.phase, state.heartbeat, state.error = now, cause, Phase.CLEARING, at, ""
        state.began, state.done, state.total = at, 0, 0
        state.save()
        self._client.delete(keys.WHOLE)
        self._client.set(keys.FILLING, now)
        self._server = self._client.info("server")["run_id"]
        self._tell(state)
        return state

    def _enter(self, state: Rebuild, phase: Rebuild.Phase, total: int = 0) -> None:
        state.phase, state.done, state.total = phase, 0, total
        self._keep(state)

    def _note(self, state: Rebuild) -> Callable[[int], None]:
        def note(done: int) -> None:
            state.done = done
            if time.monotonic() - self._noted >= NOTE_S:
                self._keep(state)

        return note

    def _keep(self, state: Rebuild) -> None:
        state.heartbeat = timezone.now()
        state.save(update_fields=["phase", "done", "total", "profiles", "heartbeat"])
        self._noted = time.monotonic()
        self._tell(state)

    def _complete(self, state: Rebuild, records: list[tuple[str, Record]], archived: Mapping[str, Offset]) -> None:
        """Streams go on after what is archived of them, whatever the clock of this Redis says; then everything that
        must happen once happens together with the mark. Raises Waits when Redis was emptied or restarted on the way,
        and may have lost a part."""
        for stream, offset in archived.items():
            _raise_stream(self._client, stream, offset)
        final = self._client.pipeline(transaction=True)
        final.watch(keys.FILLING)
        is_ours = int(final.get(keys.FILLING) or 0) == state.mark
        if not is_ours or final.info("server")["run_id"] != self._server:
            raise Waits("Redis was emptied or restarted meanwhile")
        final.multi()
        if state.cause == Cause.OLD:  # what its logs held by then was processed in the time that it does not know
            for partition in range(settings.PZ_PARTITIONS):
                offset = archived.get(keys.accepted(partition), START)
                if not is_reached((self._client.get(keys.offset(partition)) or b"0-0").decode(), offset):
                    final.set(keys.offset(partition), offset)
                final.delete(keys.tries(partition))
        for profile_id, record in records:
            final.xadd(keys.log(partition_of(profile_id, settings.PZ_PARTITIONS)), {FIELD: pack(record)})
        if state.cause == Cause.LOST:
            put_outcomes(final, today=moment(self._clock()).date())
        final.set(keys.WHOLE, state.mark)
        final.delete(keys.FILLING)
        try:
            final.execute()
        except WatchError as error:
            raise Waits("Redis was emptied meanwhile") from error


@contextmanager
def _alone() -> Iterator[None]:
    """Raises Waits when another process is at it. The lock ends with the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [REBUILD])
        if not cursor.fetchone()[0]:
            raise Waits("another process is filling Redis")
    try:
        yield
    finally:
        with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [REBUILD])


def _is_known() -> bool:
    """Whether PostgreSQL knows anybody."""
    return StoredProfile.objects.exists() or Identifier.objects.exists() or ArchivedEvent.objects.exists()


def _holds_people(client: Client) -> bool:
    """Whether Redis does: processors have been at work."""
    return bool(client.exists(*map(keys.offset, range(settings.PZ_PARTITIONS))))


def _archive_rest(client: Client, clock: Clock) -> None:
    """What had been applied by then. Nothing is applied any more, and the archiver that works stands still."""
    for _ in range(TRIES):
        try:
            archiver = Archiver(client, partitions=settings.PZ_PARTITIONS, clock=clock, keeper=DecisionKeeper())
            while archiver.step():
                pass
            return
        except Overtaken:  # by the last batch of the other one
            continue
    raise Waits("an archiver goes on")


def list_waiting(client: Client, skipped: Mapping[str, Offset] | None = None) -> Iterator[Record]:
    """What the logs hold that is not processed yet; beyond `skipped`, the offsets of accepted logs."""
    log = RedisLog(client)
    for partition in range(settings.PZ_PARTITIONS):
        offset = (client.get(keys.offset(partition)) or START.encode()).decode()
        if not is_reached(offset, begins := (skipped or {}).get(keys.accepted(partition), START)):
            offset = begins
        while records := log.read(partition, offset, READ_AT_ONCE):
            yield from (record for _, raw in records if (record := decode(raw)) is not None)
            offset = records[-1][0]


def _read_archived() -> dict[str, Offset]:
    streams = [*map(keys.accepted, range(settings.PZ_PARTITIONS)), keys.REFUSED]
    return dict(ArchiveOffset.objects.filter(stream__in=streams).values_list("stream", "offset"))


def _raise_stream(client: Client, stream: str, offset: Offset) -> None:
    """The next entry comes after `offset`, which the archiver would pass over otherwise."""
    [end] = Streams(client).list_ends([stream]).values()
    if not is_reached(end, offset):
        client.xadd(stream, {FIELD: b""}, id=offset)
        client.xdel(stream, offset)


def _put_tombstones(client: Client) -> None:
    """Of erasures that are not done everywhere: the receipts of the others name nobody, and no log that was lost can
    hold anything of them."""
    for receipt in Erasure.objects.filter(pk__in=list_unfinished()):
        for said in receipt.pending:
            stone = f"{round(receipt.requested.timestamp() * 1000)}:{receipt.pk.hex}"
            for id in msgspec.convert(said, Pending).ids:
                client.set(keys.erased(digest_of(id)), stone, ex=ERASED_S)
            client.set(keys.ERASED, 1, ex=ERASED_S)


def _ask_again() -> Iterator[Erase]:
    """Erasures whose request was lost with the log. A receipt says who it is about to nobody but the product."""
    receipts = {receipt.profile: receipt for receipt in list_unanswered()}
    seen: set[UUID] = set()
    for id in list_known() if receipts else ():
        if id in seen:
            continue
        seen.add(id)
        if (receipt := receipts.pop(digest_profile(id), None)) is not None:
            yield describe_erasure(id, receipt)
    for receipt in receipts.values():
        logger.warning("%s: nothing is stored of whom it is about", receipt)
