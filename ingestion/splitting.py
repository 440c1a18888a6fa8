"""A merge is undone: the winner's partition lets the loser go, the loser's own takes it back. Pure."""

from msgspec.structs import replace

from ingestion.accepted import Cause, Filled, Unmerged
from ingestion.accepted import pack as pack_accepted
from ingestion.erasing import find_erasure, forget_handed
from ingestion.live import Change
from ingestion.live import pack as pack_change
from ingestion.steps import Work, resolve, set_soft_timer
from profiles.event import Merge, Restore, Split, derive_profile_id
from profiles.identity import apart_key, retired_key
from profiles.profile import Profile, fingerprint
from profiles.profile import merge as merge_profiles
from profiles.profile import unpack as unpack_profile


def split_profile(work: Work, request: Split) -> None:
    """In the winner's partition: puts it into the state it would have, gives the loser's identifiers back to the loser
    and sends its state there, and keeps the two apart from now on.

    Nothing happens when it was done before, or when the winner is not any more what the states were worked out from:
    whoever asked for it finds out, and asks again."""
    winner_id, loser_id = request.winner, request.loser
    if work.home(winner_id) != work.commit.partition:
        work.send(winner_id, request)
        return
    merged = work.profile(winner_id)
    is_one = work.links.get(retired_key(loser_id)) == winner_id and retired_key(winner_id) not in work.links
    if not is_one or fingerprint(merged) != request.expected:
        return
    work.unlink(retired_key(loser_id))
    for key in request.keys:
        if work.links.get(key) == winner_id:
            _give_back(work, key, loser_id)
    work.link(apart_key(loser_id), winner_id)
    _settle(work, unpack_profile(request.winner_state), before=merged, because=request.because)
    work.commit.changes.append((winner_id, pack_change(Change(parted=True))))
    record = Unmerged(
        loser=loser_id,
        winner=winner_id,
        because=request.because,
        keys=request.keys,
        passed=request.passed,
        by=request.by,
        at=request.at,
    )
    work.commit.accepted.append(pack_accepted(record))
    state, because = request.loser_state, request.because
    restore = Restore(profile=loser_id, state=state, because=because, at=request.at, origin=work.origin)
    # Whatever follows the identifiers to the loser has to find its state there already.
    if work.home(loser_id) == work.commit.partition:
        restore_profile(work, restore)
    else:
        work.send(loser_id, restore)


def restore_profile(work: Work, handed: Restore) -> None:
    """In the loser's partition: it has its state again, together with what came for it in between. One that was taken
    over in between is handed on."""
    if (stone := find_erasure(work, handed)) is not None:
        forget_handed(work, handed, stone)
        return
    owner = resolve(work, handed.profile)
    if owner != handed.profile:
        _hand_on(work, handed, owner)
        return
    present, restored = work.profile(owner), unpack_profile(handed.state)
    if present.first_seen:
        restored = merge_profiles(restored, present, work.now, work.definitions.memory)
    _settle(work, restored, before=present, because=handed.because)
    work.commit.accepted.append(pack_accepted(Filled(profiles=(owner,))))


def _hand_on(work: Work, handed: Restore, owner: str) -> None:
    """To whoever took the profile over in between, with the identifiers that went there."""
    links = work.find_links(unpack_profile(handed.state).identifiers)
    keys = tuple(key for key, id in links.items() if id == owner)
    merge = Merge(
        loser=handed.profile,
        winner=owner,
        state=handed.state,
        because=handed.because,
        at=handed.at,
        keys=keys,
        origin=work.origin,
    )
    work.send(owner, merge)


def _give_back(work: Work, key: str, profile_id: str) -> None:
    """What can be derived is not in the map."""
    if key.startswith("a:") and derive_profile_id(key) == profile_id:
        work.unlink(key)
    else:
        work.link(key, profile_id)


def _settle(work: Work, profile: Profile, *, before: Profile, because: str) -> None:
    """Keeps the new state of a profile, its segments as they are at this moment."""
    membership = work.definitions.segments.evaluate(profile, work.now)
    segments = membership.segments
    work.put(replace(profile, segments=segments))
    set_soft_timer(work, profile.id, membership.flips_at)
    entered = tuple(slug for slug in segments if slug not in before.segments)
    left = tuple(slug for slug in before.segments if slug not in segments)
    work.tell_changes(profile.id, membership._replace(entered=entered, left=left), Cause.UNDO, because)
