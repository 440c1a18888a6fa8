"""The read path: who asks, one round trip to read, the choice, one to commit, and the rendered blocks."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import msgspec

from personalization.agents import add_agent
from personalization.answering import Answered, add_behind, choose_all, show, show_default
from personalization.moments import tame
from personalization.recording import Claim, Committed, DecisionRecorder
from profiles.consent import UNSAID, Permission, may_keep
from profiles.decided import Decided, SlotAnswer
from profiles.profile import Profile
from profiles.reader import Found, ProfileReader, Wanted
from profiles.store import StoreUnavailable
from rules.book import LiveBook
from rules.engine import NOBODY, Book, Choice, Facts, Reason
from rules.tally import GRANT, PERSON, is_past, name_counter
from segments.roster import Roster, name_segments

MAX_SLOTS = 50  # of one call
TRIES = 5  # when somebody else takes the last of something between the look and the commit


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


class NotWanted(Exception):
    """The person has said no to the purpose that was asked for."""


@dataclass(frozen=True)
class Personal:
    """An answer, and what it was made of: what else is shown to the same person at the same moment is to agree."""

    answer: Answer
    facts: Facts
    live: LiveBook


class Decider:
    """Answers decide calls from the Book in force. `deadline` in seconds; past it every slot says `timeout`."""

    def __init__(
        self,
        *,
        reader: ProfileReader,
        recorder: DecisionRecorder,
        book: Callable[[], LiveBook],
        roster: Callable[[], Roster],
        clock: Callable[[], int],
        deadline: float,
        tracking: Collection[str] = (),
        measure: Callable[[str, float, Iterable[Reason]], None] = lambda door, seconds, reasons: None,
    ) -> None:
        self._tracking = tracking
        self._measure = measure
        self._reader = reader
        self._recorder = recorder
        self._book = book
        self._roster = roster
        self._clock = clock
        self._deadline = deadline

    async def decide(
        self,
        identifier: str | None,
        slots: Sequence[str],
        context: Mapping[str, Any],
        agent: str | None = None,
        **more: Any,
    ) -> Answer:
        """The answer of `decide_for`."""
        return (await self.decide_for(identifier, slots, context, agent, **more)).answer

    async def decide_for(
        self,
        identifier: str | None,
        slots: Sequence[str],
        context: Mapping[str, Any],
        agent: str | None = None,
        *,
        door: str = "web",
        **more: Any,
    ) -> Personal:
        """As `_decide_for` says, measured."""
        began = time.monotonic()
        personal = await self._decide_for(identifier, slots, context, agent, door=door, **more)
        reasons = [answered.reason for answered in personal.answer.slots.values()]
        self._measure(door, time.monotonic() - began, reasons)
        return personal

    async def _decide_for(
        self,
        identifier: str | None,
        slots: Sequence[str],
        context: Mapping[str, Any],
        agent: str | None = None,
        *,
        door: str = "web",
        source: str = "",
        held: Mapping[str, str] | None = None,
        explain: bool = False,
        purpose: str = "",
        permission: Permission = UNSAID,
    ) -> Personal:
        """What `identifier` (`u:…` or `a:…`, None for a visitor who is not to be known) sees in `slots`; `agent` is the
        User-Agent of the visitor's own browser, `held` the rules whose blocks it shows already, by slot. Whoever has
        not consented to being tracked, by `permission` and context, is nobody. `door` and `source` say who asks; with
        `explain` rules behind the shown one are told too. Never raises for a store that is away or late: the slots'
        defaults are the answer then. Raises NotWanted, with nothing decided, for somebody who has said no to
        `purpose`."""
        live = self._book()
        if not may_keep(permission, context, self._tracking):
            identifier = None
        context = tame(context)
        if live.book.asks_agent:
            context = add_agent(context, agent)
        id, now = token_hex(16), self._clock()
        asked = Decided(
            id=id,
            profile="",
            at=now,
            door=door,
            source=source,
            book=live.book.number,
            position="",
            context={**context},
            answers=(),
        )
        facts = Facts(NOBODY, context, now, known=False, draw=id, held=held or {})
        until = asyncio.get_running_loop().time() + self._deadline
        slots = tuple(dict.fromkeys(slots))
        try:
            if identifier is not None:
                found = await self._reader.read(identifier, self._deadline, list_wanted(live.book, slots, now))
                facts = self._know(live.book, facts, found)
                refuse_unwanted(facts.profile, purpose)
                asked = msgspec.structs.replace(asked, profile=found.profile_id, position=found.position)
            facts, choices = await self._settle(live.book, slots, facts, asked, until)
        except (TimeoutError, StoreUnavailable):
            late = {slot: show_default(live, slot, Reason.TIMEOUT, facts) for slot in slots}
            return Personal(Answer(id, live.book.number, late), facts, live)
        answered = {slot: show(live, slot, choice, facts) for slot, choice in choices.items()}
        if explain:
            answered = {slot: add_behind(live, slot, choices[slot], facts, each) for slot, each in answered.items()}
        return Personal(Answer(id, live.book.number, answered), facts, live)

    def _know(self, book: Book, facts: Facts, found: Found) -> Facts:
        profile = found.profile or Profile(id=found.profile_id)
        counts = {
            name: int(count)
            for name, count in found.tally.items()
            if name.startswith(PERSON) and not is_past(name, facts.now, book.calendar)
        }
        return msgspec.structs.replace(
            facts,
            profile=name_segments(profile, self._roster().answers),
            known=True,
            draw=found.profile_id,
            counts={**counts, **found.totals},
            granted={name: code for name, code in found.tally.items() if name.startswith(GRANT)},
            stock=dict(found.stock),
            over=tuple(name for name in found.tally if is_past(name, facts.now, book.calendar)),
        )

    async def _settle(
        self, book: Book, slots: Sequence[str], facts: Facts, asked: Decided, until: float
    ) -> tuple[Facts, dict[str, Choice]]:
        """Chooses and commits; when somebody else took the last of something meanwhile, chooses anew."""
        loop = asyncio.get_running_loop()
        for _ in range(TRIES):
            choices = choose_all(book, slots, facts)
            claim = make_claim(asked, choices, facts)
            committed = await self._recorder.record(claim, until - loop.time())
            if committed.full is None and committed.exhausted is None:
                granted = dict(zip((name for name, _ in claim.grants), committed.codes, strict=True))
                return msgspec.structs.replace(facts, granted={**facts.granted, **granted}), choices
            facts = _forgo(facts, claim, committed)
        raise TimeoutError("others were faster, again and again")


def refuse_unwanted(profile: Profile, purpose: str) -> None:
    """Raises NotWanted for somebody who has said no; who has said nothing is no such one."""
    said = profile.consent.get(purpose)
    if said is not None and not said.value:
        raise NotWanted(f"the person does not want what is for the purpose {purpose!r}")


def list_wanted(book: Book, slots: Sequence[str], now: int) -> Wanted:
    """What the rules of the slots look at besides the profile."""
    history = tally = False
    totals: list[str] = []
    pools: dict[str, None] = {}
    for slot in slots:
        place = book.slots.get(slot)
        if place is not None:
            history, tally = history or place.asks_history, tally or place.asks_tally
            totals += [name_counter(rule, cap, now, book.calendar) for rule, cap in place.capped]
            pools.update(dict.fromkeys(place.pools))
    return Wanted(history, tally, tuple(totals), tuple(pools))


def make_claim(asked: Decided, choices: Mapping[str, Choice], facts: Facts) -> Claim:
    """What is committed with the choices: the record of the decision, what it counts and what it grants."""
    answers = tuple(
        SlotAnswer(slot, each.reason, each.block, each.rule, each.segments, each.suppressed, each.held)
        for slot, each in choices.items()
    )
    decided = msgspec.structs.replace(
        asked,
        answers=answers,
        members=tuple(facts.profile.segments.items()),
        counts={name: count for name, count in facts.counts.items() if count},
        stock=dict(facts.stock),
        granted=dict(facts.granted),
        held=dict(facts.held),
    )
    grants = dict(each.grant for each in choices.values() if each.grant is not None)
    counters = [counter for each in choices.values() for counter in each.counters]
    return Claim(decided, counters, list(grants.items()), facts.over if counters or grants else ())


def _forgo(facts: Facts, claim: Claim, committed: Committed) -> Facts:
    """The facts with what is used up by now."""
    if committed.exhausted is not None:
        return msgspec.structs.replace(facts, stock={**facts.stock, committed.exhausted: 0})
    most = max(counter.most for counter in claim.counters if counter.name == committed.full)
    return msgspec.structs.replace(facts, counts={**facts.counts, str(committed.full): most})
