"""One person held against the archive: in which aspects the hot side is not what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from personalization.reconcile.hot import Hot, read_profile
from profiles.profile import EXACT, MAX_NAMES, MAX_PURPOSES, MAX_TRAITS, Profile
from rules.reckoning import Caps, Reckoned, Wrong, find_wrong
from rules.tally import GRANT
from segments.membership import Segments
from segments.recomputing import Told, Totals, consent_of, told_of, total_of

PROFILE, EVENTS, TRAITS, CONSENT = "profile", "events", "traits", "consent"
SEGMENTS, TIMER = "segments", "timer"
GRANTS, COUNTERS = "grants", "counters"  # of the tally
SHOWN = 20  # of one aspect in the evidence

Pair = dict[str, Any]  # {"found": …, "expected": …}


class Archived(NamedTuple):
    """What PostgreSQL says of one person: `stored` that there is a copy of the profile, `members` the judged segments
    the person is in, None where these cannot be judged."""

    totals: Mapping[str, Totals]
    told: Mapping[str, Told]
    consent: Mapping[str, Told]
    members: frozenset[str] | None
    reckoned: Reckoned
    stored: bool


@dataclass(frozen=True)
class Terms:
    """What a comparison rests on: the segments in force, the keys that are judged, the moment it is made for, what is
    known of counters, and since when the archive knows everything (0: from the start), in Unix milliseconds."""

    segments: Segments
    judged: frozenset[str]
    now: int
    caps: Caps
    since: int = 0


@dataclass(frozen=True)
class Finding:
    """A person who differs: `aspects` are the evidence, `differing` names all events and traits that are not as they
    should be, `wrong` what of the tally."""

    id: str
    hot: Hot
    archived: Archived
    profile: Profile | None
    aspects: dict[str, Pair] = field(default_factory=dict)
    differing: dict[str, list[str]] = field(default_factory=dict)
    wrong: Wrong = field(default_factory=dict)

    @property
    def is_of_the_profile(self) -> bool:
        return bool(self.aspects.keys() - {GRANTS, COUNTERS})


def compare(id: str, hot: Hot, archived: Archived, terms: Terms) -> Finding:
    """Without aspects where there is nothing to mend."""
    profile = read_profile(hot.packed)
    aspects: dict[str, Pair] = {}
    differing: dict[str, list[str]] = {}
    if profile is None:
        if archived.totals or archived.stored:
            found = None if hot.packed is None else "unreadable"
            aspects[PROFILE] = _pair(found, sum(each.times for each in archived.totals.values()))
    else:
        differing[EVENTS] = _compare_events(profile, archived.totals, terms.since)
        traits = {name: told_of(trait) for name, trait in profile.traits.items()}
        consent = {purpose: consent_of(said) for purpose, said in profile.consent.items()}
        differing[TRAITS] = _compare_told(traits, archived.told, terms.since, most=MAX_TRAITS)
        differing[CONSENT] = _compare_told(consent, archived.consent, terms.since, most=MAX_PURPOSES)
        aspects |= _show_events(profile, archived.totals, differing[EVENTS][:SHOWN])
        aspects |= _show_told(TRAITS, traits, archived.told, differing[TRAITS][:SHOWN])
        aspects |= _show_told(CONSENT, consent, archived.consent, differing[CONSENT][:SHOWN])
        if archived.members is not None and profile.first_seen >= terms.since:
            aspects |= _compare_segments(profile, archived.members, terms.judged)
            aspects |= compare_timer(profile, hot.timer, terms)
    is_somebody = bool(archived.totals) or profile is not None
    wrong = find_wrong(archived.reckoned, hot.tally, terms.caps) if is_somebody else {}
    aspects |= _show_wrong(wrong)
    return Finding(id, hot, archived, profile, aspects, differing, wrong)


def _compare_events(profile: Profile, totals: Mapping[str, Totals], since: int) -> list[str]:
    hot = {name: total_of(history) for name, history in profile.events.items()}
    is_full = len(hot) >= MAX_NAMES  # it counts no further names, which the archive does
    return [
        name
        for name in sorted(hot.keys() | totals.keys())
        if (name in hot or not is_full) and not _agree(hot.get(name), totals.get(name), since)
    ]


def _show_events(profile: Profile, totals: Mapping[str, Totals], names: Sequence[str]) -> dict[str, Pair]:
    hot = {name: total_of(profile.events[name])._asdict() for name in names if name in profile.events}
    return _show(EVENTS, hot, {name: each._asdict() for name, each in totals.items()}, names)


def _agree(hot: Totals | None, archived: Totals | None, since: int) -> bool:
    if hot is not None and hot.first < since:  # the archive does not know how it began
        return archived is None or hot.last >= archived.last
    if hot is None or archived is None:
        return hot is archived
    if abs(archived.total) > EXACT:  # larger sums are not the same in every order
        hot = hot._replace(total=archived.total)
    return hot == archived


def _compare_told(hot: Mapping[str, Told], archived: Mapping[str, Told], since: int, *, most: int) -> list[str]:
    is_full = len(hot) >= most  # there is no room for further names, of which the archive may know
    return [
        name
        for name in sorted(hot.keys() | archived.keys())
        if (name in hot or not is_full) and not _say_the_same(hot.get(name), archived.get(name), since)
    ]


def _say_the_same(hot: Told | None, archived: Told | None, since: int) -> bool:
    if hot is None or archived is None:
        return hot is not None and hot.at < since
    return hot.at == archived.at and hot.values <= archived.values


def _show_told(
    aspect: str, hot: Mapping[str, Told], archived: Mapping[str, Told], names: Sequence[str]
) -> dict[str, Pair]:
    found, expected = ({name: _say_told(each) for name, each in said.items()} for said in (hot, archived))
    return _show(aspect, found, expected, names)


def _show_wrong(wrong: Wrong) -> dict[str, Pair]:
    """Of grants whether the codes are the same, and not which; of counters the numbers."""
    shown: dict[str, Pair] = {}
    for name, (found, expected) in sorted(wrong.items())[:SHOWN]:
        is_grant = name.startswith(GRANT)
        pair = shown.setdefault(GRANTS if is_grant else COUNTERS, _pair({}, {}))
        pair["found"][name] = _digest(found) if is_grant else found
        pair["expected"][name] = _digest(expected) if is_grant else expected
    return shown


def _show(aspect: str, hot: Mapping[str, Any], archived: Mapping[str, Any], names: Sequence[str]) -> dict[str, Pair]:
    if not names:
        return {}
    return {aspect: _pair({name: hot.get(name) for name in names}, {name: archived.get(name) for name in names})}


def _compare_segments(profile: Profile, members: frozenset[str], judged: frozenset[str]) -> dict[str, Pair]:
    hot = judged & profile.segments.keys()
    if hot == members:
        return {}
    return {SEGMENTS: _pair(sorted(hot - members)[:SHOWN], sorted(members - hot)[:SHOWN])}


def compare_timer(profile: Profile, timer: int | None, terms: Terms) -> dict[str, Pair]:
    """A timer may be early; one that is late or missing lets a window end unnoticed."""
    positions = terms.segments.find(terms.judged)
    flips_at = terms.segments.evaluate(profile, terms.now, positions).flips_at
    if flips_at is None or (timer is not None and timer <= flips_at):
        return {}
    return {TIMER: _pair(timer, flips_at)}


def _pair(found: Any, expected: Any) -> Pair:
    return {"found": found, "expected": expected}


def _say_told(told: Told) -> dict[str, Any]:
    return {"at": told.at, "said": _digest("\n".join(sorted(told.values)))}


def _digest(text: str | None) -> str | None:
    """Tells two values apart, and says neither."""
    return None if text is None else blake2b(text.encode(), digest_size=6).hexdigest()
