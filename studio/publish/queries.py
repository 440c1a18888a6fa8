"""What pages of publishing show: differences grouped by kind, remarks with links, what becomes of audiences."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from personalization.effects import Effect, find_effect
from rules.changes import Alteration, list_alterations
from rules.definitions import BookPayload
from rules.review import ORGANISATION
from segments.queries import newest_roster
from segments.roster import LIST
from studio.differences import Told, tell
from studio.kinds import KINDS, place_of
from studio.kinds import ORGANISATION as OF_ORGANISATION
from studio.publish.misfits import say_misfit

Payload = Mapping[str, Any]
ORDER = (ORGANISATION, "segment", "rule", "block", "offer", "slot")
EFFECT_S = 30  # how long a number of people is good for
MOVES = ("kind", "condition", "as_of")  # fields that say who is in an audience

WHATS = {  # how a definition differs: tag and its colour
    "new": (_("New"), "tag-success"),
    "changed": (_("Changed"), "tag-info"),
    "removed": (_("Taken out"), "tag-error"),
}

# How remarks of the domain begin: with what they are about.
BEGINNINGS = {
    "Segment": "segment",
    "Snapshot": "segment",
    "list": "segment",
    "Rule": "rule",
    "Block": "block",
    "Slot": "slot",
    "Offer": "offer",
}
TRANSLATED = (  # the same in the reader's language; what the pure parts of the domain say is in English
    (pgettext_lazy("before a short name", "Segment"), "segment"),
    (pgettext_lazy("before a short name", "Snapshot"), "segment"),
    (pgettext_lazy("before a short name", "list"), "segment"),
    (pgettext_lazy("before a short name", "Rule"), "rule"),
    (pgettext_lazy("before a short name", "Block"), "block"),
    (pgettext_lazy("before a short name", "Slot"), "slot"),
    (pgettext_lazy("before a short name", "Offer"), "offer"),
)
NAMED = re.compile(r"[“„](?P<name>[^“”„]+)[“”](?: \((?P<slug>[-a-zA-Z0-9_]+)\))?")


@dataclass(frozen=True)
class AlterationShown:
    """One definition that differs. `effect` is where to ask how many enter and leave, "" where nobody does."""

    alteration: Alteration
    what: Any
    look: str
    url: str
    effect: str
    told: Sequence[Told]

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
    kinds = {ORGANISATION: OF_ORGANISATION, **KINDS}
    found: dict[str, list[AlterationShown]] = {kind: [] for kind in ORDER}
    for each in list_alterations(before, after):
        found[each.kind].append(_show(each, of))
    return [Group(kinds[kind][0], kinds[kind][2], rows) for kind, rows in found.items() if rows]


def count_rows(groups: Sequence[Group]) -> int:
    return sum(len(group.rows) for group in groups)


def _show(each: Alteration, of: str | None) -> AlterationShown:
    what, look = WHATS[each.what]
    differences = [one for one in each.differences if not (each.what == "new" and one.field == "name")]
    return AlterationShown(
        alteration=each,
        what=what,
        look=look,
        url=place_of(each.kind, each.slug) if each.is_drafted else "",
        effect=f"{reverse('studio:publish_effect', args=[each.slug])}{of}"
        if of is not None and _moves_people(each)
        else "",
        told=tell(each.kind, differences, each.before, each.after),
    )


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
    return [Remark(say_misfit(text).rstrip("."), _find_links(text, slugs, by_name)) for text in said]


def _find_links(text: str, slugs: Mapping[str, Mapping[str, str]], rules: Mapping[str, str]) -> list[Link]:
    kinds = BEGINNINGS | {str(said): kind for said, kind in TRANSLATED}
    beginning = re.compile(rf"(?P<kind>{'|'.join(map(re.escape, kinds))}) (?P<slug>[-a-zA-Z0-9_]+)(?= |:)")
    if match := beginning.search(text.split(":")[0] + ":"):
        kind = kinds[match["kind"]]
        names = slugs[kind]
        if match["slug"] in names:
            return [Link(names[match["slug"]] or match["slug"], place_of(kind, match["slug"]))]
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
