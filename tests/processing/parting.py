"""Undoing a merge in memory: what the archive would tell is read from the accepted records."""

from operator import itemgetter

from ingestion.accepted import Applied, Merged, Unmerged
from ingestion.accepted import unpack as unpack_accepted
from ingestion.reliving import Joining, Parted, Story, relive
from profiles.event import Event, Split, pack, partition_of
from profiles.profile import fingerprint, unpack
from profiles.profile import pack as pack_profile
from tests.processing.harness import Harness


def find_merges(harness: Harness) -> list[Merged]:
    """Those that have not been undone."""
    undone = {_key(record) for record in harness.accepted() if isinstance(record, Unmerged)}
    return [record for record in harness.accepted() if isinstance(record, Merged) and _key(record) not in undone]


def tell_story(harness: Harness, merge: Merged) -> Story:
    """What came since, as the processor said it in the winner's partition."""
    said = [unpack_accepted(raw) for raw in harness.store.accepted[partition_of(merge.winner, harness.partitions)]]
    since = said[said.index(merge) + 1 :]
    in_force = find_merges(harness)
    parts: list[tuple[int, Event | Joining]] = []
    for record in since:
        if isinstance(record, Applied) and record.profile == merge.winner:
            parts.append((record.event.received, record.event))
        elif isinstance(record, Merged) and record.winner == merge.winner and record in in_force:
            parts.append((record.at, _describe(record)))
    return Story(
        winner=unpack(merge.before),
        since=merge.at,
        undone=_describe(merge),
        parts=[part for _, part in sorted(parts, key=itemgetter(0))],
    )


def ask_to_part(harness: Harness, merge: Merged) -> Parted:
    """Puts the wish to undo a merge into the log, worked out from what is known at this moment."""
    present = unpack(harness.store.profiles[merge.winner])
    story = tell_story(harness, merge)
    parted = relive(story, harness.definitions, known=present.identifiers, until=harness.now)
    split = Split(
        loser=merge.loser,
        winner=merge.winner,
        because=merge.because,
        expected=fingerprint(present),
        winner_state=pack_profile(parted.winner),
        loser_state=pack_profile(parted.loser),
        keys=parted.keys,
        passed=parted.passed,
        by="test",
        at=harness.now,
    )
    harness.log.append({partition_of(merge.winner, harness.partitions): [pack(split)]})
    return parted


def undo(harness: Harness, merge: Merged) -> Parted:
    parted = ask_to_part(harness, merge)
    harness.run()
    return parted


def _describe(merge: Merged) -> Joining:
    return Joining(
        loser=unpack(merge.state), keys=merge.keys, because=merge.because, user_id=merge.user_id, at=merge.at
    )


def _key(record: Merged | Unmerged) -> tuple[str, str]:
    return record.loser, record.because
