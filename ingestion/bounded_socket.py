"""The server's end of a socket, within bounds: what a client can make a web process hold or do before the application
hears of it. uvicorn bounds the bytes of a message; here are its parts, its time, control frames, and unread answers."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from ingestion.bucket import Bucket
from ingestion.closing import BUSY, NO_PONG, NOT_UTF8, TOO_FAST, TOO_LARGE, TOO_SLOW

_encode = msgspec.json.Encoder().encode


class WireLimits(msgspec.Struct, frozen=True):
    """What one client may ask of the server's end of a socket. `_s` are seconds."""

    parts: int = 1_000  # of one message
    messages: int = 500  # that come at once
    beside_per_second: float = 400  # pings, pongs and parts of messages
    beside_burst: int = 2_000
    message_s: float = 30  # from the first byte of a message to its last
    held_bytes: int = 32_000_000  # of messages that are not whole or not handled, of all sockets of the server together
    ping_s: float = 12  # between pings
    pong_s: float = 10  # for their answers
    linger_s: float = 5  # for the client to read why it was closed, and to close too
    drained_bytes: int = 16_000_000  # thrown away in that time


class Held:
    """Bytes that the sockets of one server hold of messages that are not whole or not handled."""

    def __init__(self) -> None:
        self.total = 0
        self._by_socket: dict[BoundedSocket, int] = {}

    def note(self, socket: "BoundedSocket", size: int) -> None:
        self.total += size - self._by_socket.get(socket, 0)
        if size:
            self._by_socket[socket] = size
        else:
            self._by_socket.pop(socket, None)

    def largest(self) -> "BoundedSocket":
        return max(self._by_socket, key=self._by_socket.__getitem__)


_held: WeakKeyDictionary[ServerState, Held] = WeakKeyDictionary()


class BoundedSocket(WebSocketsSansIOProtocol):
    """To be named to uvicorn as its `ws`. A subclass may have other `limits`."""

    limits = WireLimits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.ping_interval, self.ping_timeout = self.limits.ping_s, self.limits.pong_s
        self.close_timeout = self.limits.linger_s
        self._held = _held.setdefault(server_state, Held())
        self._in_parts = 0  # bytes of a message that is not whole
        self._in_work = 0  # bytes of messages that the application has not handled
        self._beside = Bucket(self.limits.beside_per_second, self.limits.beside_burst, self.loop.time())
        self._whole_by: asyncio.TimerHandle | None = None
        self._asked_twice = False
        self._drained = 0
        self._over = False

    # --- What comes -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.close_sent:
            self._drained += len(data)
            if self._drained > self.limits.drained_bytes:
                self.transport.abort()
        if self._over:
            return  # read all the same: to close before all is read would take our last words from the client
        super().data_received(data)
        self._note_held()
        while self._held.total > self.limits.held_bytes:
            self._held.largest().end(BUSY, "too many messages are under way here; come back later")
        self._watch_for_the_rest()

    def handle_text(self, event: Frame) -> None:
        if self._takes_part(event):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        if self._takes_part(event):
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= self.limits.parts:
            self.end(TOO_LARGE, f"a message has at most {self.limits.parts} parts")
        if self._takes_part(event):
            super().handle_cont(event)

    def handle_ping(self) -> None:
        self._count_beside()
        answers = self.conn.data_to_send()
        if self.writable.is_set() and not self._over:  # what a client does not read is not piled up
            self.transport.write(b"".join(answers))

    def handle_pong(self, event: Frame) -> None:
        self._count_beside()
        super().handle_pong(event)
        self._asked_twice = self._asked_twice and self.pending_ping_payload is not None

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        if self.close_timer is None:
            self._abort_later()

    def send_receive_event_to_app(self) -> None:
        """Instead of the inherited one, which logs a trace for whatever is not UTF-8."""
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames, self._in_parts = [], 0
        self._stop_watch()
        if self.close_sent:
            return
        message: Any = {"type": "websocket.receive", "bytes": data}
        if self.curr_msg_data_type == "text":
            try:
                message = {"type": "websocket.receive", "text": data.decode()}
            except UnicodeDecodeError:
                self.end(NOT_UTF8, "text is UTF-8")
                return
        self._in_work += len(data)
        self.queue.put_nowait(message)
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        elif self.queue.qsize() > self.limits.messages:  # of one moment: reading paused after the first of them
            self.end(TOO_FAST, f"more than {self.limits.messages} frames at once; send batches")

    def handle_parser_exception(self) -> None:
        """What came is no frame, or too large; the parser has made the close frame and takes nothing more."""
        closed = self.conn.close_sent
        self._finish(1006 if closed is None else closed.code, "" if closed is None else closed.reason)

    # --- What the application asks for ----------------------------------------------------------------------------

    async def receive(self) -> Any:
        if self._in_work and self.queue.empty():
            self._in_work = 0
            self._note_held()
        return await super().receive()

    async def send(self, message: Any) -> None:
        if self._over:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.close" and self.close_timer is not None:
            self.close_timer.cancel()  # it would wait for a client that does not read
            self._abort_later()
            self._empty_queue(message.get("code", 1000), message.get("reason") or "")

    # --- How it ends ----------------------------------------------------------------------------------------------

    def end(self, how: tuple[int, str], message: str) -> None:
        """Says what is wrong and closes, whatever the application is doing."""
        code, name = how
        if self._over or self.close_sent or self.transport.is_closing():
            self._let_go()
            self.transport.abort()
            return
        if self.conn.state is State.OPEN:
            self.conn.send_text(_encode({"type": "error", "code": name, "message": message}))
            self.conn.fail(code, name)
        self._finish(code, name)

    def _finish(self, code: int, reason: str) -> None:
        """Writes what is to be said last, tells the application, lets go of what was held, and waits for the client to
        close, but not for long."""
        if self._over:
            return
        last = b"".join(self.conn.data_to_send())
        self._over = self.close_sent = True
        self.stop_keepalive()
        self._let_go()
        self._empty_queue(code, reason)
        if not self.writable.is_set():
            self.transport.abort()  # it does not read
            return
        self.transport.write(last)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._abort_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        if self.close_sent or self.transport.is_closing():
            return
        if not self.read_paused and self._asked_twice:
            self.end(NO_PONG, f"a ping was not answered within {self.limits.pong_s:g} s")
            return
        # The answer may be among what we have not come to read.
        self._asked_twice = True
        again = self.limits.pong_s if self.read_paused else 1
        self.pong_timer = self.loop.call_later(again, self.keepalive_timeout)

    def _empty_queue(self, code: int, reason: str) -> None:
        """Nothing that waits will be handled; the application is told of the end."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self._in_work = 0
        self._note_held()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    def _abort_later(self) -> None:
        self.close_timer = self.loop.call_later(self.limits.linger_s, self.transport.abort)

    # --- Bounds ---------------------------------------------------------------------------------------------------

    def _takes_part(self, event: Frame) -> bool:
        if event.opcode is Opcode.CONT:
            self._count_beside()
        if not self._over:
            self._in_parts += len(event.data)
        return not self._over

    def _count_beside(self) -> None:
        if not self._beside.take(self.loop.time()) and not self._over:
            self.end(TOO_FAST, f"more than {self.limits.beside_per_second:g} control frames and parts a second")

    def _note_held(self) -> None:
        self._held.note(self, len(self.conn.reader.buffer) + self._in_parts + self._in_work)

    def _watch_for_the_rest(self) -> None:
        """A message that has begun is to be whole in time."""
        if self._over or not self.handshake_complete or not (self.conn.reader.buffer or self.frames):
            self._stop_watch()
        elif self._whole_by is None:
            self._whole_by = self.loop.call_later(self.limits.message_s, self._miss_the_rest)

    def _miss_the_rest(self) -> None:
        self._whole_by = None
        if self.read_paused:
            self._watch_for_the_rest()  # the rest may have come: it is we who do not read
        else:
            self.end(TOO_SLOW, f"a message is to be whole within {self.limits.message_s:g} s")

    def _stop_watch(self) -> None:
        if self._whole_by is not None:
            self._whole_by.cancel()
            self._whole_by = None

    def _let_go(self) -> None:
        self._stop_watch()
        self.frames = []
        self._in_parts = self._in_work = 0
        self.conn.reader.discard()
        self._held.note(self, 0)
