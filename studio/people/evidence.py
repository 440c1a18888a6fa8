"""Why a person is in an audience, or is not: its condition node by node, each with what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from personalization.preview import flatten, list_rows, say_observed
from profiles.profile import Profile
from segments.conditions.calendar import Calendar
from segments.conditions.explain import explain
from segments.conditions.language import BadCondition, HasTrait, InContext, Node
from segments.conditions.parse import parse_condition
from segments.models import Segment
from segments.queries import find_upload, read_roster
from segments.roster import ENROLLED, name_segments
from studio.conditions.named import read_names, say_named
from studio.masking import HIDDEN, KEPT, mask
from studio.private import Private, find_hidden, hides_finding


@dataclass(frozen=True)
class Reason:
    """One node: the levels above it, what it asks, whether it holds, and what was found."""

    depth: range
    words: str
    matched: bool
    found: str


@dataclass(frozen=True)
class Evidence:
    """`reasons` of a condition; of an uploaded list its `file` and since when it names the person."""

    is_in: bool
    kind: str = ""
    reasons: Sequence[Reason] = ()
    file: str = ""
    uploaded: datetime | None = None
    is_known: bool = True


def find_evidence(slug: str, profile: Profile, ids: Sequence[UUID], *, now: int, sees: bool) -> Evidence:
    """By the version that answers. `now` is Unix milliseconds."""
    roster = read_roster()
    key = roster.answers.get(slug, "")
    version = roster.find(key)
    if version is None:
        return Evidence(is_in=False, is_known=False)
    is_in = key in profile.segments
    if version.kind in ENROLLED:
        member = find_upload(key, ids)
        upload = None if member is None else member.upload
        file = "" if upload is None else upload.file
        return Evidence(is_in, version.kind, file=file, uploaded=None if upload is None else upload.at)
    try:
        root = parse_condition(version.condition)
    except BadCondition:
        return Evidence(is_in, version.kind, is_known=False)
    named = name_segments(profile, roster.answers)
    return Evidence(is_in, version.kind, list_reasons(root, named, now=now, zone=roster.zone, sees=sees))


def list_reasons(root: Node, profile: Profile, *, now: int, zone: str, sees: bool) -> list[Reason]:
    private = find_hidden(sees=sees)
    names = read_names([root])
    told = flatten(explain(root, profile, profile.segments, {}, now, Calendar(zone)))
    return [
        Reason(depth, say_named(node, names), each.matched, _say(node, each.observed, sees, private))
        for (depth, node), each in zip(list_rows(root), told, strict=True)
    ]


def _say(node: Node, observed: object, sees: bool, private: Private) -> str:
    """What was found; a trait's text says who somebody is."""
    if hides_finding(node, private):
        return HIDDEN
    said = say_observed(node, observed)
    if sees or observed is None or not isinstance(node, HasTrait | InContext) or node.test.name in KEPT:
        return said
    return said if isinstance(observed, bool | int | float) else mask(said.strip('"'))


def list_audiences(profile: Profile) -> list[tuple[str, int]]:
    """The audiences somebody is in by their slugs, with since when, the newest first."""
    named = name_segments(profile, read_roster().answers)
    return sorted(named.segments.items(), key=lambda each: (-each[1], each[0]))


def list_others(profile: Profile) -> list[tuple[str, str]]:
    """Slug and name of the audiences that answer and that somebody is not in."""
    answers = read_roster().answers
    out = [slug for slug, key in answers.items() if key not in profile.segments]
    return list(Segment.objects.filter(slug__in=out).order_by("name").values_list("slug", "name"))
