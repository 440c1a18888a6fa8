"""The Studio's socket: the pulse for every page, and for the debugger the events themselves as they arrive."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis
from django.db import DatabaseError, InterfaceError, connection

from ingestion.closing import BAD_FRAME, BUSY, NOT_ALLOWED, SIGNED_OUT, TOO_FAST
from ingestion.consumers import drop_connection
from ingestion.http import Receive, Send
from personalization.arrivals import Arrival, Arrivals, Refused
from personalization.pulse import Beat, Pulse
from personalization.refused import note_refusal
from profiles.queries import list_newest_events
from profiles.telling import say_error
from studio.live.admission import find_admitted, find_session_key, is_our_page
from studio.live.rows import Wanted, describe_arrival, describe_refusal, to_arrival
from studio.private import Private
from studio.roles import Ability, Visitor

logger = logging.getLogger(__name__)

OPEN = 300  # sockets of one process
WATCHING = 30  # of them that are shown events
SHOWN = 50  # rows a second
EARLIER = 50  # rows that a page starts with
LOOKED_THROUGH = 500  # archived events among which they are found
WAITING_BYTES = 400_000  # of rows that wait for a slow reader; others are passed over
WRITE_S = 15.0  # a reader that takes nothing for so long is cut off
CHECK_S = 15.0  # between looks whether somebody may still be here
GATHER_S = 0.15  # rows that come within share a frame
FRAME_LETTERS = 2_000
FRAMES, FRAMES_S = 40, 10.0


class Pause(msgspec.Struct, frozen=True, tag="pause", tag_field="type"):
    """No more events, for now."""


_frames: msgspec.json.Decoder[Wanted | Pause] = msgspec.json.Decoder(Wanted | Pause)
_encode = msgspec.json.Encoder().encode


class _Over(Exception):
    """The socket is over, in one of the ways of ingestion.closing."""

    def __init__(self, how: tuple[int, str]) -> None:
        self.how = how


class StudioSocket:
    """The ASGI application. `clock` gives Unix milliseconds."""

    def __init__(self, pulse: Pulse, arrivals: Arrivals, clock: Callable[[], int]) -> None:
        self.pulse = pulse
        self.arrivals = arrivals
        self.clock = clock
        self.open = self.watching = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        headers = dict(scope["headers"])
        if not is_our_page(headers):
            await send({"type": "websocket.close", "code": NOT_ALLOWED[0]})
            note_refusal("studio/live/", "foreign_page")
            return
        await send({"type": "websocket.accept"})  # so that the page comes to see why it is closed
        self.open += 1
        try:
            await self._serve(find_session_key(headers), receive, send)
        except OSError:
            pass  # the page has gone while something was sent
        finally:
            self.open -= 1

    async def _serve(self, session_key: str, receive: Receive, send: Send) -> None:
        seat: _Seat | None = None
        try:
            if self.open > OPEN:
                raise _Over(BUSY)
            seat = _Seat(self, await _admit(session_key), receive, send)
            await seat.serve(session_key)
        except _Over as over:
            code, name = over.how
            if over.how is NOT_ALLOWED:
                note_refusal("studio/live/", "forbidden")
            with suppress(OSError):
                await send({"type": "websocket.close", "code": code, "reason": name})


async def _admit(session_key: str) -> Visitor:
    try:
        visitor = await asyncio.to_thread(find_admitted, session_key) if session_key else None
    except (DatabaseError, InterfaceError) as error:
        logger.info("nobody can be let in: %s", say_error(error))
        raise _Over(BUSY) from None
    if visitor is None:
        raise _Over(SIGNED_OUT)
    if not visitor.may(Ability.LOOK):
        raise _Over(NOT_ALLOWED)
    return visitor


class _Gone(Exception):
    """The page has closed the socket."""


class _Seat:
    """One page. What waits for it is bounded: the newest beat, and rows up to WAITING_BYTES."""

    def __init__(self, socket: StudioSocket, visitor: Visitor, receive: Receive, send: Send) -> None:
        self._socket = socket
        self._visitor = visitor
        self._receive = receive
        self._send = send
        self._wanted: Wanted | None = None
        self._waking = asyncio.Event()
        self._beat: Beat | None = None
        self._rows: deque[bytes] = deque()
        self._bytes = 0
        self._shown = self._matched = 0  # in the present second
        self._sampled: dict[str, Any] | None = None

    async def serve(self, session_key: str) -> None:
        pulse = self._socket.pulse
        await self._write(_encode({"type": "history", "beats": [_say_short(beat) for beat in pulse.history]}))
        pulse.watch(self)
        works = [self._read(), self._tell(), self._check(session_key)]
        tasks = [asyncio.create_task(each) for each in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (error := task.exception()) is not None and not isinstance(error, _Gone):
                    raise error
        finally:
            pulse.unwatch(self)
            self._stop_watching()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- What the pulse and the feed call ---------------------------------------------------------------------------

    def beat(self, beat: Beat) -> None:
        self._beat = beat
        if self._wanted is not None:
            self._sampled = {
                "type": "sampled",
                "shown": self._shown,
                "matched": self._matched,
                "of": beat.events or 0,
                "isCut": bool(self._socket.arrivals.passed_over),
            }
            self._shown = self._matched = 0
        self._waking.set()

    def take(self, arrivals: Sequence[Arrival], refusals: Sequence[Refused]) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        private = self._find_private()
        for arrival in arrivals:
            if wanted.takes_event(arrival.applied) and self._has_room():
                self._put(describe_arrival(arrival.applied, arrival.committed, self._visitor, private))
        for refused in refusals:
            if wanted.takes_refusal(refused) and self._has_room():
                self._put(describe_refusal(refused, self._visitor, private))

    def _find_private(self) -> Private:
        """What the catalogue says by now (ingestion.queries.find_private), as every web process holds it."""
        return self._socket.pulse.directory().private

    def _has_room(self) -> bool:
        self._matched += 1
        return self._shown < SHOWN and self._bytes < WAITING_BYTES

    def _put(self, row: dict[str, Any]) -> None:
        packed = _encode(row)
        self._shown += 1
        self._bytes += len(packed)
        self._rows.append(packed)
        self._waking.set()

    # --- The three works of a seat ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        came: deque[float] = deque(maxlen=FRAMES)
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise _Gone
            if len(came) == FRAMES and loop.time() - came[0] < FRAMES_S:
                raise _Over(TOO_FAST)
            came.append(loop.time())
            await self._hear(message.get("text") or "")

    async def _hear(self, text: str) -> None:
        if len(text) > FRAME_LETTERS:
            raise _Over(BAD_FRAME)
        try:
            frame = _frames.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise _Over(BAD_FRAME) from None
        if not self._visitor.may(Ability.EVENTS):
            raise _Over(NOT_ALLOWED)
        self._stop_watching()
        if isinstance(frame, Wanted):
            await self._watch(frame)

    async def _watch(self, wanted: Wanted) -> None:
        if self._socket.watching >= WATCHING:
            raise _Over(BUSY)
        self._socket.watching += 1
        self._wanted = wanted
        self._socket.arrivals.watch(self)
        rows = await self._find_earlier(wanted)
        await self._write(b'{"type":"earlier","rows":[' + b",".join(map(_encode, rows)) + b"]}")

    def _stop_watching(self) -> None:
        if self._wanted is not None:
            self._socket.watching -= 1
            self._socket.arrivals.unwatch(self)
        self._wanted, self._sampled = None, None
        self._rows.clear()
        self._bytes = self._shown = self._matched = 0

    async def _tell(self) -> None:
        while True:
            await self._waking.wait()
            self._waking.clear()
            beat, self._beat = self._beat, None
            if beat is not None:
                await self._write(_encode(beat))
            if self._rows:
                await asyncio.sleep(GATHER_S)
                rows, self._bytes = b",".join(self._rows), 0
                self._rows.clear()
                await self._write(b'{"type":"events","rows":[' + rows + b"]}")
            sampled, self._sampled = self._sampled, None
            if sampled is not None:
                await self._write(_encode(sampled))

    async def _check(self, session_key: str) -> None:
        """Who has signed out, or lost what they may do, is shown nothing more."""
        while True:
            await asyncio.sleep(CHECK_S)
            self._visitor = await _admit(session_key)
            if self._wanted is not None and not self._visitor.may(Ability.EVENTS):
                raise _Over(NOT_ALLOWED)

    async def _find_earlier(self, wanted: Wanted) -> list[dict[str, Any]]:
        """What a page starts with, oldest first."""
        now, private = self._socket.clock(), self._find_private()
        found: list[tuple[int, dict[str, Any]]] = []
        if wanted.refusals:
            with suppress(redis.RedisError):
                refusals = await self._socket.arrivals.list_refusals(LOOKED_THROUGH, now)
                rows = [each for each in refusals if wanted.takes_refusal(each)][-EARLIER:]
                found += [(each.at, describe_refusal(each, self._visitor, private)) for each in rows]
        if wanted.events:
            arrivals = [each for each in await self._list_newest(now) if wanted.takes_event(each.applied)]
            arrivals.sort(key=lambda each: each.applied.event.received)
            found += [
                (
                    each.applied.event.received,
                    describe_arrival(each.applied, each.committed or None, self._visitor, private),
                )
                for each in arrivals[-EARLIER:]
            ]
        return [row for _, row in sorted(found, key=lambda each: each[0])][-EARLIER:]

    async def _list_newest(self, now: int) -> list[Arrival]:
        """What waits for the archiver, and then what is archived: in this order none is missed between the two."""
        newest: dict[tuple[str, str], Arrival] = {}
        arrivals = self._socket.arrivals
        with suppress(redis.RedisError):
            await arrivals.wait_until_following()
            newest = {_name(each): each for each in await arrivals.list_waiting(EARLIER)}
        with suppress(DatabaseError, InterfaceError):
            archived = await asyncio.to_thread(_find_archived, now)
            newest = {**{_name(each): each for each in archived}, **newest}
        return list(newest.values())

    async def _write(self, text: bytes) -> None:
        patience = asyncio.get_running_loop().call_later(WRITE_S, drop_connection, self._send)
        try:
            await self._send({"type": "websocket.send", "text": text.decode()})
        finally:
            patience.cancel()


def _name(arrival: Arrival) -> tuple[str, str]:
    return arrival.applied.event.source, arrival.applied.event.id


def _say_short(beat: Beat) -> dict[str, Any]:
    return {"at": beat.at, "events": beat.events}


def _find_archived(now: int) -> list[Arrival]:
    """The newest events of the archive, newest first; for a thread of its own."""
    try:
        return [
            to_arrival(row)
            for row in list_newest_events(until=datetime.fromtimestamp(now / 1000, UTC), limit=LOOKED_THROUGH)
        ]
    finally:
        connection.close()  # of this thread, which may never be used for this again
