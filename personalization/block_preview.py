"""A block that is being written, as somebody would get it: by the renderer of every door, and nothing is recorded."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from personalization.mail.links import complete_images
from personalization.visiting import Visit, Visits
from profiles.organisation import find_zone
from profiles.profile import Profile
from rules.definitions import BlockDefinition
from rules.render import Block, Seen, compile_block, render_block

NOWHERE = "https://example.com/preview"  # where links of an e-mail lead that are made when it is sent
OF_MAIL = ("unsubscribe_url", "view_url")

_BLOCK = msgspec.json.Decoder(dict[str, Any])
_LINK = re.compile(r'(<a\b[^>]*?\s)href="([^"]*)"')


class Wanted(NamedTuple):
    """As whom and when it is looked at, in which context, with what of an offer, and what the sender of an e-mail gives
    for this one message. `hide` makes of a person what may be printed of them."""

    visit: Visit
    context: Mapping[str, Any] = {}
    data: Mapping[str, Any] = {}
    offer: Mapping[str, Any] | None = None
    hide: Callable[[Profile], Profile] | None = None


def preview_block(
    slug: str, definition: BlockDefinition, wanted: Wanted, *, visits: Visits, base: str, fallback: Any = None
) -> dict[str, Any]:
    """What the block answers: `html`, `json`, or `subject`, `html` and `text`. `base` is where images are; `fallback`
    the definition of the block that a recommendation names. Raises BadBlock, and RenderFailed for this person."""
    zone = find_zone()
    instead = None if fallback is None else compile_block(slug, fallback, zone=zone)
    block = compile_block(slug, definition, zone=zone, fallback=instead)
    facts = visits.read_facts(wanted.visit, wanted.context)
    profile = facts.profile if wanted.hide is None else wanted.hide(facts.profile)
    seen = Seen(profile, wanted.context, facts.now, wanted.offer)
    if block.kind == "email":
        links = dict.fromkeys(OF_MAIL, NOWHERE)
        seen = seen._replace(data=wanted.data, links=links, slots=_fill_slots(block, wanted, visits))
    answer = _BLOCK.decode(render_block(block, seen))
    if "html" in answer:
        answer["html"] = complete_images(answer["html"], base)
    return answer


def disarm(html: str) -> str:
    """Cleaned HTML whose links lead nowhere; where they would have led is said to those who point at them."""
    return _LINK.sub(r'\1href="#" title="\2"', html)


def _fill_slots(block: Block, wanted: Wanted, visits: Visits) -> dict[str, str]:
    """The HTML of the slots of an e-mail, as the drafts decide them; where these make no Book, as the Book in force."""
    if not block.slots:
        return {}
    try:
        answer = visits.answer(wanted.visit, block.slots, wanted.context, hide=wanted.hide)
    except ValueError:
        published = msgspec.structs.replace(wanted.visit, draft=False)
        answer = visits.answer(published, block.slots, wanted.context, hide=wanted.hide)
    shown = {slot: _BLOCK.decode(each.block) for slot, each in answer.slots.items() if each.block is not None}
    return {slot: str(said.get("html", "")) for slot, said in shown.items()}
