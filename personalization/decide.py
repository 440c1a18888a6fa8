"""The read path: who asks, one Redis round trip, the Book's choice, the rendered blocks, the reason."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from personalization.agents import add_agent
from profiles.reader import ProfileReader
from profiles.store import StoreUnavailable
from rules.book import LiveBook
from rules.engine import NOBODY, Choice, Reason, choose
from rules.render import RenderFailed, Seen, render_block
from segments.roster import Roster, name_segments

MAX_SLOTS = 50  # of one call


class Answered(msgspec.Struct, omit_defaults=True):
    """What one slot shows. `block` None: the page keeps the slot's own content."""

    reason: Reason
    block: msgspec.Raw | None
    rule: str | None = None
    segments: tuple[str, ...] = ()


class Answer(msgspec.Struct, rename="camel"):
    """The answer to one decide call."""

    decision_id: str
    book: int
    slots: dict[str, Answered]


class AnswerFrame(msgspec.Struct, rename="camel", tag="decision"):
    """The same answer as a frame of the socket, with the id of the question."""

    id: str | int | None
    decision_id: str
    book: int
    slots: dict[str, Answered]


def answer_frame(answer: Answer, id: str | int | None) -> AnswerFrame:
    return AnswerFrame(id, answer.decision_id, answer.book, answer.slots)


class Decider:
    """Answers decide calls from the Book in force. `deadline` in seconds; past it every slot says `timeout`."""

    def __init__(
        self,
        *,
        reader: ProfileReader,
        book: Callable[[], LiveBook],
        roster: Callable[[], Roster],
        clock: Callable[[], int],
        deadline: float,
    ) -> None:
        self._reader = reader
        self._book = book
        self._roster = roster
        self._clock = clock
        self._deadline = deadline

    async def decide(
        self, identifier: str | None, slots: Sequence[str], context: Mapping[str, Any], agent: str | None = None
    ) -> Answer:
        """What `identifier` (`u:…` or `a:…`, None for a visitor who is not to be known) sees in `slots`; `agent` is the
        User-Agent of the visitor's own browser. Never raises for a store that is away or late: the slots' own content
        is the answer then."""
        live = self._book()
        if live.book.asks_agent:
            context = add_agent(context, agent)
        profile = NOBODY
        if identifier is not None:
            try:
                known = (await self._reader.read(identifier, self._deadline)).profile or NOBODY
                profile = name_segments(known, self._roster().answers)
            except (TimeoutError, StoreUnavailable):
                late = {slot: Answered(Reason.TIMEOUT, None) for slot in slots}
                return Answer(uuid.uuid4().hex, live.book.number, late)
        now = self._clock()
        answered = {}
        for slot in slots:
            choice = choose(live.book, slot, profile, context, now)
            answered[slot] = _render(live, choice, Seen(profile, context, now))
        return Answer(uuid.uuid4().hex, live.book.number, answered)


def _render(live: LiveBook, choice: Choice, seen: Seen) -> Answered:
    block = live.blocks.get(choice.block) if choice.block is not None else None
    if block is None:
        return Answered(choice.reason, None, choice.rule, choice.segments)
    try:
        return Answered(choice.reason, render_block(block, seen), choice.rule, choice.segments)
    except RenderFailed:
        return Answered(Reason.RENDER_FAILED, None, choice.rule, choice.segments)
