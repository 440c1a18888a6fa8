"""One person held against the archive: in which aspects the hot side is not what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from personalization.reconcile.hot import Hot, read_profile
from profiles.copies import ROW
from profiles.profile import EXACT, MAX_NAMES, MAX_PURPOSES, MAX_TRAITS, Profile
from rules.reckoning import Caps, Reckoned, Wrong, find_wrong
from rules.tally import GRANT
from segments.membership import Segments
from segments.recomputing import Told, Totals, consent_of, told_of, total_of

PROFILE, EVENTS, TRAITS, CONSENT = "profile", "events", "traits", "consent"
SEGMENTS, TIMER = "segments", "timer"
GRANTS, COUNTERS = "grants", "counters"  # of the tally
POINTS = "points"  # of the ledger
COPY = "copy"  # in PostgreSQL
SHOWN = 20  # of one aspect in the evidence

Pair = dict[str, Any]  # {"found": …, "expected": …}


class Archived(NamedTuple):
    """What PostgreSQL says of one person: `stored` that there is a copy of the profile, `members` the judged segments
    the person is in, None where these cannot be judged; `stale` the columns of that copy that are not as the profile,
    which was read before (profiles.copies)."""

    totals: Mapping[str, Totals]
    told: Mapping[str, Told]
    consent: Mapping[str, Told]
    members: frozenset[str] | None
    reckoned: Reckoned
    stored: bool
    stale: Sequence[str] = ()


@dataclass(frozen=True)
class Terms:
    """What a comparison rests on: the segments in force, the keys that are judged, the moment it is made for, what is
    known of counters, and since when the archive knows everything (0: from the start), in Unix milliseconds."""

    segments: Segments
    judged: frozenset[str]
    now: int
    caps: Caps
    since: int = 0

    def judge(self, profile: Profile, *, is_sure: bool) -> frozenset[str]:
        """The keys that are judged for a profile: what the archive says of somebody from before it begins is not all
        there is, and who was parted from somebody (not `is_sure`) may be in a list by the other one."""
        lists = self.judged & self.segments.enrolled
        judged = self.judged if self.knows(profile) else lists
        return judged if is_sure else judged - lists

    def knows(self, profile: Profile) -> bool:
        """Whether the archive goes back to the profile's beginning."""
        return profile.first_seen >= self.since


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
        return bool(self.aspects.keys() - {GRANTS, COUNTERS, POINTS})


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
        differing[EVENTS] = _compare_events(profile, archived.totals) if terms.knows(profile) else []
        traits = {name: told_of(trait) for name, trait in profile.traits.items()}
        consent = {purpose: consent_of(said) for purpose, said in profile.consent.items()}
        differing[TRAITS] = _compare_told(traits, archived.told, terms.since, most=MAX_TRAITS)
        differing[CONSENT] = _compare_told(consent, archived.consent, terms.since, most=MAX_PURPOSES)
        aspects |= _show_events(profile, archived.totals, differing[EVENTS][:SHOWN])
        aspects |= _show_told(TRAITS, traits, archived.told, differing[TRAITS][:SHOWN])
        aspects |= _show_told(CONSENT, consent, archived.consent, differing[CONSENT][:SHOWN])
        if archived.members is not None:
            judged = terms.judge(profile, is_sure=archived.reckoned.is_sure)
            if ROW not in archived.stale:  # the archive's evaluator walks over the copies
                aspects |= _compare_segments(profile, archived.members & judged, judged)
            aspects |= compare_timer(profile, hot.timer, terms)
        if archived.stale:
            aspects[COPY] = _pair(sorted(archived.stale), [])
    is_somebody = bool(archived.totals) or profile is not None
    wrong = find_wrong(archived.reckoned, hot.tally, terms.caps) if is_somebody else {}
    aspects |= _show_wrong(wrong)
    if is_somebody and archived.reckoned.points:
        aspects[POINTS] = _show_points(archived.reckoned.points)
    return Finding(id, hot, archived, profile, aspects, differing, wrong)


def _compare_events(profile: Profile, totals: Mapping[str, Totals]) -> list[str]:
    hot = {name: total_of(history) for name, history in profile.events.items()}
    is_full = len(hot) >= MAX_NAMES  # it counts no further names, which the archive does
    return [
        name
        for name in sorted(hot.keys() | totals.keys())
        if (name in hot or not is_full) and not _agree(hot.get(name), totals.get(name))
    ]


def _show_events(profile: Profile, totals: Mapping[str, Totals], names: Sequence[str]) -> dict[str, Pair]:
    hot = {name: total_of(profile.events[name])._asdict() for name in names if name in profile.events}
    return _show(EVENTS, hot, {name: each._asdict() for name, each in totals.items()}, names)


def _agree(hot: Totals | None, archived: Totals | None) -> bool:
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
    if archived is None or archived.at < since:  # of what was said before it begins it knows a part at most
        return hot is None or hot.at < since
    if hot is None:
        return False
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
        pair["found"][name] = digest_text(found) if is_grant else found
        pair["expected"][name] = digest_text(expected) if is_grant else expected
    return shown


def _show_points(points: Mapping[str, tuple[int | None, int | None]]) -> Pair:
    """By offer and period."""
    some = {key.split(":")[1] + ":" + key.rpartition(":")[2]: pair for key, pair in sorted(points.items())[:SHOWN]}
    return _pair({name: found for name, (found, _) in some.items()}, {name: said for name, (_, said) in some.items()})


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
    return {"at": told.at, "said": digest_text("\n".join(sorted(told.values)))}


def digest_text(text: str | None) -> str | None:
    """Tells two values apart, and says neither."""
    return None if text is None else blake2b(text.encode(), digest_size=6).hexdigest()
