"""The visitor's socket: events from the event door, and here decisions and live changes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from ingestion.append import Appender
from ingestion.closing import BAD_FRAME
from ingestion.consumers import Decide, EventConsumer, Sockets
from ingestion.directory import Directory
from ingestion.live import Change
from ingestion.meter import NO_METER, Meter
from ingestion.parse import Limits
from personalization.answering import Answered
from personalization.decide import MAX_SLOTS, Answer, Decider, answer_frame
from personalization.live import LiveChanges
from personalization.showings import Showings
from profiles.event import anonymous_key
from profiles.reader import ProfileReader
from profiles.store import StoreUnavailable
from rules.engine import Reason

READ_S = 1.0  # for whom an identifier stands for by now; no decision waits for it
WELCOME_S = 0.5  # for the profile to be watched; the first batch waits for it, and is to be answered in two seconds
AGAIN_S = 1.0  # between tries when that was not enough


class VisitorConsumer(EventConsumer):
    """One visitor's page. The anonymousId of the hello is who is asked about: a page cannot name somebody else."""

    def __init__(
        self,
        *,
        directory: Callable[[], Directory],
        appender: Appender,
        limits: Limits,
        sockets: Sockets,
        clock: Callable[[], int],
        decider: Decider,
        live: LiveChanges,
        reader: ProfileReader,
        showings: Showings,
        meter: Meter = NO_METER,
    ) -> None:
        super().__init__(
            directory=directory, appender=appender, limits=limits, sockets=sockets, clock=clock, meter=meter
        )
        self._decider = decider
        self._live = live
        self._reader = reader
        self._showings = showings
        self._watched: str | None = None
        self._shown: dict[str, Answered] = {}  # what the live slots show
        self._live_context: Mapping[str, Any] = {}
        self._deciding: asyncio.Task[None] | None = None
        self._decide_once_more = False
        self._beside: set[asyncio.Task[None]] = set()

    async def on_welcome(self) -> None:
        """Starts to watch the visitor's profile; without consent there is none. While the store is away it is tried
        again beside the frames."""
        if self._identifier is not None:
            try:
                await self._watch((await self._reader.read(self._identifier, WELCOME_S)).profile_id)
            except (StoreUnavailable, TimeoutError):
                self._do_beside(self._watch_later())

    async def _watch_later(self) -> None:
        while self._watched is None and not self._ended:
            await asyncio.sleep(AGAIN_S)
            await self._look_anew()

    async def on_decide(self, frame: Decide) -> None:
        if not 0 < len(frame.slots) <= MAX_SLOTS:
            await self.fail(BAD_FRAME, f"ask for 1 to {MAX_SLOTS} slots")
        context = {**self.context, **frame.context}
        answer = await self._decide(frame.slots, context)
        self._keep_live(frame, answer, context)
        await self.send_frame(answer_frame(answer, frame.id))

    async def _decide(self, slots: Iterable[str], context: Mapping[str, Any], **more: Any) -> Answer:
        agent = str(dict(self.scope["headers"]).get(b"user-agent", b""), "latin-1")
        return await self._decider.decide(
            self._identifier,
            tuple(slots),
            context,
            agent,
            source=self.source.slug,
            permission=self.permission,
            **{"door": "socket", **more},
        )

    def _keep_live(self, frame: Decide, answer: Answer, context: Mapping[str, Any]) -> None:
        fresh = {slot: answer.slots[slot] for slot in frame.live if slot in answer.slots}
        if fresh:
            self._live_context = context
            self._shown.update(fresh)
            for slot in tuple(self._shown)[:-MAX_SLOTS]:
                del self._shown[slot]

    async def on_close(self) -> None:
        if self._watched is not None:
            await self._live.unwatch(self._watched, self._changed)

    @property
    def _identifier(self) -> str | None:
        if self.anonymous_id is None or not self.is_granted(self.context):
            return None
        return anonymous_key(self.anonymous_id)

    async def _watch(self, profile_id: str) -> None:
        if self._watched is not None:
            await self._live.unwatch(self._watched, self._changed)
        self._watched = profile_id
        await self._live.watch(profile_id, self._changed)

    async def _changed(self, change: Change) -> None:
        """Tells the page what a commit changed; a page of a debug source also sees the profile behind it."""
        if change.moved_to is not None:
            await self._watch(change.moved_to)
        if change.parted:
            self._do_beside(self._look_anew())
        if self.source.debug:
            self._do_beside(self._show(change))
        elif change.entered or change.left:
            live = {"live": True} if self._shown else {}
            self.push({"type": "changed", "entered": change.entered, "left": change.left, **live}, change.at)
        if change.entered or change.left:
            self._decide_again()

    def _decide_again(self) -> None:
        """Pushes what live slots show from now on. Changes that come while a decision is under way share the next."""
        if self._deciding is not None and not self._deciding.done():
            self._decide_once_more = True
        elif self._shown:
            self._deciding = asyncio.create_task(self._push_decisions())

    async def _push_decisions(self) -> None:
        self._decide_once_more = True
        while self._decide_once_more and not self._ended:
            self._decide_once_more = False
            held = {slot: shown.rule for slot, shown in self._shown.items() if shown.rule is not None}
            answer = await self._decide(self._shown, self._live_context, door="live", held=held)
            changed = {
                slot: shown
                for slot, shown in answer.slots.items()
                if shown.reason is not Reason.TIMEOUT and _shows(shown) != _shows(self._shown.get(slot))
            }
            if changed:
                self._shown.update(changed)
                self.push(answer_frame(replace(answer, slots=changed), None))

    def _do_beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside the hand-out of changes, which is not to wait for one page's look at the store."""
        self._beside.add(task := asyncio.create_task(work))
        task.add_done_callback(self._beside.discard)

    async def _look_anew(self) -> None:
        """The map says who this visitor is, one of two who were one too. The page has to ask anew if it is another."""
        with suppress(StoreUnavailable, TimeoutError):
            found = await self._reader.read(self._identifier or "", READ_S)
            if found.profile_id != self._watched and not self._ended:
                await self._watch(found.profile_id)
                self.push({"type": "changed", "entered": (), "left": ()})
                self._decide_again()

    async def _show(self, change: Change) -> None:
        with suppress(StoreUnavailable, TimeoutError):
            for frame in await self._showings.show(self._identifier or "", change):
                self.push_encoded(frame)


def _shows(answered: Answered | None) -> tuple[Any, ...]:
    """What tells two answers apart for somebody who looks at the page."""
    return () if answered is None else (answered.rule, answered.block, answered.offer)
