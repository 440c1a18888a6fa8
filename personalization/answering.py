"""From facts to an answer: the choices of all slots, and what each shows. Nothing here asks a store."""

from collections.abc import Mapping, Sequence

import msgspec

from profiles.decided import Suppressed
from rules.book import LiveBook
from rules.engine import Book, Choice, Facts, Offer, Reason, choose, list_behind
from rules.fallbacks import OF_OFFER
from rules.render import RenderFailed, Seen, render_block


class Offered(msgspec.Struct, omit_defaults=True):
    """What the person has been granted with the block."""

    offer: str
    kind: str
    name: str = ""
    code: str = ""
    points: int = 0


class Answered(msgspec.Struct, omit_defaults=True):
    """What one slot shows. `block` None: the page keeps the slot's own content. `suppressed` are rules that held and
    would have come before the shown one, and why they were kept back."""

    reason: Reason
    block: msgspec.Raw | None
    rule: str | None = None
    segments: tuple[str, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    offer: Offered | None = None


def choose_all(book: Book, slots: Sequence[str], facts: Facts) -> dict[str, Choice]:
    return {slot: choose(book, slot, facts) for slot in slots}


def show(live: LiveBook, slot: str, choice: Choice, facts: Facts) -> Answered:
    """The chosen block as the person gets it; the slot's default when it cannot be rendered for this person."""
    offered = _offer(choice.grant, facts.granted)
    block = live.blocks.get(choice.block) if choice.block is not None else None
    rendered = None
    if block is not None:
        try:
            rendered = render_block(block, see(facts, offered))
        except RenderFailed:
            failed = show_default(live, slot, Reason.RENDER_FAILED, facts)
            return Answered(failed.reason, failed.block, choice.rule, choice.segments, choice.suppressed)
    return Answered(choice.reason, rendered, choice.rule, choice.segments, choice.suppressed, offered)


def add_behind(live: LiveBook, slot: str, choice: Choice, facts: Facts, answered: Answered) -> Answered:
    """The answer with the rules that held and come after the shown one, for those who want to know it all."""
    behind = list_behind(live.book, slot, choice, facts)
    return msgspec.structs.replace(answered, suppressed=(*answered.suppressed, *behind))


def show_default(live: LiveBook, slot: str, reason: Reason, facts: Facts) -> Answered:
    """The slot's default block, None where it has none or that cannot be rendered either."""
    place = live.book.slots.get(slot)
    block = live.blocks.get(place.default) if place is not None and place.default is not None else None
    try:
        return Answered(reason, None if block is None else render_block(block, see(facts)))
    except RenderFailed:
        return Answered(reason, None)


def see(facts: Facts, offered: Offered | None = None) -> Seen:
    """What the block is rendered from, of an offer what a template can print."""
    offer = None if offered is None else {name: getattr(offered, name) for name in OF_OFFER}
    return Seen(facts.profile, facts.context, facts.now, offer)


def _offer(grant: tuple[str, Offer] | None, granted: Mapping[str, str]) -> Offered | None:
    if grant is None:
        return None
    name, (slug, said) = grant
    return Offered(slug, said.kind, said.name, granted.get(name, ""), said.points)
