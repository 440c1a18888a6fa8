"""Two profiles turn out to be one person: the loser's partition lets go, the winner's takes over. Pure."""

from collections.abc import Sequence

from msgspec.structs import replace

from ingestion.accepted import Cause, Merged
from ingestion.accepted import pack as pack_accepted
from ingestion.erasing import find_erasure, forget_handed, forget_profile
from ingestion.live import Change
from ingestion.live import pack as pack_change
from ingestion.steps import Outcome, Work, resolve, set_soft_timer
from profiles.event import Merge, Retire, user_key
from profiles.identity import apart_key, find_owner, retired_key
from profiles.profile import merge
from profiles.profile import pack as pack_profile
from profiles.profile import unpack as unpack_profile


def retire_profile(work: Work, request: Retire) -> None:
    """In the loser's partition: points its identifiers to the winner and hands its state over. A loser that was itself
    retired meanwhile stands for whoever took it over.

    A profile of another known user stays (a shared device), and so does one that was let go by the winner before,
    unless an alias call asked for it.
    """
    winner = find_winner(work, request)
    owner = resolve(work, request.loser)
    if owner == winner:
        return  # handed over before
    if owner != request.loser:  # to somebody else, whom the message would have met had it come later
        request = replace(request, loser=owner)
        if work.home(owner) != work.commit.partition:
            work.send(owner, request)
            return
    loser = work.profile(owner)
    if not request.forced and (outcome := _decline(work, request, winner)):
        work.count("-", outcome)
        return
    if (stone := find_erasure(work, request)) is not None:
        forget_profile(work, loser, stone, (request.identifier,))  # it would have been part of who was erased
        return
    if apart_key(loser.id) in work.links:
        work.unlink(apart_key(loser.id))
    moved = _pass_on(work, (*loser.identifiers, request.identifier), former=loser.id, winner=winner)
    work.link(retired_key(loser.id), winner)
    work.require_alive(winner)  # two profiles that retire into each other at once would both be gone
    if loser.first_seen == 0:  # nobody was known under this identifier, but a decision may have granted them something
        work.commit.takeovers.append((loser.id, winner))
        return
    work.profiles.pop(loser.id, None)
    work.touched.discard(loser.id)
    work.commit.profiles[loser.id] = None
    work.commit.soft_timers.pop(loser.id, None)
    work.commit.timers[loser.id] = None
    work.commit.changes.append((loser.id, pack_change(Change(moved_to=winner))))
    handed = Merge(
        loser=loser.id,
        winner=winner,
        state=pack_profile(loser),
        because=request.because,
        at=request.at,
        keys=moved,
        user_id=request.user_id,
        origin=work.origin,
    )
    # Whatever follows the identifiers to the winner has to find the loser there already.
    if work.home(winner) == work.commit.partition:
        merge_profile(work, handed)
    else:
        work.send(winner, handed)


def merge_profile(work: Work, handed: Merge) -> bool:
    """In the winner's partition: takes the loser's history over and evaluates every segment anew.

    A winner that was itself retired meanwhile passes the loser on; False when that goes to another partition."""
    winner_id = find_winner(work, handed)
    if work.home(winner_id) != work.commit.partition:
        work.send(winner_id, handed)
        return False
    if (stone := find_erasure(work, handed)) is not None:
        forget_handed(work, handed, stone)
        return True
    memory, segments = work.definitions.memory, work.definitions.segments
    winner, loser = work.profile(winner_id), unpack_profile(handed.state)
    merged = merge(winner, loser, work.now, memory)
    membership = segments.evaluate(merged, work.now)
    work.put(replace(merged, segments=membership.segments))
    if winner_id != handed.winner:
        _pass_on(work, (*loser.identifiers, retired_key(loser.id)), former=handed.winner, winner=winner_id)
    set_soft_timer(work, winner_id, membership.flips_at)
    record = Merged(
        loser=handed.loser,
        winner=winner_id,
        state=handed.state,
        because=handed.because,
        at=handed.at,
        before=pack_profile(winner),
        keys=handed.keys,
        user_id=handed.user_id,
        position=work.position,
    )
    work.commit.accepted.append(pack_accepted(record))
    work.commit.takeovers.append((handed.loser, winner_id))
    work.tell_changes(winner_id, membership, Cause.MERGE, because=handed.because)
    return True


def find_winner(work: Work, record: Retire | Merge) -> str:
    """Who takes over: the profile of the user whom the linking message named, whoever that is by now."""
    return resolve(work, work.links.get(user_key(record.user_id)) or record.winner)


def _decline(work: Work, request: Retire, winner: str) -> Outcome | None:
    """Why the loser stays, None when it does not."""
    loser = work.profile(request.loser)
    if loser.user_id is not None and loser.user_id != request.user_id:
        return Outcome.SHARED_DEVICE
    apart = work.links.get(apart_key(loser.id))
    return Outcome.KEPT_APART if apart is not None and resolve(work, apart) == winner else None


def _pass_on(work: Work, identifiers: Sequence[str], *, former: str, winner: str) -> tuple[str, ...]:
    """Points those of `identifiers` that stand for `former` to `winner`; what a third profile holds stays."""
    unread = [key for key in identifiers if key not in work.links and key not in work.unlinked]
    work.links.update(work.find_links(unread))
    moved = [key for key in dict.fromkeys(identifiers) if find_owner(key, work.links.get, former) == former]
    for key in moved:
        work.link(key, winner)
    return tuple(moved)
