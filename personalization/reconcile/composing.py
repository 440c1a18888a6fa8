"""The state that a profile should be in: what is hot, but for the parts that the archive says differently."""

from collections.abc import Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from personalization.reconcile.comparing import CONSENT, COPY, EVENTS, PROFILE, TRAITS, Finding, Terms
from personalization.reconcile.hot import read_profile
from profiles.copies import ROW
from profiles.models import StoredProfile
from profiles.past import fold_archived
from profiles.profile import History, Memory, Profile
from segments.recomputing import Totals

T = TypeVar("T")

DISAGREE = "What the archive's evaluator says does not follow from what is archived: the two evaluators disagree."
UNKNOWN = "The durable copy says otherwise; the archive does not go back far enough to tell which is right."


class Unmendable(Exception):
    """Why there is no state to put a profile into."""


def compose(finding: Finding, memory: Memory, terms: Terms) -> Profile:
    """As narrow a change as there is. It is in the lists that it should be in; its other segments are still those of
    before: the processor asks them anew. Raises Unmendable."""
    if PROFILE in finding.aspects or finding.profile is None:
        return _agree(_enrol(_bring_back(finding, memory, terms), finding, terms), finding, terms)
    state = _enrol(finding.profile, finding, terms)
    # The archive's evaluator walks over the copies, and asks them for lists: it is asked again once they are right.
    is_first = state is not finding.profile or bool({ROW, "segments"}.intersection(finding.archived.stale))

    def fold() -> Profile:
        return fold_archived(UUID(finding.id), memory)

    if finding.aspects.keys() & {EVENTS, TRAITS, CONSENT}:
        state = _put_right(state, fold(), finding)
    if COPY in finding.aspects and not terms.knows(state):
        state = replace(state, events=_choose_events(state, finding.archived.totals))
    if is_first:
        return state
    try:
        return _agree(state, finding, terms)
    except Unmendable:
        # Its totals are right and its segments are not: single events of its histories must be missing.
        if not terms.knows(state):
            raise
        folded = fold()
        return _agree(replace(state, events=folded.events, traits=folded.traits), finding, terms)


def _choose_events(state: Profile, totals: Mapping[str, Totals]) -> Mapping[str, History]:
    """Those of the profile or of its copy, whichever has heard the last that the archive knows. Raises Unmendable when
    both or neither have, and they differ."""
    copy = StoredProfile.objects.filter(pk=state.id).first()
    stored = read_profile(copy.state) if copy is not None else None
    if stored is None or stored.events == state.events:
        return state.events
    up_to_date = [each.events for each in (state, stored) if _has_heard(each, totals)]
    if len(up_to_date) != 1:
        raise Unmendable(UNKNOWN)
    return up_to_date[0]


def _has_heard(state: Profile, totals: Mapping[str, Totals]) -> bool:
    return all(name in state.events and state.events[name].last >= each.last for name, each in totals.items())


def _enrol(state: Profile, finding: Finding, terms: Terms) -> Profile:
    """In the judged lists and snapshots as their rows say; the same object where there is nothing to change."""
    if finding.archived.members is None:
        return state
    judged = terms.judge(state, is_sure=finding.archived.reckoned.is_sure) & terms.segments.enrolled
    wanted = judged & finding.archived.members
    if judged & state.segments.keys() == wanted:
        return state
    kept = {key: at for key, at in state.segments.items() if key not in judged or key in wanted}
    return replace(state, segments={**dict.fromkeys(sorted(wanted), terms.now), **kept})


def _bring_back(finding: Finding, memory: Memory, terms: Terms) -> Profile:
    """Of a profile that is lost: what the archive tells, and what only the copy knows, such as what models said. Of
    somebody whose first events the archive has no more, the copy: it is written with the newest ones."""
    folded = fold_archived(UUID(finding.id), memory)
    copy = StoredProfile.objects.filter(pk=finding.id).first()
    stored = read_profile(copy.state) if copy is not None else None
    if stored is None:
        if folded.first_seen == 0:
            raise Unmendable("Neither the archive nor a copy knows it.")
        return folded
    if folded.first_seen == 0 or not terms.knows(stored):
        return stored  # known by name alone, or from before the archive begins
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


def _put_right(state: Profile, folded: Profile, finding: Finding) -> Profile:
    events = _replace(state.events, folded.events, finding.differing.get(EVENTS, ()))
    traits = _replace(state.traits, folded.traits, finding.differing.get(TRAITS, ()))
    return replace(
        state,
        events=events,
        traits=traits,
        consent=_replace(state.consent, folded.consent, finding.differing.get(CONSENT, ())),
        first_seen=min(filter(None, (state.first_seen, folded.first_seen)), default=0),
        last_seen=max(state.last_seen, folded.last_seen),
    )


def _replace(mine: Mapping[str, T], archived: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    return {
        **{name: each for name, each in mine.items() if name not in names},
        **{n: archived[n] for n in names if n in archived},
    }


def _agree(state: Profile, finding: Finding, terms: Terms) -> Profile:
    """The state, when the processor will find the segments in it that the archive says it has."""
    members = finding.archived.members
    if members is not None:
        judged = terms.judge(state, is_sure=finding.archived.reckoned.is_sure)
        evaluated = terms.segments.evaluate(state, terms.now, terms.segments.find(terms.judged)).segments
        if judged & evaluated.keys() != judged & members:
            raise Unmendable(DISAGREE)
    return state
