"""A property that is declared later is remembered of the past too: the archive tells each profile. Pure."""

from msgspec.structs import replace

from ingestion.accepted import Cause, Filled
from ingestion.accepted import pack as pack_accepted
from ingestion.steps import Work, resolve, set_soft_timer
from profiles.event import Recall
from profiles.profile import Moment, recall


def recall_properties(work: Work, request: Recall) -> None:
    """In the partition of the profile, or of the one that took it over; its segments are asked anew."""
    id = resolve(work, request.profile)
    if work.home(id) != work.commit.partition:
        work.send(id, replace(request, profile=id))
        return
    profile, segments = work.profile(id), work.definitions.segments
    history = profile.events.get(request.name)
    if history is None:
        return  # erased meanwhile
    recent = recall(history.recent, (Moment(*each) for each in request.moments))
    if recent == history.recent:
        return
    profile = replace(profile, events={**profile.events, request.name: replace(history, recent=recent)})
    positions = segments.affected((request.name,))
    membership = segments.evaluate(profile, work.now, positions, (request.name,))
    work.put(replace(profile, segments=membership.segments))
    set_soft_timer(work, id, membership.flips_at)
    work.tell_changes(id, membership, Cause.BUILD, because=str(request.build))
    work.commit.accepted.append(pack_accepted(Filled(profiles=(id,))))
