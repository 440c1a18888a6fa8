"""Two profiles turn out to be one person: the loser's partition lets go, the winner's takes over. Pure."""

from collections.abc import Sequence

from msgspec.structs import replace

from ingestion.accepted import Cause, Merged
from ingestion.accepted import pack as pack_accepted
from ingestion.live import Change
from ingestion.live import pack as pack_change
from ingestion.steps import Outcome, Work, resolve, set_soft_timer
from profiles.event import Merge, Retire
from profiles.identity import retired_key
from profiles.profile import merge
from profiles.profile import pack as pack_profile
from profiles.profile import unpack as unpack_profile


def retire_profile(work: Work, request: Retire) -> None:
    """In the loser's partition: points its identifiers to the winner and sends its state there.

    A profile of another known user stays (a shared device), unless an alias call asked for it.
    """
    winner = resolve(work, request.winner)
    if retired_key(request.loser) in work.links or request.loser == winner:
        return  # handed over before
    loser = work.profile(request.loser)
    if loser.user_id is not None and loser.user_id != request.user_id and not request.forced:
        work.count("-", Outcome.SHARED_DEVICE)
        return
    theirs = (*loser.identifiers, request.identifier, retired_key(loser.id))
    _pass_on(work, theirs, former=loser.id, winner=winner)
    work.require_alive(winner)  # two profiles that retire into each other at once would both be gone
    if loser.first_seen == 0:
        return  # nobody was known under this identifier: nothing to hand over
    work.profiles.pop(loser.id, None)
    work.touched.discard(loser.id)
    work.commit.profiles[loser.id] = None
    work.commit.soft_timers.pop(loser.id, None)
    work.commit.timers[loser.id] = None
    work.commit.changes.append((loser.id, pack_change(Change(moved_to=winner))))
    state = pack_profile(loser)
    work.send(winner, Merge(loser=loser.id, winner=winner, state=state, because=request.because, at=request.at))


def merge_profile(work: Work, handed: Merge) -> None:
    """In the winner's partition: takes the loser's history over and evaluates every segment anew.

    A winner that was itself retired meanwhile passes the loser on."""
    winner_id = resolve(work, handed.winner)
    if work.home(winner_id) != work.commit.partition:
        work.send(winner_id, handed)
        return
    memory, segments = work.definitions.memory, work.definitions.segments
    loser = unpack_profile(handed.state)
    merged = merge(work.profile(winner_id), loser, work.now, memory)
    membership = segments.evaluate(merged, work.now)
    work.put(replace(merged, segments=membership.segments))
    if winner_id != handed.winner:
        _pass_on(work, (*loser.identifiers, retired_key(loser.id)), former=handed.winner, winner=winner_id)
    set_soft_timer(work, winner_id, membership.flips_at)
    record = Merged(loser=handed.loser, winner=winner_id, state=handed.state, because=handed.because, at=handed.at)
    work.commit.accepted.append(pack_accepted(record))
    work.tell_changes(winner_id, membership, Cause.MERGE, because=handed.because)


def _pass_on(work: Work, identifiers: Sequence[str], *, former: str, winner: str) -> None:
    """Points those of `identifiers` that stand for `former` to `winner`; what a third profile holds stays."""
    work.links.update(work.find_links([key for key in identifiers if key not in work.links]))
    for key in dict.fromkeys(identifiers):
        if work.links.get(key, former) == former:
            work.link(key, winner)
