"""Messages for the recipients of a call: who may be written to, what they are shown, and what came of each."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from personalization.decide import Decider, NotWanted, Personal
from personalization.mail.calls import Call, Inline, Recipient, RecipientRefused, parse_recipient
from personalization.mail.letters import Letter, Mail, Shown, TooMuchToCarry, Writer, fill_slots
from personalization.mail.shelf import Shelf
from personalization.mail.stamps import Stamp
from personalization.mail.templates import (
    EMAIL,
    INLINE,
    BadTemplate,
    Template,
    UnknownTemplate,
    compile_inline,
    find_template,
    list_prints,
)
from personalization.sealing import BadToken
from rules.book import LiveBook
from rules.definitions import BlockDefinition
from rules.engine import Reason
from rules.fallbacks import OF_OFFER
from rules.render import BadBlock, RenderFailed

DOOR = "email"  # as decisions are recorded
PAUSE_S = 0.002  # how long the event loop is held at once
TOGETHER = 100  # recipients that share their round trips


class Trouble(msgspec.Struct):
    """Why there is no message for a recipient."""

    code: str
    message: str


class Rendered(msgspec.Struct, rename="camel", omit_defaults=True):
    """What came of one recipient: a message, or an error."""

    subject: str | None = None
    html: str | None = None
    text: str | None = None
    headers: dict[str, str] | None = None
    decision_id: str | None = None
    message_id: str | None = None
    error: Trouble | None = None


class RenderedCall(msgspec.Struct, rename="camel"):
    """The answer: one entry for each recipient, in their order."""

    book: int
    messages: list[Rendered]


class _RenderedBlock(msgspec.Struct):
    """What is needed of a slot's block; one that has no HTML says nothing in an e-mail."""

    slug: str
    html: str = ""


_blocks = msgspec.json.Decoder(_RenderedBlock)
_Shown = tuple[_RenderedBlock, dict[str, Any] | None]


@dataclass(frozen=True)
class _Run:
    """What the recipients of one call have in common."""

    call: Call
    template: Template
    inline: str
    source: str
    base: str


class Renderer:
    """Renders calls, for an event loop, and the messages that are viewed in the browser."""

    def __init__(self, *, decider: Decider, shelf: Shelf, writer: Writer) -> None:
        self._decider = decider
        self._shelf = shelf
        self._writer = writer

    async def render(self, call: Call, *, source: str, base: str) -> RenderedCall:
        """A message for each recipient; `source` is the slug of the caller's, `base` where links lead back to. Raises
        UnknownTemplate and BadTemplate when it makes no message, LogUnavailable."""
        live = self._shelf.book()
        template, inline = await self._find_template(call.template, live)
        run = _Run(call, template, inline, source, base)
        asked = list(_read_recipients(call.recipients))
        messages: list[Rendered] = []
        paused = time.monotonic()
        for start in range(0, len(asked), TOGETHER):
            group = asked[start : start + TOGETHER]
            decided = await asyncio.gather(*(self._decide(run, recipient) for recipient in group))
            for recipient, personal in zip(group, decided, strict=True):
                messages.append(self._write(run, recipient, personal))
                if time.monotonic() - paused > PAUSE_S:
                    await asyncio.sleep(0)  # visitors' decisions wait for some messages, and not for five hundred
                    paused = time.monotonic()
        return RenderedCall(live.book.number, messages)

    async def view(self, token: str, *, now: int) -> str:
        """The HTML of a message, as it was made; raises BadToken, LogUnavailable."""
        letter = self._writer.read_view(token, now=now)
        try:
            return (await self.write_again(letter)).html
        except (UnknownTemplate, BadTemplate, BadBlock, RenderFailed, TooMuchToCarry, KeyError) as error:
            raise BadToken("this version of the product cannot write it again") from error

    async def write_again(self, letter: Letter) -> Mail:
        live = await self._shelf.find_book(letter.book)
        if letter.inline:
            template = compile_inline(await self._shelf.find_inline(letter.inline), _zone(live))
        else:
            template = find_template(live, letter.stamp.template)
        return self._writer.write(letter, template, fill_slots(letter, live.blocks))

    async def _find_template(self, said: str | Inline, live: LiveBook) -> tuple[Template, str]:
        """The template, and the name an inline one is kept under."""
        try:
            if isinstance(said, str):
                return find_template(live, said), ""
            definition = BlockDefinition(EMAIL, said.html, name=INLINE, subject=said.subject, text=said.text)
            return compile_inline(definition, _zone(live)), await self._shelf.keep_inline(definition)
        except BadBlock as error:
            raise BadTemplate(str(error)) from error

    async def _decide(self, run: _Run, recipient: Recipient | RecipientRefused) -> Personal | RecipientRefused:
        if isinstance(recipient, RecipientRefused):
            return recipient
        slots, call = run.template.block.slots, run.call
        try:
            personal = await self._decider.decide_for(
                recipient.person, slots, recipient.context, door=DOOR, source=run.source, purpose=call.purpose
            )
        except NotWanted as error:
            return RecipientRefused("no_consent", str(error))
        shown = personal.answer.slots.values()
        if not personal.facts.known or any(each.reason is Reason.TIMEOUT for each in shown):
            # Nothing is known of what the person consents to either.
            return RecipientRefused(
                "unavailable", "the profile could not be read in time; render for this person again"
            )
        return personal

    def _write(
        self, run: _Run, recipient: Recipient | RecipientRefused, personal: Personal | RecipientRefused
    ) -> Rendered:
        if isinstance(recipient, RecipientRefused):
            return _trouble(recipient.code, recipient.message)
        if isinstance(personal, RecipientRefused):
            return _trouble(personal.code, personal.message)
        shown = _read_shown(personal)
        letter = _make_letter(run, recipient, personal, shown)
        try:
            slots = {slot: block.html for slot, (block, _) in shown.items()}
            mail = self._writer.write(letter, run.template, slots)
        except RenderFailed as error:
            return _trouble("render_failed", str(error))
        except TooMuchToCarry as error:
            return _trouble("too_much_data", str(error))
        return Rendered(*mail, decision_id=letter.stamp.decision_id, message_id=letter.stamp.message_id)


def _make_letter(run: _Run, recipient: Recipient, personal: Personal, shown: Mapping[str, _Shown]) -> Letter:
    call, facts = run.call, personal.facts
    stamp = Stamp(
        decision=bytes.fromhex(personal.answer.decision_id),
        person=recipient.person,
        source=run.source,
        template=run.template.block.slug,
        purpose=call.purpose,
        campaign=call.utm.get("campaign", ""),
        at=facts.now,
    )
    prints = list_prints(personal.live, run.template, (block.slug for block, _ in shown.values()))
    traits = facts.profile.traits.items()
    return Letter(
        stamp=stamp,
        base=run.base,
        book=personal.live.book.number,
        inline=run.inline,
        utm=call.utm,
        shown={slot: Shown(block.slug, offer) for slot, (block, offer) in shown.items()},
        user_id=facts.profile.user_id,
        traits={name: trait.value for name, trait in traits if prints.traits is None or name in prints.traits},
        segments=tuple(facts.profile.segments) if prints.segments else (),
        context={**facts.context},
        data={"email": recipient.email, **recipient.data} if recipient.email else recipient.data,
    )


def _read_shown(personal: Personal) -> dict[str, _Shown]:
    """The rendered block of each slot that shows one, and what was granted with it."""
    shown = {}
    for slot, answered in personal.answer.slots.items():
        if answered.block is not None:
            offered = answered.offer
            offer = None if offered is None else {name: getattr(offered, name) for name in OF_OFFER}
            shown[slot] = (_blocks.decode(answered.block), offer)
    return shown


def _zone(live: LiveBook) -> str:
    return live.book.calendar.zone


def _read_recipients(said: Iterable[msgspec.Raw]) -> Iterable[Recipient | RecipientRefused]:
    """Each recipient, or why there is no message for it; whoever is named twice gets one."""
    known: set[str] = set()
    for raw in said:
        try:
            recipient = parse_recipient(raw)
            if recipient.person in known:
                raise RecipientRefused("duplicate_recipient", "this person is named before in the same call")
            known.add(recipient.person)
            yield recipient
        except RecipientRefused as refused:
            yield refused


def _trouble(code: str, message: str) -> Rendered:
    return Rendered(error=Trouble(code, message))
