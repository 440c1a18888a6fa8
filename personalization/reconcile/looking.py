"""Looks at a shard: by digests first, and closer at those who differ, until what they are compared with holds still."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from ingestion.accepted import Applied
from ingestion.accepted import unpack as unpack_accepted
from ingestion.models import DeadLetter
from ingestion.settling import Settling
from personalization.reconcile.comparing import Archived, Finding, Terms, compare, compare_timer
from personalization.reconcile.hot import Hot, HotSide, read_profile
from profiles.decided import Decided, Granted
from profiles.identity import retired_key
from profiles.models import Identifier, StoredProfile
from profiles.profile import Memory
from rules.reckoning import Caps, Reckoned, find_wrong, read_caps, reckon
from segments.queries import list_waiting_builds, read_roster
from segments.recomputing import (
    Span,
    digest_archive,
    digest_profile,
    digest_shard,
    find_former,
    find_members,
    hash_line,
    list_judged,
    read_consent,
    read_told,
    read_totals,
)
from segments.roster import Roster, compile_roster

LOOKS = 6  # at people who do something each time
AGAIN_S = 0.3  # before people who did something are looked at again


class Seen(NamedTuple):
    """Of a shard: how many people, whether the digests were equal at once, whether segments were judged, who differs
    though nothing was under way, and who held still for no look."""

    people: int
    is_alike: bool
    is_judged: bool
    findings: list[Finding]
    unsettled: set[str]


@dataclass(frozen=True)
class Known:
    """The definitions a shard is compared by. Segments cannot be judged while some are being filled."""

    roster: Roster
    memory: Memory
    terms: Terms


class Looker:
    """`memory` is what profiles remember, `clock` gives Unix milliseconds, `pause` lets seconds pass; `since` is from
    when on the archive knows everything."""

    def __init__(
        self,
        hot: HotSide,
        settling: Settling,
        *,
        memory: Callable[[], Memory],
        clock: Callable[[], int],
        pause: Callable[[float], object],
        since: int = 0,
    ) -> None:
        self._hot = hot
        self._settling = settling
        self._memory = memory
        self._clock = clock
        self._pause = pause
        self._since = since

    def look(self, span: Span, ids: Collection[str]) -> Seen:
        """`ids` are the people of the span that have a durable copy. Raises NotSettled."""
        hot = self._hot.read(ids)
        self._settling.await_archived()
        known = self.know()
        archive = digest_archive(span)
        members = find_members(span, known.roster, known.memory, known.terms.now) if known.terms.judged else {}
        people = {*ids, *archive}
        profiles = {id: read_profile(each.packed) for id, each in hot.items()}
        theirs = {id: archive.get(id, 0) for id in people}
        ours = {id: digest_profile(profile) for id, profile in profiles.items() if profile is not None}
        for key, found in members.items():
            for id in found & people:
                theirs[id] ^= hash_line(f"s|{key}")
        for id, profile in profiles.items():
            for key in known.terms.judged & (profile.segments.keys() if profile else set()):
                ours[id] ^= hash_line(f"s|{key}")
        is_alike = digest_shard(ours) == digest_shard(theirs)
        doubtful = set() if is_alike else {id for id in people if ours.get(id) != theirs[id]}
        doubtful |= self._doubt_rest(span, hot, known)
        findings, unsettled = self.look_closer(span, doubtful)
        return Seen(
            len(people), is_alike, bool(known.terms.judged) or not list_judged(known.roster), findings, unsettled
        )

    def _doubt_rest(self, span: Span, hot: dict[str, Hot], known: Known) -> set[str]:
        """Whose timer or tally is not as it should be: what no digest of the archive says."""
        reckoned = self._reckon(span, hot, known.terms.caps)
        doubtful = set()
        for id, each in hot.items():
            profile = read_profile(each.packed)
            if profile is None:
                continue
            if find_wrong(reckoned[id], each.tally, known.terms.caps) or (
                known.terms.judged and compare_timer(profile, each.timer, known.terms)
            ):
                doubtful.add(id)
        return doubtful

    def look_closer(self, span: Span, ids: Collection[str]) -> tuple[list[Finding], set[str]]:
        """Who of them differs, and who held still for no look. Looks again at those who did something meanwhile."""
        waiting, findings = set(ids), []
        for attempt in range(LOOKS):
            if not waiting:
                break
            if attempt:
                self._pause(AGAIN_S)
            waiting -= self._find_unjudged(waiting)
            found, waiting = self._look_once(span, waiting)
            findings += found
        return findings, waiting

    def _look_once(self, span: Span, ids: set[str]) -> tuple[list[Finding], set[str]]:
        before = self._hot.read(ids)
        self._settling.await_archived()
        known = self.know()
        archived = self._read_archive(span, ids, known)
        # What the archive says was applied may still have a part under way in another partition, and that another one.
        self._settling.await_applied()
        self._settling.await_applied()
        after = self._hot.read(ids)
        findings, moved = [], set()
        for id in ids:
            timer = after[id].timer
            if before[id] != after[id] or (timer is not None and timer <= known.terms.now):
                moved.add(id)
                continue
            finding = compare(id, after[id], archived[id], known.terms)
            if finding.aspects:
                findings.append(finding)
        return findings, moved

    def _read_archive(self, span: Span, ids: set[str], known: Known) -> dict[str, Archived]:
        totals, told, consent = read_totals(span, ids), read_told(span, ids), read_consent(span, ids)
        reckoned = self._reckon(span, ids, known.terms.caps)
        judged = known.terms.judged
        members = find_members(span, known.roster, known.memory, known.terms.now) if judged and ids else {}
        uuids = [UUID(id) for id in ids]
        stored = {id.hex for id in StoredProfile.objects.filter(pk__in=uuids).values_list("pk", flat=True)}
        return {
            id: Archived(
                totals[id],
                told[id],
                consent[id],
                frozenset(key for key, found in members.items() if id in found) if judged else None,
                reckoned[id],
                id in stored,
            )
            for id in ids
        }

    def _reckon(self, span: Span, ids: Iterable[str], caps: Caps) -> dict[str, Reckoned]:
        people = {id: id for id in ids}
        former = {id: person for id, person in find_former(span).items() if person in people}
        return reckon({**people, **former}, caps)

    def _find_unjudged(self, ids: set[str]) -> set[str]:
        """Of whom the archive does not know everything, or is forgetting it: erased lately, taken over by somebody,
        or with something that could not be archived and was set aside."""
        found = self._hot.find_erased(list(ids))
        retired = Identifier.objects.filter(key__in=[retired_key(id) for id in ids])
        found |= {key[2:] for key in retired.values_list("key", flat=True)}
        letters = DeadLetter.objects.filter(log=DeadLetter.Log.ACCEPTED, replayed=None)
        return found | {id for raw in letters.values_list("raw", flat=True) if (id := _read_person(bytes(raw))) in ids}

    def know(self) -> Known:
        roster, memory = read_roster(), self._memory()
        judged = frozenset() if list_waiting_builds() else frozenset(list_judged(roster))
        now = self._clock()
        return Known(roster, memory, Terms(compile_roster(roster), judged, now, read_caps(now), self._since))


def _read_person(raw: bytes) -> str:
    """Whom it is about, what the archive could not take; "" where that changes nobody."""
    try:
        record = unpack_accepted(raw)
    except ValueError:
        return ""
    return record.profile if isinstance(record, Applied | Decided | Granted) else ""
