"""The reconciliation: walks over everybody, shard by shard, and has the processors mend what differs from the archive.

Whatever it knows is in PostgreSQL: killed at any moment, the next one goes on with the shard it had begun."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import redis
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Count
from django.utils import timezone

from ingestion.archiving import moment
from ingestion.log import EventLog, LogUnavailable
from ingestion.settling import NotSettled, Settling
from personalization.reconcile.comparing import Finding, Terms
from personalization.reconcile.composing import Unmendable, compose
from personalization.reconcile.everybody import Everybody
from personalization.reconcile.hot import HotSide
from personalization.reconcile.looking import Looker
from profiles.event import Mend, pack, partition_of
from profiles.locks import RECONCILE
from profiles.models import Drift, Reconciliation, StoredProfile
from profiles.profile import Memory, fingerprint
from profiles.profile import pack as pack_profile
from profiles.store import StoreUnavailable
from rules.crediting import credit_anew
from segments.recomputing import Span

logger = logging.getLogger(__name__)

SHARD = 2_000  # people
TRIES = 10  # to mend somebody who does something each time
AT_LEAST = 100  # people of a shard that differ, and
AT_MOST = 0.05  # this share of it, speak for a broken archive: nothing is mended unless it is asked for
FIRST = UUID(int=0)
TOO_MANY = "So many differ that the archive may be what is wrong. Nothing is mended until somebody asks for it."


class Reconciler:
    """Several may try, one works. `memory` is what profiles remember, `clock` gives Unix milliseconds, `pace` is how
    many people a second are looked at, at most."""

    def __init__(
        self,
        looker: Looker,
        everybody: Everybody,
        hot: HotSide,
        settling: Settling,
        *,
        log: EventLog,
        partitions: int,
        memory: Callable[[], Memory],
        clock: Callable[[], int],
        pace: int,
        pause: Callable[[float], object] = time.sleep,
        shard: int = SHARD,
    ) -> None:
        self._looker = looker
        self._everybody = everybody
        self._hot = hot
        self._settling = settling
        self._log = log
        self._partitions = partitions
        self._memory = memory
        self._clock = clock
        self._pace = pace
        self._pause = pause
        self._shard = shard

    def work(self, run: Reconciliation, seconds: float) -> bool:
        """Moves a run on for so long, or to its end. False when another reconciler is at work."""
        deadline = time.monotonic() + seconds
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [RECONCILE])
            if not cursor.fetchone()[0]:
                return False
        try:
            run.refresh_from_db()
            while run.finished is None and time.monotonic() < deadline:
                self._reconcile_next(run)
        except NotSettled as reason:
            self._keep(run, note=str(reason))
        except (StoreUnavailable, LogUnavailable, redis.RedisError) as error:
            self._keep(run, note=f"Waiting for Redis: {type(error).__name__}.")
        finally:
            with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [RECONCILE])
        return True

    def _reconcile_next(self, run: Reconciliation) -> None:
        """One shard, no faster than the pace; after the last one, what belongs to everybody together."""
        began = time.monotonic()
        span, ids = self._next_shard(run.cursor)
        seen = self._looker.look(span, ids)
        if seen.findings:
            self._note(run, seen.findings)
            is_much = len(seen.findings) > max(AT_LEAST, AT_MOST * seen.people)
            if run.mends and is_much and not run.anyway:
                self._keep(run, mends=False)
                logger.error("%s: %d of %d people differ. %s", run, len(seen.findings), seen.people, TOO_MANY)
        unmended = self._mend(run, span, seen.findings) if run.mends else {each.id for each in seen.findings}
        self._settle_rest(run, span, unmended | seen.unsettled)
        if span.below is None:
            self._reconcile_common(run)
        people = run.drifts.exclude(profile_id=None)
        counted = people.aggregate(differing=Count("pk"), mended=Count("mended"))
        self._keep(
            run,
            cursor=span.below,
            finished=self._now() if span.below is None else None,
            shards=run.shards + 1,
            alike=run.alike + seen.is_alike,
            unjudged=run.unjudged + seen.unjudged,
            unfilled=run.unfilled + (not seen.is_judged),
            people=run.people + seen.people,
            unsettled=run.unsettled + len(seen.unsettled),
            note="" if run.mends else TOO_MANY,
            **counted,
        )
        self._pause(max(0.0, seen.people / self._pace - (time.monotonic() - began)))

    def _reconcile_common(self, run: Reconciliation) -> None:
        """By now it is known whether so many people differ that the archive may be what is wrong."""
        wrongs = self._everybody.look()
        if wrongs.number:
            evidence = Drift(run=run, profile_id=None, aspects=wrongs.describe(), noticed=self._now())
            Drift.objects.bulk_create([evidence], ignore_conflicts=True)
            self._keep(run, common=wrongs.number)
        tries = TRIES if run.mends else 0
        while wrongs.number and tries:
            self._everybody.mend(wrongs)
            wrongs = self._everybody.look()
            tries -= 1
        if not wrongs.number:  # mended here, or by whoever was killed afterwards
            run.drifts.filter(profile_id=None).update(mended=self._now())

    def _next_shard(self, cursor: UUID | None) -> tuple[Span, list[str]]:
        """The next people by their ids; the last shard goes to the end."""
        above = cursor or FIRST
        people = StoredProfile.objects.filter(pk__gte=above).order_by("pk")
        found = list(people.values_list("pk", flat=True)[: self._shard + 1])
        below = found[self._shard] if len(found) > self._shard else None
        return Span(above, below), [id.hex for id in found[: self._shard]]

    def _note(self, run: Reconciliation, findings: Sequence[Finding]) -> None:
        """The evidence comes first: whoever is killed while mending has said what was found."""
        Drift.objects.bulk_create(
            [Drift(run=run, profile_id=each.id, aspects=each.aspects, noticed=self._now()) for each in findings],
            ignore_conflicts=True,  # noted before this run stood still
        )

    def _mend(self, run: Reconciliation, span: Span, findings: Sequence[Finding]) -> set[str]:
        """Has them mended, and looks whether they are. Returns who is not."""
        waiting, given_up = list(findings), set[str]()
        unsettled: set[str] = set()
        for _ in range(TRIES):
            given_up |= self._ask(run, waiting)
            self._settling.await_applied()
            ids = ({each.id for each in waiting} | unsettled) - given_up
            waiting, unsettled = self._looker.look_closer(span, ids)
            if not waiting and not unsettled:
                break
        for id in unsettled:
            self._say(run, id, "Not known yet: the person is doing things all the time.")
        for each in waiting:
            self._say(run, each.id, "It differs again each time it is mended.")
        return given_up | unsettled | {each.id for each in waiting}

    def _ask(self, run: Reconciliation, findings: Sequence[Finding]) -> set[str]:
        """Returns of whom there is nothing to ask for."""
        logs: dict[int, list[bytes]] = defaultdict(list)
        given_up = set()
        known = self._looker.know()
        for finding in findings:
            if finding.wrong:
                self._hot.mend_tally(finding.id, finding.wrong)
            if points := finding.archived.reckoned.points:
                credit_anew(finding.archived.reckoned.ids, points)
            if not finding.is_of_the_profile:
                continue
            try:
                mend = self._work_out(run, finding, known.memory, known.terms)
            except Unmendable as error:
                logger.warning("%s: a profile cannot be mended; the evidence says which, and why", run)
                self._say(run, finding.id, str(error))
                given_up.add(finding.id)
                continue
            logs[partition_of(finding.id, self._partitions)].append(pack(mend))
        if logs:
            self._log.append(logs)
        return given_up

    def _work_out(self, run: Reconciliation, finding: Finding, memory: Memory, terms: Terms) -> Mend:
        state = compose(finding, memory, terms)
        if finding.profile is None and finding.hot.packed is not None:
            self._hot.take_away(finding.id, finding.hot.packed)
        expected = b"" if finding.profile is None else fingerprint(finding.profile)
        return Mend(profile=finding.id, run=run.pk, expected=expected, state=pack_profile(state))

    def _settle_rest(self, run: Reconciliation, span: Span, unmended: set[str]) -> None:
        """Everybody of the shard who was noted, and is alike by now."""
        noted = run.drifts.filter(profile_id__gte=span.above, mended=None).exclude(profile_id__in=unmended)
        if span.below is not None:
            noted = noted.filter(profile_id__lt=span.below)
        noted.update(mended=self._now(), note="")

    def _say(self, run: Reconciliation, id: str, note: str) -> None:
        run.drifts.filter(profile_id=id).update(note=note)

    def _keep(self, run: Reconciliation, **changes: object) -> None:
        Reconciliation.objects.filter(pk=run.pk).update(**changes, heartbeat=timezone.now())
        run.refresh_from_db()

    def _now(self) -> datetime:
        return moment(self._clock())
