"""The state that a profile should be in: what is hot, but for the parts that the archive says differently."""

from collections.abc import Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from personalization.reconcile.comparing import CONSENT, EVENTS, PROFILE, TRAITS, Finding, Terms
from personalization.reconcile.hot import read_profile
from profiles.models import StoredProfile
from profiles.past import fold_archived
from profiles.profile import History, Memory, Profile

T = TypeVar("T")

DISAGREE = "What the archive's evaluator says does not follow from what is archived: the two evaluators disagree."


class Unmendable(Exception):
    """Why there is no state to put a profile into."""


def compose(finding: Finding, memory: Memory, terms: Terms) -> Profile:
    """As narrow a change as there is. Its segments are still those of before: the processor asks them anew. Raises
    Unmendable."""
    if PROFILE in finding.aspects or finding.profile is None:
        return _agree(_bring_back(finding, memory, terms.since), finding, terms)
    state = finding.profile

    def fold() -> Profile:
        return fold_archived(UUID(finding.id), memory)

    if finding.aspects.keys() & {EVENTS, TRAITS, CONSENT}:
        state = _put_right(state, fold(), finding, terms.since)
    try:
        return _agree(state, finding, terms)
    except Unmendable:
        # Its totals are right and its segments are not: single events of its histories must be missing.
        if state.first_seen < terms.since:
            raise
        folded = fold()
        return _agree(replace(state, events=folded.events, traits=folded.traits), finding, terms)


def _bring_back(finding: Finding, memory: Memory, since: int) -> Profile:
    """Of a profile that is lost: what the archive tells, and what only the copy knows, such as what models said. Of
    somebody whose first events the archive has no more, the copy: it is written with the newest ones."""
    folded = fold_archived(UUID(finding.id), memory)
    copy = StoredProfile.objects.filter(pk=finding.id).first()
    stored = read_profile(copy.state) if copy is not None else None
    if stored is None:
        if folded.first_seen == 0:
            raise Unmendable("Neither the archive nor a copy knows it.")
        return folded
    if folded.first_seen == 0 or 0 < stored.first_seen < since:
        return stored  # known by name alone, or for longer than the archive
    return replace(
        folded,
        user_id=stored.user_id or folded.user_id,
        identifiers=tuple(dict.fromkeys((*stored.identifiers, *folded.identifiers))),
        first_seen=min(folded.first_seen, stored.first_seen),
        last_seen=max(folded.last_seen, stored.last_seen),
        segments=stored.segments,
        cluster=stored.cluster,
        scores=stored.scores,
    )


def _put_right(state: Profile, folded: Profile, finding: Finding, since: int) -> Profile:
    archived = {name: _add_life(state.events.get(name), history, since) for name, history in folded.events.items()}
    events = _replace(state.events, archived, finding.differing.get(EVENTS, ()))
    traits = _replace(state.traits, folded.traits, finding.differing.get(TRAITS, ()))
    return replace(
        state,
        events=events,
        traits=traits,
        consent=_replace(state.consent, folded.consent, finding.differing.get(CONSENT, ())),
        first_seen=min(filter(None, (state.first_seen, folded.first_seen)), default=0),
        last_seen=max(state.last_seen, folded.last_seen),
    )


def _add_life(mine: History | None, archived: History, since: int) -> History:
    """What the archive says of an event, but never less for life than a profile knows that is older than it."""
    if mine is None or mine.first >= since or mine.count < archived.count:
        return archived
    return replace(archived, count=mine.count, total=mine.total, first=mine.first)


def _replace(mine: Mapping[str, T], archived: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    return {
        **{name: each for name, each in mine.items() if name not in names},
        **{n: archived[n] for n in names if n in archived},
    }


def _agree(state: Profile, finding: Finding, terms: Terms) -> Profile:
    """The state, when the processor will find the segments in it that the archive says it has."""
    members = finding.archived.members
    if members is not None and state.first_seen >= terms.since:
        evaluated = terms.segments.evaluate(state, terms.now, terms.segments.find(terms.judged)).segments
        if terms.judged & evaluated.keys() != members:
            raise Unmendable(DISAGREE)
    return state
