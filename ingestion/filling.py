"""New versions of segments are filled: profile by profile, in the partition of each, beside its events. Pure."""

from collections.abc import Iterable

from msgspec.structs import replace

from ingestion.accepted import Cause, Filled
from ingestion.accepted import pack as pack_accepted
from ingestion.steps import Work, resolve, set_soft_timer
from profiles.event import Enrol, Fill, Settle, derive_profile_id
from profiles.identity import MAX_IDENTIFIERS
from profiles.profile import Profile
from segments.membership import Membership, Segments

ENROL_MS = 3_600_000  # for which a list that is on its way cannot bring somebody back who was erased
NOTED = 10  # profiles of one record for the archive


def fill_profiles(work: Work, request: Fill) -> None:
    """Evaluates the new versions. Whoever was taken over meanwhile was evaluated as part of somebody else."""
    segments = work.definitions.segments
    positions = segments.find(request.keys)
    filled = []
    for id, profile in _find(work, request.profiles):
        membership = segments.evaluate(profile, work.now, positions)
        set_soft_timer(work, id, membership.flips_at)
        if membership.entered or membership.left:
            work.put(replace(profile, segments=membership.segments))
            filled.append(id)
    note_filled(work, filled)


def enrol_people(work: Work, request: Enrol) -> None:
    """Puts people into a list. Who is named and was never seen is known from now on."""
    if request.key not in work.definitions.segments.enrolled:
        return  # the list is there no more
    enrolled = []
    for identifier, profile_id in request.people:
        known = work.links.get(identifier) if identifier else None
        id = resolve(work, known or profile_id)
        if work.home(id) != work.commit.partition:
            work.send(id, Enrol(build=request.build, key=request.key, people=((identifier, id),)))
            continue
        profile = work.profile(id)
        if profile.first_seen == 0:
            if not identifier or _is_erased(work, identifier):
                continue  # erased meanwhile
            profile = _introduce(work, profile, identifier)
        if request.key not in profile.segments:
            _enrol(work, profile, request)
            enrolled.append(id)
    note_filled(work, enrolled)


def _is_erased(work: Work, identifier: str) -> bool:
    stone = work.erased.get(derive_profile_id(identifier))
    return stone is not None and work.now <= stone.at + ENROL_MS


def _introduce(work: Work, profile: Profile, identifier: str) -> Profile:
    """Somebody who is known by name only, evaluated as everybody is at their first event."""
    if identifier not in work.links:
        work.link(identifier, profile.id)
    identifiers = tuple(dict.fromkeys((*profile.identifiers, identifier)))[:MAX_IDENTIFIERS]
    kind, _, name = identifier.partition(":")
    user_id = name if kind == "u" else profile.user_id
    known = replace(profile, identifiers=identifiers, user_id=user_id, first_seen=work.now, last_seen=work.now)
    membership = work.definitions.segments.evaluate(known, work.now)
    set_soft_timer(work, known.id, membership.flips_at)
    work.tell_changes(known.id, membership, Cause.BUILD)
    return replace(known, segments=membership.segments)


def _enrol(work: Work, profile: Profile, request: Enrol) -> None:
    """With the segments that ask for the list."""
    segments: Segments = work.definitions.segments
    joined = replace(profile, segments={**profile.segments, request.key: work.now})
    membership = segments.evaluate(joined, work.now, segments.affected(keys=(request.key,)))
    set_soft_timer(work, joined.id, membership.flips_at)
    work.put(replace(joined, segments=membership.segments))
    entered = (request.key, *membership.entered)
    told = Membership(membership.segments, entered, membership.left, membership.flips_at)
    work.tell_changes(joined.id, told, Cause.BUILD, because=str(request.build))


def settle_profiles(work: Work, request: Settle) -> None:
    """Forgets the versions that were replaced, and tells who has come and gone by it."""
    settled = []
    because = str(request.build)
    for id, profile in _find(work, request.profiles):
        segments = dict(profile.segments)
        former = {new or old: segments.pop(old) for old, new in request.retired if old in segments}
        for key in request.keys:
            if key in segments and key in former:
                segments[key] = min(segments[key], former[key])
            elif key in segments and request.since <= segments[key] <= request.at:
                work.tell(id, [_slug_of(key)], [], segments[key], Cause.BUILD, because)
        left = [_slug_of(key) for key in former if key not in segments]
        work.tell(id, [], left, request.at, Cause.BUILD, because)
        if former:
            work.put(replace(profile, segments=segments))
            settled.append(id)
    note_filled(work, settled)


def _slug_of(key: str) -> str:
    return key.rpartition("@")[0]


def _find(work: Work, ids: Iterable[str]) -> Iterable[tuple[str, Profile]]:
    """The profiles that are still there."""
    for id in ids:
        profile = work.profiles.get(id)
        if profile is not None and profile.first_seen != 0:
            yield id, profile


def note_filled(work: Work, ids: list[str]) -> None:
    """For the archive: few in each record, as it takes so many records at once."""
    for start in range(0, len(ids), NOTED):
        work.commit.accepted.append(pack_accepted(Filled(profiles=tuple(ids[start : start + NOTED]))))
