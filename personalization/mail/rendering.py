"""Messages for the recipients of a call: who may be written to, what they are shown, and what came of each."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from personalization.mail.calls import Call, CallRefused, Inline, Recipient, RecipientRefused, parse_recipient
from personalization.mail.deciding import MailDecider, Personal, ProfileLate
from personalization.mail.letters import Letter, Mail, TooMuchToCarry, Writer, pick_traits
from personalization.mail.shelf import EMAIL, NotAnEmail, Shelf, UnknownTemplate, compile_inline, find_template
from personalization.mail.stamps import Stamp
from personalization.sealing import BadToken
from rules.book import LiveBook
from rules.definitions import BlockDefinition
from rules.mail import MessageBlock
from rules.render import BadBlock, RenderFailed

INLINE = "inline"  # what a template that is not published is called


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


@dataclass(frozen=True)
class _Run:
    """What the recipients of one call have in common."""

    call: Call
    live: LiveBook
    template: MessageBlock
    inline: str
    source: str
    base: str


class Renderer:
    """Renders calls, for an event loop, and the messages that are viewed in the browser."""

    def __init__(self, *, decider: MailDecider, shelf: Shelf, writer: Writer) -> None:
        self._decider = decider
        self._shelf = shelf
        self._writer = writer

    async def render(self, call: Call, *, source: str, base: str) -> RenderedCall:
        """A message for each recipient; `source` is the slug of the caller's, `base` where links lead back to. Raises
        CallRefused for a template that makes no message, LogUnavailable."""
        live = self._shelf.book()
        template, inline = await self._find_template(call.template, live)
        run = _Run(call, live, template, inline, source, base)
        asked = list(_read_recipients(call.recipients))
        decided = await asyncio.gather(*(self._decide(recipient, template) for recipient in asked))
        messages = []
        for recipient, personal in zip(asked, decided, strict=True):
            messages.append(self._write(run, recipient, personal))
            await asyncio.sleep(0)  # a visitor's decision waits for one message, and not for five hundred
        return RenderedCall(live.book.number, messages)

    async def view(self, token: str, *, now: int) -> str:
        """The HTML of a message, as it was made; raises BadToken, LogUnavailable."""
        letter = self._writer.read_view(token, now=now)
        try:
            return (await self.write_again(letter)).html
        except (UnknownTemplate, NotAnEmail, BadBlock, RenderFailed, TooMuchToCarry, KeyError) as error:
            raise BadToken("this version of the product cannot write it again") from error

    async def write_again(self, letter: Letter) -> Mail:
        live = await self._shelf.find_book(letter.book)
        if letter.inline:
            template = compile_inline(await self._shelf.find_inline(letter.inline))
        else:
            template = find_template(live, letter.stamp.template)
        return self._writer.write(letter, template, live.blocks)

    async def _find_template(self, said: str | Inline, live: LiveBook) -> tuple[MessageBlock, str]:
        """The template, and the name an inline one is kept under."""
        try:
            if isinstance(said, str):
                return find_template(live, said), ""
            definition = BlockDefinition(EMAIL, said.html, name=INLINE, subject=said.subject, text=said.text)
            return compile_inline(definition), await self._shelf.keep_inline(definition)
        except UnknownTemplate as error:
            raise CallRefused(404, "unknown_template", f"{error}; publish it, or send it inline") from error
        except (NotAnEmail, BadBlock) as error:
            raise CallRefused(400, "bad_template", str(error)) from error

    async def _decide(
        self, recipient: Recipient | RecipientRefused, template: MessageBlock
    ) -> Personal | ProfileLate | None:
        if isinstance(recipient, RecipientRefused):
            return None
        try:
            return await self._decider.decide_for(recipient.person, template.slots, recipient.context)
        except ProfileLate as late:
            return late

    def _write(
        self, run: _Run, recipient: Recipient | RecipientRefused, personal: Personal | ProfileLate | None
    ) -> Rendered:
        if isinstance(recipient, RecipientRefused):
            return _trouble(recipient.code, recipient.message)
        if not isinstance(personal, Personal):
            return _trouble("unavailable", str(personal))
        consent = personal.profile.consent.get(run.call.purpose)
        if consent is not None and not consent.value:
            return _trouble("no_consent", f"the person does not want messages of the purpose {run.call.purpose!r}")
        letter = _make_letter(run, recipient, personal)
        try:
            mail = self._writer.write(letter, run.template, run.live.blocks)
        except RenderFailed as error:
            return _trouble("render_failed", str(error))
        except TooMuchToCarry as error:
            return _trouble("too_much_data", str(error))
        return Rendered(*mail, decision_id=letter.stamp.decision_id, message_id=letter.stamp.message_id)


def _make_letter(run: _Run, recipient: Recipient, personal: Personal) -> Letter:
    stamp = Stamp(
        decision=bytes.fromhex(personal.answer.decision_id),
        person=recipient.person,
        source=run.source,
        template=run.template.slug,
        purpose=run.call.purpose,
        campaign=run.call.utm.get("campaign", ""),
        at=personal.now,
    )
    profile = personal.profile
    return Letter(
        stamp=stamp,
        base=run.base,
        book=run.live.book.number,
        inline=run.inline,
        utm=run.call.utm,
        shown=_list_shown(personal),
        user_id=profile.user_id,
        traits=pick_traits(profile, run.template),
        segments=tuple(profile.segments),
        email=recipient.email,
        context=recipient.context,
        data=recipient.data,
    )


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


def _list_shown(personal: Personal) -> dict[str, str]:
    """The block of each slot that shows one."""
    shown = {slot: answered.block for slot, answered in personal.answer.slots.items()}
    return {slot: _named.decode(block).slug for slot, block in shown.items() if block is not None}


class _Named(msgspec.Struct):
    slug: str


_named = msgspec.json.Decoder(_Named)
