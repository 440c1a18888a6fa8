"""The next roster when segments are defined anew: which versions stay, which are new and have to be filled. Pure.

A version that says the same is kept, and so are its people. One that asks for a segment which gets another version gets
another version too: both come into force at the same moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from segments.conditions.language import BadCondition, InSegment, list_leaves
from segments.conditions.parse import parse_condition
from segments.roster import ENROLLED, Roster, Version, list_needed


class Plan(NamedTuple):
    """The next roster, the versions that are new in it, and the keys to be filled before what is coming can answer."""

    roster: Roster
    fresh: tuple[Version, ...]
    filling: tuple[str, ...]


def plan_roster(wanted: Iterable[Version], now: Roster, newest: Mapping[str, int], *, zone: str) -> Plan | None:
    """The way from the roster of `now` to the definitions `wanted` (their numbers do not count, but for lists, whose
    numbers their uploads gave them); `newest` is the highest number that each segment ever had. None: nothing to do."""
    coming: dict[str, str] = {}
    fresh: list[Version] = []
    versions = {each.key: each for each in now.versions}
    for each, asked in sort_by_reference(wanted):
        refers = {slug: coming[slug] for slug in asked if slug in coming}
        version = replace(each, refers=refers)
        known = _find_known(version, now, versions) if zone == now.zone or each.kind in ENROLLED else None
        if known is None:
            number = each.version if each.kind == "list" else newest.get(each.segment, 0) + 1
            known = replace(version, version=number)
            fresh.append(known)
        coming[each.segment] = known.key
    gone = {key: "" for slug, key in now.answers.items() if slug not in coming}
    filling = tuple(key for slug, key in coming.items() if now.answers.get(slug) != key)
    if not gone and not filling and coming == now.coming:
        return None
    answers = {slug: key for slug, key in now.answers.items() if slug in coming}
    drawn = replace(now, zone=zone, versions=(*now.versions, *fresh), answers=answers, coming=coming)
    needed = list_needed(drawn, (*answers.values(), *coming.values()))
    # A list that comes back has the key it had before, and keeps whoever still carries it.
    retired = {key: by for key, by in {**now.retired, **gone}.items() if key not in coming.values()}
    roster = replace(drawn, number=now.number + 1, versions=needed, retired=retired)
    return Plan(roster, tuple(fresh), filling)


def cut_over(now: Roster) -> Roster:
    """The roster in which what was coming answers, and what it replaces is retired."""
    replaced = {key: now.coming[slug] for slug, key in now.answers.items() if now.coming[slug] != key}
    versions = list_needed(now, now.coming.values())
    retired = {**now.retired, **replaced}
    return replace(now, number=now.number + 1, versions=versions, answers=now.coming, retired=retired)


def call_off(now: Roster) -> Roster:
    """The roster in which nothing is coming: what answers goes on to."""
    versions = list_needed(now, now.answers.values())
    return replace(now, number=now.number + 1, versions=versions, coming=now.answers)


def forget(now: Roster, settled: Iterable[str]) -> Roster:
    """The roster without retired keys that nobody carries any more."""
    left = {key: by for key, by in now.retired.items() if key not in set(settled)}
    return replace(now, number=now.number + 1, retired=left)


def list_references(version: Version) -> tuple[str, ...]:
    """The segments that a condition asks for. A snapshot asks them once, of the past, and none afterwards."""
    if version.kind in ENROLLED:
        return ()
    try:
        leaves = list_leaves(parse_condition(version.condition))
    except BadCondition:
        return ()  # of another version of the product; publishing refuses it
    return tuple(dict.fromkeys(leaf.segment for leaf in leaves if isinstance(leaf, InSegment)))


def sort_by_reference(wanted: Iterable[Version]) -> Sequence[tuple[Version, tuple[str, ...]]]:
    """The definitions with the segments that they ask for, each after those; publishing has ruled out circles."""
    by_slug = {each.segment: each for each in wanted}
    asked = {slug: list_references(each) for slug, each in by_slug.items()}
    done: dict[str, Version] = {}

    def place(slug: str, above: tuple[str, ...]) -> None:
        for other in asked[slug]:
            if other in by_slug and other not in done and other not in above:
                place(other, (*above, slug))
        done.setdefault(slug, by_slug[slug])

    for slug in sorted(by_slug):
        place(slug, ())
    return tuple((each, asked[slug]) for slug, each in done.items())


def _find_known(version: Version, now: Roster, versions: Mapping[str, Version]) -> Version | None:
    """The version that says the same, of those that answer or are being filled."""
    for keys in (now.answers, now.coming):
        known = versions.get(keys.get(version.segment, ""))
        if known is not None and known.says(version) and (version.kind != "list" or known.version == version.version):
            return known
    return None
