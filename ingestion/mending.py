"""A profile that is not what the archive says is put right, in its own partition, by the one who writes it. Pure."""

from msgspec.structs import replace

from ingestion.accepted import Cause, Filled
from ingestion.accepted import pack as pack_accepted
from ingestion.steps import Work, set_soft_timer
from profiles.event import Mend
from profiles.identity import retired_key
from profiles.profile import fingerprint
from profiles.profile import unpack as unpack_profile


def mend_profile(work: Work, request: Mend) -> None:
    """Nothing happens when the profile has changed since the state was worked out, was taken over or erased: whoever
    asked for it finds out, and asks again."""
    id = request.profile
    if work.home(id) != work.commit.partition:
        work.send(id, request)
        return
    if retired_key(id) in work.links or id in work.erased:
        return
    present = work.profile(id)
    if (fingerprint(present) if present.first_seen else b"") != request.expected:
        return
    state = unpack_profile(request.state)
    membership = work.definitions.segments.evaluate(state, work.now)
    work.put(replace(state, segments=membership.segments))
    set_soft_timer(work, id, membership.flips_at)
    before = present.segments if present.first_seen else state.segments  # nobody comes or goes by being found again
    entered = tuple(key for key in membership.segments if key not in before)
    left = tuple(key for key in before if key not in membership.segments)
    membership = membership._replace(entered=entered, left=left)
    work.tell_changes(id, membership, Cause.MEND, because=str(request.run))
    work.commit.accepted.append(pack_accepted(Filled(profiles=(id,))))
