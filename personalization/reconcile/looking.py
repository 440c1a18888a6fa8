"""Looks at a shard: by digests first, and closer at those who differ, until what they are compared with holds still."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import NamedTuple
from uuid import UUID

from ingestion.accepted import Applied
from ingestion.accepted import unpack as unpack_accepted
from ingestion.archiving import describe
from ingestion.models import DeadLetter
from ingestion.settling import Settling
from personalization.reconcile.comparing import Archived, Finding, Terms, compare, compare_timer
from personalization.reconcile.hot import Hot, HotSide, read_profile
from profiles.copies import find_stale
from profiles.decided import Decided, Granted
from profiles.identity import retired_key
from profiles.models import Identifier, StoredProfile
from profiles.profile import Memory, Profile
from rules.reckoning import Reckoned, find_wrong, read_caps, reckon
from segments.enrolled import find_enrolled_people, list_enrolled
from segments.queries import list_waiting_builds, read_roster
from segments.recomputing import (
    Digest,
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
NOTHING = Digest(0, 0)
AGAIN_S = 0.3  # before people who did something are looked at again


class Seen(NamedTuple):
    """Of a shard: how many people, of how many the archive does not know the beginning, whether the digests were equal
    at once, whether segments were judged, who differs though nothing was under way, and who held still for no look."""

    people: int
    unjudged: int
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
    is_filled: bool


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
        terms = known.terms
        archive = digest_archive(span, terms.since)
        people = {*ids, *archive}
        owners = _list_owners(span, people)
        reckoned = reckon(owners, terms.caps)
        members = self._find_members(span, known, owners)
        profiles = _read_profiles(hot)
        theirs = {id: _join(archive.get(id, NOTHING)) for id in people}
        ours = {}
        for id, profile in profiles.items():
            judged = terms.judge(profile, is_sure=reckoned[id].is_sure)
            theirs[id] = _join(archive.get(id, NOTHING), knows=terms.knows(profile))
            theirs[id] = _mix(theirs[id], (key for key in judged if id in members[key]))
            ours[id] = _join(digest_profile(profile, terms.since), knows=terms.knows(profile))
            ours[id] = _mix(ours[id], judged & profile.segments.keys())
        is_alike = digest_shard(ours) == digest_shard(theirs)
        doubtful = set() if is_alike else {id for id in people if ours.get(id) != theirs[id]}
        doubtful |= _find_stale(hot, profiles).keys()
        doubtful |= {id for id in profiles if _doubt_rest(profiles[id], hot[id], reckoned[id], terms)}
        unjudged = sum(not terms.knows(profile) for profile in profiles.values())
        findings, unsettled = self.look_closer(span, doubtful)
        return Seen(len(people), unjudged, is_alike, known.is_filled, findings, unsettled)

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
        archived = self._read_archive(span, before, known)
        if known.is_filled and list_waiting_builds():
            return [], ids  # a list has got people meanwhile, who are not in it yet
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

    def _read_archive(self, span: Span, hot: Mapping[str, Hot], known: Known) -> dict[str, Archived]:
        ids = set(hot)
        totals, told, consent = read_totals(span, ids), read_told(span, ids), read_consent(span, ids)
        owners = _list_owners(span, ids)
        reckoned = reckon(owners, known.terms.caps)
        members = self._find_members(span, known, owners) if ids else {}
        stale = _find_stale(hot, _read_profiles(hot))
        uuids = [UUID(id) for id in ids]
        stored = {id.hex for id in StoredProfile.objects.filter(pk__in=uuids).values_list("pk", flat=True)}
        return {
            id: Archived(
                totals[id],
                told[id],
                consent[id],
                frozenset(key for key, found in members.items() if id in found) if known.is_filled else None,
                reckoned[id],
                id in stored,
                stale.get(id, ()),
            )
            for id in ids
        }

    def _find_members(self, span: Span, known: Known, owners: Mapping[str, str]) -> dict[str, set[str]]:
        """Who is in each of the judged segments; `owners` says whose each id is."""
        if not known.is_filled:
            return {}
        conditions = find_members(span, known.roster, known.memory, known.terms.now)
        return {**conditions, **find_enrolled_people(list_enrolled(known.roster), owners)}

    def _find_unjudged(self, ids: set[str]) -> set[str]:
        """Of whom the archive does not know everything, or is forgetting it: erased lately, taken over by somebody,
        or with something that could not be archived and was set aside."""
        found = self._hot.find_erased(list(ids))
        retired = Identifier.objects.filter(key__in=[retired_key(id) for id in ids])
        found |= {key[2:] for key in retired.values_list("key", flat=True)}
        return found | {id for raw in list_unarchived() if (id := _read_person(raw)) in ids}

    def know(self) -> Known:
        roster, memory = read_roster(), self._memory()
        is_filled = not list_waiting_builds()
        judged = frozenset(list_judged(roster)) | list_enrolled(roster) if is_filled else frozenset()
        now = self._clock()
        terms = Terms(compile_roster(roster), judged, now, read_caps(now), self._since)
        return Known(roster, memory, terms, is_filled)


def _list_owners(span: Span, people: Collection[str]) -> dict[str, str]:
    """Whose each id of these people is, those that they had before among them."""
    former = {id: person for id, person in find_former(span).items() if person in people}
    return {**former, **{id: id for id in people}}


def _read_profiles(hot: Mapping[str, Hot]) -> dict[str, Profile]:
    """Those that can be read."""
    found = ((id, read_profile(each.packed)) for id, each in hot.items())
    return {id: profile for id, profile in found if profile is not None}


def _find_stale(hot: Mapping[str, Hot], profiles: Iterable[str]) -> dict[str, list[str]]:
    """Whose copies in PostgreSQL are not as what is hot, and in which columns. Those whom nobody can read have none."""
    return find_stale([describe(id, packed) for id in profiles if (packed := hot[id].packed) is not None])


def _doubt_rest(profile: Profile, hot: Hot, reckoned: Reckoned, terms: Terms) -> bool:
    """Whether a timer, a tally or points may not be as they should be: what no digest of the archive says."""
    if find_wrong(reckoned, hot.tally, terms.caps) or reckoned.points:
        return True
    return bool(terms.judged and compare_timer(profile, hot.timer, terms))


def _join(digest: Digest, *, knows: bool = True) -> int:
    return digest.done ^ digest.told if knows else digest.told


def _mix(digest: int, keys: Iterable[str]) -> int:
    """A digest with the segments somebody is in."""
    return reduce(xor, (hash_line(f"s|{key}") for key in keys), digest)


def list_unarchived() -> list[bytes]:
    """What the archive could not take, and was set aside."""
    letters = DeadLetter.objects.filter(log=DeadLetter.Log.ACCEPTED, replayed=None)
    return [bytes(raw) for raw in letters.values_list("raw", flat=True)]


def _read_person(raw: bytes) -> str:
    """Whom it is about, what the archive could not take; "" where that changes nobody."""
    try:
        record = unpack_accepted(raw)
    except ValueError:
        return ""
    return record.profile if isinstance(record, Applied | Decided | Granted) else ""
