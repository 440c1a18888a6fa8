"""Two sets of changes to the same Book made one: what only one of them changed is taken from it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from rules.definitions import BlockDefinition, BookPayload

Key = tuple[str, str]  # a kind and a slug
Payload = Mapping[str, Any]  # of a Book, as it is stored

SHOWN = ("block", "offer")  # a Book has them while something shows or grants them


class Conflict(NamedTuple):
    """One definition that both have changed, and each to something else; `fields` are those in which they differ."""

    kind: str
    slug: str
    fields: tuple[str, ...]


class Merged(NamedTuple):
    payload: dict[str, Any]
    conflicts: tuple[Conflict, ...]


def merge_payloads(base: Payload | None, mine: Payload, theirs: Payload | None) -> Merged:
    """`theirs` with what `mine` changed of `base`, all three payloads of Books, None before the first.

    What both changed to the same is no conflict. That a block or an offer is not used any more removes it from no
    Book that goes on to use it."""
    old, ours, others = (_read(payload) for payload in (base, mine, theirs))
    found: dict[Key, Any] = {}
    conflicts = []
    for key in sorted({**old, **ours, **others}):
        was, own, other = old.get(key), ours.get(key), others.get(key)
        if (own is None or other is None) and _is_shown(key, was or own or other):
            chosen = own or other
        elif own == other or other == was:
            chosen = own
        elif own == was:
            chosen = other
        else:
            chosen = own
            conflicts.append(Conflict(*key, tuple(_list_fields(own, other))))
        if chosen is not None:
            found[key] = chosen
    zones = [None if payload is None else payload.get("zone", "UTC") for payload in (base, mine, theirs)]
    if theirs is not None and len(set(zones)) == len(zones):
        conflicts.append(Conflict("organisation", "zone", ("zone",)))
    zone = zones[1] if theirs is None or zones[1] != zones[0] else zones[2]
    return Merged(_write(found, zone or "UTC"), tuple(conflicts))


def _is_shown(key: Key, definition: Any) -> bool:
    """Whether it is in a Book because something shows it, and not of its own accord, as e-mails are."""
    return key[0] in SHOWN and not (isinstance(definition, BlockDefinition) and definition.kind == "email")


def _read(payload: Payload | None) -> dict[Key, Any]:
    """The definitions of a payload; marks follow from them, and are left out."""
    if payload is None:
        return {}
    book = msgspec.convert(payload, BookPayload)
    found: dict[Key, Any] = {("segment", each.slug): replace(each, server_only=None) for each in book.segments}
    found |= {("rule", each.slug): replace(each, server_only=None) for each in book.rules}
    for kind, named in (("slot", book.slots), ("block", book.blocks), ("offer", book.offers)):
        found |= {(kind, slug): each for slug, each in named.items()}
    return found


def _write(found: Mapping[Key, Any], zone: str) -> dict[str, Any]:
    """The payload with these definitions, without what nothing shows or grants."""
    rules = [each for (kind, _), each in found.items() if kind == "rule"]
    slots = _of_kind(found, "slot")
    offers = {rule.offer for rule in rules}
    blocks = {rule.block for rule in rules} | {slot.default for slot in slots.values()}
    blocks |= {slug for slug, block in _of_kind(found, "block").items() if block.kind == "email"}
    blocks |= {block.fallback for slug, block in _of_kind(found, "block").items() if slug in blocks}
    rules.sort(key=lambda rule: (rule.slot, -rule.priority, rule.slug))
    return {
        "v": 1,
        "number": 0,
        "zone": zone,
        "segments": [_tell(each) for (kind, _), each in found.items() if kind == "segment"],
        "slots": {slug: _tell(each) for slug, each in slots.items()},
        "blocks": {slug: _tell(each) for slug, each in _of_kind(found, "block").items() if slug in blocks},
        "offers": {slug: _tell(each) for slug, each in _of_kind(found, "offer").items() if slug in offers},
        "rules": [_tell(each) for each in rules],
    }


def _of_kind(found: Mapping[Key, Any], kind: str) -> dict[str, Any]:
    return {slug: each for (its, slug), each in found.items() if its == kind}


def _tell(definition: Any) -> dict[str, Any]:
    """As rules.describe says it: what a kind of block does not have is left out, and marks are made anew."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(definition))
    told.pop("server_only", None)
    if isinstance(definition, BlockDefinition):
        kept = {"email": ("subject", "text"), "json": ("shape",), "recommendation": ("fallback",)}
        left = {"name", "kind", "source", *kept.get(definition.kind, ())}
        told = {field: value for field, value in told.items() if field in left}
    return told


def _list_fields(own: Any, other: Any) -> Iterator[str]:
    """In what two definitions differ; of one that is not there: in all of it."""
    if own is None or other is None:
        return
    told = asdict(other)
    yield from (field for field, value in asdict(own).items() if value != told[field])
