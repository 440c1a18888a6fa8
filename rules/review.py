"""What publishing would change, what speaks against it, and what one should know before it."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from profiles.writing import write_within
from rules.checking import check_payload
from rules.definitions import BlockDefinition, BookPayload
from rules.fitting import find_misfits
from rules.marks import MARK
from rules.render import BadBlock, compile_block
from segments.conditions.language import BadCondition, HasScore, InCluster, list_leaves
from segments.conditions.parse import parse_condition
from segments.conditions.python import compile_condition
from segments.kinds import find_kind_problem
from segments.membership import SegmentCycle, compile_segments
from segments.models import Segment
from segments.moments import say_moment
from segments.roster import LIST, SNAPSHOT

CONDITION = "condition"
ORGANISATION = "organisation"  # the kind of a change that is of no definition
WHATS = {"new": _("new"), "changed": _("changed"), "removed": _("removed")}

Payload = Mapping[str, Any]  # of a Book, as it is stored


@dataclass(frozen=True)
class Change:
    """One definition that differs between two Books: `what` is new, changed or removed, and `fields` says in what.
    `type` says what a segment is that is not defined by a condition alone."""

    kind: str
    name: str
    what: str
    fields: tuple[str, ...] = ()
    type: str = ""

    @property
    def said(self) -> str:
        """`what` in words."""
        return gettext(WHATS[self.what])


def list_changes(before: Payload | None, after: Payload) -> list[Change]:
    """How the payload `after` differs from `before`, which is None where nothing was published yet."""
    old, new = dict(list_definitions(before or {})), dict(list_definitions(after))
    changes = []
    if zones := find_zones(before, after):
        both = gettext("from %(was)s to %(now)s") % {"was": zones[0], "now": zones[1]}
        changes.append(Change(ORGANISATION, gettext("Time zone"), "changed", (both,)))
    for key in sorted({**old, **new}):
        kind, slug = key
        was, now = old.get(key), new.get(key)
        name = (now or was or {}).get("name") or slug
        type = _say_type(now or was or {}) if kind == "segment" else ""
        if was is None or now is None:
            changes.append(Change(kind, name, "new" if was is None else "removed", type=type))
        elif fields := list_fields(was, now):
            said = tuple(_say_field(kind, field, was.get(field), now.get(field)) for field in fields)
            changes.append(Change(kind, name, "changed", said, type))
    return changes


def find_zones(before: Payload | None, after: Payload) -> tuple[str, str] | None:
    """The organisation's time zone as both payloads say it, where they say another one."""
    zones = (before or after).get("zone", "UTC"), after.get("zone", "UTC")
    return None if zones[0] == zones[1] else zones


def list_fields(was: Payload, now: Payload) -> tuple[str, ...]:
    """In what two definitions differ. A mark follows from the rest, and nobody edits it."""
    return tuple(sorted(field for field in {**was, **now} if field != MARK and was.get(field) != now.get(field)))


def _say_type(segment: Mapping[str, Any]) -> str:
    """What kind of segment it is, and of which moment."""
    kind = segment["kind"]
    said = "" if kind == CONDITION else _say_kind(kind)
    if kind != SNAPSHOT:
        return said
    return gettext("%(kind)s, as of %(moment)s") % {"kind": said, "moment": say_moment(segment["as_of"])}


def _say_field(kind: str, field: str, was: Any, now: Any) -> str:
    if kind != "segment" or field not in ("kind", "as_of"):
        return field
    if field == "kind":
        return gettext("kind, from %(was)s to %(now)s") % {"was": _say_kind(was), "now": _say_kind(now)}
    return gettext("as of %(was)s, now %(now)s") % {"was": say_moment(was), "now": say_moment(now)}


def _say_kind(kind: str) -> str:
    return write_within(str(dict(Segment.Kind.choices).get(kind, kind)))


def list_definitions(payload: Payload) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """Each definition of a payload, by its kind and slug."""
    for kind in ("segment", "rule"):
        for each in payload.get(f"{kind}s", ()):
            # Books of before there were other kinds do not say that it is a condition.
            yield (kind, each["slug"]), {"kind": CONDITION, "as_of": None, **each} if kind == "segment" else each
    for kind in ("block", "offer", "slot"):
        for slug, each in payload.get(f"{kind}s", {}).items():
            yield (kind, slug), each


def find_problems(payload: BookPayload) -> list[str]:
    """Every reason why the payload makes no working Book."""
    problems = []
    asking = {each.slug: each.condition for each in payload.segments if each.kind != LIST}
    for segment in payload.segments:
        if segment.kind == LIST:
            continue
        if segment.condition is None:
            said = (
                gettext("Segment %(slug)s: it needs a condition; write one, or take it out of what is live")
                if segment.kind == CONDITION
                else gettext(
                    "Segment %(slug)s: a %(kind)s needs a condition; write one, or take it out of what is live"
                )
            )
            problems.append(said % {"slug": segment.slug, "kind": segment.kind})
            continue
        if (problem := find_kind_problem(segment.kind, segment.condition)) is not None:
            problems.append(_say_segment(segment.slug, problem))
        try:
            compile_segments({segment.slug: segment.condition})
        except BadCondition as error:
            problems += [_say_segment(segment.slug, str(each)) for each in error.problems]
        except SegmentCycle:
            problems.append(_say_segment(segment.slug, gettext("refers to itself; remove the reference")))
    if not problems:
        try:
            compile_segments(asking)
        except SegmentCycle as error:
            problems.append(str(error).capitalize())
    problems += [
        gettext("Block %(slug)s: %(problem)s") % {"slug": slug, "problem": problem}
        for slug, block in payload.blocks.items()
        if (problem := find_block_problem(block)) is not None
    ]
    problems += find_misfits(payload)
    problems += check_payload(payload)
    for rule in payload.rules:
        try:
            if rule.condition is not None:
                parse_condition(rule.condition)
        except BadCondition as error:
            problems += [
                gettext("Rule %(slug)s: %(problem)s") % {"slug": rule.slug, "problem": each} for each in error.problems
            ]
    return problems


def find_block_problem(block: BlockDefinition) -> str | None:
    """Why the source of a block cannot be rendered, in one line."""
    try:
        compile_block("", block)
    except BadBlock as error:
        return str(error).removeprefix(": ")
    return None


def find_empty_segments(payload: BookPayload) -> list[str]:
    """Where a condition asks for a segment that is not live, and so has nobody in it."""
    live = {segment.slug for segment in payload.segments}
    by_segment = gettext("Segment %(slug)s asks for the segment %(asked)s, which is not live: nobody is in it")
    by_rule = gettext("Rule %(slug)s asks for the segment %(asked)s, which is not live: nobody is in it")
    asking = [(by_segment, each.slug, each.condition) for each in payload.segments if each.condition is not None]
    asking += [(by_rule, each.slug, each.condition) for each in payload.rules if each.condition is not None]
    found = []
    for said, slug, condition in asking:
        try:
            wanted = compile_condition(parse_condition(condition)).segments
        except BadCondition:
            continue  # one of the problems
        found += [said % {"slug": slug, "asked": asked} for asked in wanted - live]
    return sorted(found)


def find_snapshots_of_models(payload: BookPayload) -> list[str]:
    """Snapshots that ask what models say, which is not kept of the past."""
    found = []
    for segment in payload.segments:
        if segment.kind != SNAPSHOT:
            continue
        with suppress(BadCondition):  # one of the problems
            leaves = list_leaves(parse_condition(segment.condition))
            if any(isinstance(leaf, InCluster | HasScore) for leaf in leaves):
                said = gettext(
                    "Snapshot %(slug)s asks for clusters or scores, of which no past is kept: as if nobody had any"
                )
                found.append(said % {"slug": segment.slug})
    return found


def _say_segment(slug: str, problem: str) -> str:
    return gettext("Segment %(slug)s: %(problem)s") % {"slug": slug, "problem": problem}
