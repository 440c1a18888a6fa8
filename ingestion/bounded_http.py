"""The server's end of an HTTP connection, within bounds: heads of requests that are too long, come too slowly, or too
many at once, and answers that nobody reads. uvicorn bounds none of them."""

import asyncio
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOO_LONG: Final = b"431 Request Header Fields Too Large"
TOO_SLOW: Final = b"408 Request Timeout"


class HeadLimits(msgspec.Struct, frozen=True):
    """What one connection may ask before the application hears of it. `_s` are seconds."""

    head_bytes: int = 65_536  # of heads and trailers; so many more for the framing of chunks as the body has bytes
    head_s: float = 10  # from the first byte of a head, or the opening of the connection, to its last byte
    pipelined: int = 100  # requests that are sent without waiting for answers
    write_s: float = 60  # a reader that takes nothing for so long is cut off


class BoundedHttp(HttpToolsProtocol):
    """To be named to uvicorn as its `http`. A subclass may have other `limits`."""

    limits = HeadLimits()
    _head_by: asyncio.TimerHandle | None = None
    _read_by: asyncio.TimerHandle | None = None
    _in_head = True  # one has begun, or the first one is awaited
    _beside = 0  # bytes of the present request that were not body

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_head = False
        self._watch_head()
        self._stop_waiting_for_reader()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._beside += len(data)
        super().data_received(data)
        self._watch_head()
        if self._beside > self.limits.head_bytes and not self.transport.is_closing():
            self._turn_away(TOO_LONG)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._beside = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
        if len(self.pipeline) > self.limits.pipelined:
            raise ValueError("too many requests at once")  # the parser makes it a bad request

    def on_body(self, body: bytes) -> None:
        self._beside -= 2 * len(body)
        super().on_body(body)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_waiting_for_reader()
        self._read_by = self.loop.call_later(self.limits.write_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_waiting_for_reader()
        super().resume_writing()

    def _watch_head(self) -> None:
        """Only a head that does not come at once needs a clock."""
        if self._in_head and self._head_by is None:
            self._head_by = self.loop.call_later(self.limits.head_s, self._turn_away, TOO_SLOW)
        elif not self._in_head and self._head_by is not None:
            self._head_by.cancel()
            self._head_by = None

    def _stop_waiting_for_reader(self) -> None:
        if self._read_by is not None:
            self._read_by.cancel()
            self._read_by = None

    def _turn_away(self, status: bytes) -> None:
        """Says why, unless nothing was asked or something else is being said, and closes."""
        if self.transport.is_closing():
            return
        if self.headers is not None and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self.transport.close()
