"""The socket of the snippet: hello, batches with acknowledgements, pings; decisions and pushes come from a subclass."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, NoReturn

import msgspec
from channels.consumer import AsyncConsumer  # type: ignore[import-untyped]  # Channels has no types

from ingestion.append import Appender, Overloaded
from ingestion.bucket import Bucket
from ingestion.closing import BAD_FRAME, BUSY, NO_HELLO, ORIGIN_REFUSED, TOO_FAST, TOO_LARGE, UNKNOWN_KEY
from ingestion.directory import Directory, Source
from ingestion.http import Receive, Send, read_permission
from ingestion.log import LogUnavailable
from ingestion.meter import NO_METER, NOT_READING, Meter, Way
from ingestion.parse import Limits, Scalar, Sender, parse_messages
from ingestion.parse_values import Refuse, read_id
from ingestion.refusals import Refusal, Refused
from profiles.consent import Permission, State, may_keep

logger = logging.getLogger(__name__)

FrameId = str | int | None


class SocketLimits(msgspec.Struct, frozen=True):
    """What one socket may do, and how many of them there may be in one process. `_s` are seconds."""

    open: int = 10_000
    frame_bytes: int = 512_000
    batch_events: int = 100
    frames_per_second: float = 100
    burst: int = 500  # frames that may come at once
    waiting_pushes: int = 100  # frames that wait for a slow reader
    waiting_bytes: int = 1_000_000  # of them together; one alone may have more
    slow_answers: int = 5  # in a row, then the socket is closed
    hello_s: float = 10
    write_s: float = 20  # a reader that takes nothing for so long is cut off
    ping_s: int = 25


class Sockets:
    """The open sockets of one process, counted against their limit."""

    def __init__(self, limits: SocketLimits) -> None:
        self.limits = limits
        self.open = 0


class Hello(msgspec.Struct, rename="camel", tag="hello"):
    v: Literal[1]
    write_key: str
    anonymous_id: str | None = None
    user_id: str | None = None
    consent: State | None = None
    context: dict[str, Any] = {}


class Batch(msgspec.Struct, rename="camel", tag="batch"):
    batch: list[msgspec.Raw]
    id: FrameId = None
    sent_at: Scalar = None


class Decide(msgspec.Struct, rename="camel", tag="decide"):
    """`live` are those of `slots` whose answers are pushed when they change."""

    slots: list[str]
    id: FrameId = None
    context: dict[str, Any] = {}
    live: list[str] = []


class Ping(msgspec.Struct, tag="ping"):
    pass


Frame = Hello | Batch | Decide | Ping

_frames: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)
_encode = msgspec.json.Encoder().encode
PONG = '{"type":"pong"}'


class _Closed(Exception):
    """The socket is over: nothing more is read or sent."""


class EventConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """One socket. After the hello: `source`, `anonymous_id`, `user_id`, `permission` and `context` of the visitor.

    A subclass overrides `on_welcome`, `on_decide` and `on_close`; it answers by `send_frame` and pushes by `push`.
    """

    source: Source
    anonymous_id: str | None
    user_id: str | None
    permission: Permission
    context: Mapping[str, Any]

    def __init__(
        self,
        *,
        directory: Callable[[], Directory],
        appender: Appender,
        limits: Limits,
        sockets: Sockets,
        clock: Callable[[], int],
        meter: Meter = NO_METER,
    ) -> None:
        self._meter = meter
        self._directory = directory
        self._appender = appender
        self._limits = limits
        self._sockets = sockets
        self._socket_limits = sockets.limits
        self._clock = clock
        self._slow = 0
        self._ended = False
        self._waiting: deque[tuple[bytes, int | None]] = deque()
        self._waiting_bytes = 0
        self._pusher: asyncio.Task[None] | None = None

    # --- For the subclass -----------------------------------------------------------------------------------------

    def is_granted(self, context: Mapping[str, Any]) -> bool:
        """Whether the visitor may be known, by the hello and what stands in `context`."""
        return may_keep(self.permission, context, self._limits.tracking)

    async def on_welcome(self) -> None:
        """The visitor is known and has been welcomed."""

    async def on_decide(self, frame: Decide) -> None:
        """The page asks what to show."""
        await self.fail(BAD_FRAME, "this door does not decide")

    async def on_close(self) -> None:
        """The socket is over; called once if on_welcome was."""

    async def send_frame(self, frame: Any) -> None:
        """Sends now, and waits for the reader; a reader that takes nothing for too long is cut off."""
        await self._write(_encode(frame).decode())

    def push(self, frame: Any, since: int | None = None) -> None:
        """Sends soon, without waiting; a reader with too many pushes before it is cut off. `since` is the moment of the
        commit that the frame tells of."""
        if not self._ended:
            self.push_encoded(_encode(frame), since)

    def push_encoded(self, text: bytes, since: int | None = None) -> None:
        """`push` of a frame that is encoded already, for all whom it is pushed to."""
        if self._ended:
            return
        limits = self._socket_limits
        self._waiting_bytes += len(text)
        too_many = len(self._waiting) >= limits.waiting_pushes or self._waiting_bytes > limits.waiting_bytes
        if self._waiting and too_many:
            self._cut_off()
            return
        self._waiting.append((text, since))
        if self._pusher is None or self._pusher.done():
            self._pusher = asyncio.get_running_loop().create_task(self._push())

    async def fail(self, how: tuple[int, str], message: str) -> NoReturn:
        """Says what is wrong and closes."""
        code, name = how
        self._meter.closed(name)
        await self.send_frame({"type": "error", "code": name, "message": message})
        self._ended = True
        await self._send({"type": "websocket.close", "code": code, "reason": name})
        raise _Closed

    # --- Life -----------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Instead of the inherited loop, which starts a task and visits the thread pool for every message."""
        self.scope = scope
        self.base_send = send
        self._receive = receive
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        self._sockets.open += 1
        welcomed = False
        try:
            if self._sockets.open > self._socket_limits.open:
                await self.fail(BUSY, "too many sockets are open here; come back later or send by HTTP")
            await self._greet()
            welcomed = True
            await self._serve()
        except (_Closed, OSError):
            pass  # OSError: the client went away while something was sent
        finally:
            self._ended = True
            self._sockets.open -= 1
            if self._pusher is not None:
                self._pusher.cancel()
            if welcomed:
                await self.on_close()

    async def _serve(self) -> None:
        """Frames one after the other: the next one is not read before this one is answered."""
        loop, limits = asyncio.get_running_loop(), self._socket_limits
        bucket = Bucket(limits.frames_per_second, limits.burst, loop.time())
        await self.on_welcome()
        while True:
            frame = await self._read()
            if not bucket.take(loop.time()):
                await self.fail(TOO_FAST, f"more than {limits.frames_per_second:g} frames a second; send batches")
            if isinstance(frame, Batch):
                await self._take(frame)
            elif isinstance(frame, Ping):
                await self._write(PONG)
            elif isinstance(frame, Decide):
                await self.on_decide(frame)
            else:
                await self.fail(BAD_FRAME, "there is one hello per socket")

    async def _read(self) -> Frame:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise _Closed
        text = message.get("text") or message.get("bytes") or b""
        limit = self._socket_limits.frame_bytes
        # A character is at most four bytes: most frames need not be encoded to be measured.
        if len(text) * 4 > limit and len(text if isinstance(text, bytes) else text.encode()) > limit:
            await self.fail(TOO_LARGE, f"a frame has at most {limit} bytes")
        try:
            return _frames.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            await self.fail(BAD_FRAME, f"the frame is not understood: {error}")

    # --- Frames ---------------------------------------------------------------------------------------------------

    async def _greet(self) -> None:
        limits = self._socket_limits
        try:
            async with asyncio.timeout(limits.hello_s):
                hello = await self._read()
        except TimeoutError:
            await self.fail(NO_HELLO, f"no hello within {limits.hello_s:g} s")
        if not isinstance(hello, Hello):
            await self.fail(BAD_FRAME, "the first frame is a hello")
        try:
            anonymous_id = read_id(hello.anonymous_id, "anonymousId", self._limits.id_length)
            user_id = read_id(hello.user_id, "userId", self._limits.id_length)
        except Refuse as refuse:
            await self.fail(BAD_FRAME, refuse.message)
        self.permission = read_permission(self.scope, hello.consent)
        if self.is_granted(hello.context) and anonymous_id is None:
            await self.fail(BAD_FRAME, "with consent, the hello has an anonymousId")
        try:
            source = self._directory().source_of(hello.write_key)
        except LogUnavailable:
            await self.fail(BUSY, "the sources are not loaded yet; come back in a second")
        if source is None:
            await self._turn_away(UNKNOWN_KEY, Refused.UNKNOWN_KEY, "-", "the write key is not known")
        if not source.admits(self._origin()):
            message = "pages of this origin may not send to this source; add it there"
            await self._turn_away(ORIGIN_REFUSED, Refused.ORIGIN_REFUSED, source.slug, message)
        self.source = source
        self.anonymous_id, self.user_id = anonymous_id, user_id
        self.context = hello.context
        bounds = {"batch": limits.batch_events, "bytes": limits.frame_bytes}
        await self.send_frame({"type": "welcome", "v": 1, "ping": limits.ping_s, "limits": bounds})

    async def _turn_away(self, how: tuple[int, str], reason: Refused, source: str, message: str) -> NoReturn:
        self._appender.note([(source, Refusal(reason, message, self._clock()))], way=Way.SOCKET)
        await self.fail(how, message)

    def _origin(self) -> str | None:
        origin: bytes | None = dict(self.scope["headers"]).get(b"origin")
        return None if origin is None else origin.decode("latin-1")

    async def _take(self, frame: Batch) -> None:
        """Stores a batch, then acknowledges it."""
        if len(frame.batch) > self._socket_limits.batch_events:
            await self.fail(BAD_FRAME, f"a batch has at most {self._socket_limits.batch_events} events")
        received = self._clock()
        parsed = parse_messages(
            frame.batch,
            sender=Sender(self.source.slug, self.anonymous_id, self.user_id, self.permission),
            received=received,
            limits=self._limits,
            sent_at=frame.sent_at,
            schemas=self._directory().schemas,
        )
        events, refusals = parsed.events, parsed.refusals
        try:
            noted = [(self.source.slug, refusal) for refusal in refusals]
            await self._appender.append(events, noted, way=Way.SOCKET)
        except (Overloaded, LogUnavailable) as full:
            await self._slow_down(frame, full.retry_after if isinstance(full, Overloaded) else 1)
            return
        self._slow = 0
        told = [
            {"messageId": refusal.message_id, "reason": refusal.reason, "message": refusal.message}
            for refusal in refusals
        ]
        ids = [event.id for event in events]
        await self.send_frame({"type": "ack", "id": frame.id, "messageIds": ids, "refused": told})

    async def _slow_down(self, frame: Batch, retry_after: int) -> None:
        self._slow += 1
        await self.send_frame({"type": "slow", "id": frame.id, "retryAfter": retry_after})
        if self._slow >= self._socket_limits.slow_answers:
            await self.fail(BUSY, "the server cannot store events at the moment; come back later")

    # --- Writing --------------------------------------------------------------------------------------------------

    async def _write(self, text: str) -> None:
        if self._ended:
            raise _Closed
        await self._send({"type": "websocket.send", "text": text})

    async def _send(self, message: dict[str, Any]) -> None:
        patience = asyncio.get_running_loop().call_later(self._socket_limits.write_s, self._cut_off)
        try:
            await self.base_send(message)
        finally:
            patience.cancel()

    async def _push(self) -> None:
        try:
            while self._waiting:
                text, since = self._waiting.popleft()
                self._waiting_bytes -= len(text)
                await self._write(text.decode())
                if since:
                    self._meter.pushed(self._clock(), since)
        except (_Closed, OSError):
            self._waiting.clear()

    def _cut_off(self) -> None:
        """Drops the connection of a reader that does not read."""
        self._ended = True
        self._waiting.clear()
        self._meter.closed(NOT_READING)
        drop_connection(self.base_send)


def drop_connection(send: Send) -> None:
    """At once. ASGI has no word for this, and a polite close would wait for the reader that does not read, so the
    server's own transport is asked."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        logger.warning("a socket that does not read cannot be dropped on this server")
    else:
        transport.abort()
