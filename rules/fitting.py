"""Which blocks a Book puts where they do not fit: kinds that a slot does not take, fallbacks and places that are not
there."""

from collections.abc import Iterator

from rules.definitions import BlockDefinition, BookPayload, SlotDefinition
from rules.render import BadBlock, compile_block

# A page may draw a JSON block itself. An e-mail in a slot of e-mails is a choice between whole messages.
KINDS = {
    "web": ("html", "json", "recommendation"),
    "email": ("html", "email", "recommendation"),
    "json": ("json", "recommendation"),
}
_SAID = {"html": "HTML", "json": "JSON", "email": "an e-mail", "recommendation": "recommendations"}
_CHANNELS = {"web": "web pages", "email": "e-mails", "json": "JSON"}


def find_misfits(payload: BookPayload) -> list[str]:
    """Every block in a place that does not take it, in words."""
    return [*_check_slots(payload), *_check_fallbacks(payload), *_check_uses(payload), *_check_mails(payload)]


def list_kinds(slot: SlotDefinition) -> tuple[str, ...]:
    """The kinds of block that a slot takes."""
    return slot.kinds or KINDS[slot.channel]


def _check_slots(payload: BookPayload) -> Iterator[str]:
    for slug, slot in payload.slots.items():
        for kind in slot.kinds:
            if kind not in KINDS[slot.channel]:
                said = _CHANNELS[slot.channel]
                yield f"Slot {slug}: is for {said} and cannot take {_SAID[kind]}; take it out of its kinds"


def _check_fallbacks(payload: BookPayload) -> Iterator[str]:
    for slug, block in payload.blocks.items():
        if block.kind != "recommendation" or not block.fallback:
            continue  # without one it is a problem of the block itself
        fallback = payload.blocks.get(block.fallback)
        if fallback is None:
            yield f"Block {slug}: falls back to {block.fallback}, which is not there; choose another block"
        elif fallback.kind not in ("html", "json"):
            yield f"Block {slug}: falls back to {block.fallback}, which is {_SAID[fallback.kind]}; choose HTML or JSON"


def _check_uses(payload: BookPayload) -> Iterator[str]:
    used = [(f"Slot {slug}", slug, slot.default) for slug, slot in payload.slots.items() if slot.default is not None]
    used += [(f"Rule {rule.slug}", rule.slot, rule.block) for rule in payload.rules]
    for who, where, what in used:
        slot, block = payload.slots.get(where), payload.blocks.get(what)
        if slot is None:
            yield f"{who}: the slot {where} is not there; choose another"
        elif block is None:
            yield f"{who}: the block {what} is not there; choose another"
        else:
            for slug, shown in _list_shown(what, block, payload):
                if shown.kind not in list_kinds(slot) and shown.kind in _SAID:
                    kinds = " or ".join(_SAID[kind] for kind in list_kinds(slot))
                    yield f"{who}: the block {slug} is {_SAID[shown.kind]}, and the slot {where} takes {kinds}"


def _list_shown(slug: str, block: BlockDefinition, payload: BookPayload) -> Iterator[tuple[str, BlockDefinition]]:
    """The block, and what is shown in its place."""
    yield slug, block
    if block.kind == "recommendation" and (fallback := payload.blocks.get(block.fallback or "")) is not None:
        yield str(block.fallback), fallback


def _check_mails(payload: BookPayload) -> Iterator[str]:
    """The places inside e-mails: of slots that are there and show HTML."""
    for slug, block in payload.blocks.items():
        if block.kind != "email":
            continue
        try:
            places = compile_block(slug, block).slots
        except BadBlock:
            continue  # a problem of the block itself
        for name in places:
            slot = payload.slots.get(name)
            if slot is None:
                yield f"Block {slug}: has a place for the slot {name}, which is not there; make it, or mend the name"
            elif slot.channel != "email":
                yield f"Block {slug}: has a place for the slot {name}, which is not for e-mails; choose another"
            else:
                yield from _check_place(slug, name, payload)


def _check_place(mail: str, slot: str, payload: BookPayload) -> Iterator[str]:
    shown = {rule.block for rule in payload.rules if rule.slot == slot} | {payload.slots[slot].default}
    for slug in sorted(filter(None, shown)):
        for each, block in _list_shown(slug, payload.blocks.get(slug, BlockDefinition("html", "")), payload):
            if block.kind not in ("html", "recommendation"):
                what = _SAID.get(block.kind, block.kind)
                yield f"Block {mail}: its slot {slot} shows {each}, which is {what}; inside an e-mail is only HTML"
