"""What pages of publishing show: differences grouped by kind, remarks with links, what becomes of audiences."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.urls import reverse

from personalization.effects import Effect, find_effect
from rules.changes import Alteration, list_alterations
from rules.comparing import Difference
from rules.definitions import BookPayload
from segments.queries import newest_roster
from segments.roster import LIST
from studio.publish.words import FIELDS, KINDS, WHATS, WHO

Payload = Mapping[str, Any]
ORDER = ("segment", "rule", "block", "offer", "slot")
EFFECT_S = 30  # how long a number of people is good for
MOVES = ("kind", "condition", "as_of")  # fields that say who is in an audience

# How remarks of the domain begin: with what they are about.
SLUG = re.compile(r"(?P<kind>Segment|Snapshot|Rule|Block|Slot|Offer|list) (?P<slug>[-a-zA-Z0-9_]+)(?= |:)")
NAMED = re.compile(r"“(?P<name>[^”]+)”(?: \((?P<slug>[-a-zA-Z0-9_]+)\))?")
SAID = {"snapshot": "segment", "list": "segment"}


@dataclass(frozen=True)
class FieldShown:
    label: Any
    difference: Difference


@dataclass(frozen=True)
class AlterationShown:
    """One definition that differs. `effect` is where to ask how many enter and leave, "" where nobody does."""

    alteration: Alteration
    what: Any
    look: str
    url: str
    effect: str
    fields: Sequence[FieldShown]

    @property
    def is_new(self) -> bool:
        return self.alteration.what == "new"


@dataclass(frozen=True)
class Group:
    title: Any
    icon: str
    rows: Sequence[AlterationShown]


@dataclass(frozen=True)
class Link:
    name: str
    url: str


@dataclass(frozen=True)
class Remark:
    """What speaks against publishing or should be known, with where it is mended."""

    text: str
    links: Sequence[Link]


def group_alterations(before: Payload | None, after: Payload, *, of: str | None = "") -> list[Group]:
    """By kind; `of` is the query that says to the page of effects which payload is meant, "" for the drafts, None where
    nobody enters or leaves any more."""
    found: dict[str, list[AlterationShown]] = {kind: [] for kind in ORDER}
    for each in list_alterations(before, after):
        found[each.kind].append(_show(each, of))
    return [Group(KINDS[kind][0], KINDS[kind][2], rows) for kind, rows in found.items() if rows]


def count_rows(groups: Sequence[Group]) -> int:
    return sum(len(group.rows) for group in groups)


def _show(each: Alteration, of: str | None) -> AlterationShown:
    what, look = WHATS[each.what]
    fields = [
        FieldShown(_label(each.kind, one.field), one)
        for one in each.differences
        if not (each.what == "new" and one.field == "name")
    ]
    return AlterationShown(
        alteration=each,
        what=what,
        look=look,
        url=reverse(KINDS[each.kind][3], args=[each.slug]) if each.is_drafted else "",
        effect=f"{reverse('studio:publish_effect', args=[each.slug])}{of}"
        if of is not None and _moves_people(each)
        else "",
        fields=fields,
    )


def _label(kind: str, field: str) -> Any:
    if kind == "segment" and field == "condition":
        return WHO
    return FIELDS.get(field, field)


def _moves_people(each: Alteration) -> bool:
    if each.kind != "segment":
        return False
    old, new = each.before or {}, each.after or {}
    if new.get("kind") == LIST:
        return False
    return any(old.get(field) != new.get(field) for field in MOVES)


def link_remarks(said: Sequence[str], payload: BookPayload) -> list[Remark]:
    """Each remark with links to the definitions that it names first."""
    slugs = {
        "segment": {each.slug: each.name for each in payload.segments},
        "rule": {each.slug: each.name for each in payload.rules},
        "block": {slug: each.name for slug, each in payload.blocks.items()},
        "offer": {slug: each.name for slug, each in payload.offers.items()},
        "slot": {slug: each.name for slug, each in payload.slots.items()},
    }
    by_name = {each.name: each.slug for each in payload.rules}
    return [Remark(text.rstrip("."), _find_links(text, slugs, by_name)) for text in said]


def _find_links(text: str, slugs: Mapping[str, Mapping[str, str]], rules: Mapping[str, str]) -> list[Link]:
    if match := SLUG.search(text.split(":")[0] + ":"):
        kind = match["kind"].lower()
        kind = SAID.get(kind, kind)
        names = slugs[kind]
        if match["slug"] in names:
            return [Link(names[match["slug"]] or match["slug"], reverse(KINDS[kind][3], args=[match["slug"]]))]
    found = {}
    for match in NAMED.finditer(text):
        slug = match["slug"] or rules.get(match["name"])
        if slug in slugs["rule"]:
            found[slug] = Link(match["name"], reverse("studio:rule", args=[slug]))
    return list(found.values())


def find_effect_soon(slug: str, definition: Payload | None) -> Effect | None:
    """How many enter and leave, a few seconds old at most. Raises BadCondition, and OperationalError where PostgreSQL
    takes too long even for a sample."""
    roster = newest_roster()
    said = json.dumps([slug, definition, None if roster is None else roster[0]], sort_keys=True)
    key = f"studio:effect:{sha256(said.encode()).hexdigest()}"
    known = cache.get(key)
    if known is None:
        known = (find_effect(slug, definition),)
        cache.set(key, known, EFFECT_S)
    effect: Effect | None = known[0]
    return effect
