"""A socket by hand, as clients are that do not keep to anything: any frame, any part of one, and nothing is read unless
asked for."""

import asyncio
import json
import socket
from typing import Any, Self

TEXT, BINARY, CONT, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
PATIENCE_S = 60.0
HANDSHAKE = (
    b"GET /ws/v1/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(kind: int, data: bytes = b"", *, whole: bool = True) -> bytes:
    """As a client sends it; the mask is zero."""
    size = len(data)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return bytes([(0x80 if whole else 0) | kind]) + length + b"\0\0\0\0" + data


def text(message: Any) -> bytes:
    return frame(TEXT, json.dumps(message).encode())


class Wire:
    """A connection after its handshake. As a context it ends with its block."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, *, buffer: int | None = None) -> Self:
        """`buffer`: bytes that the kernel takes in for a client that does not read."""
        end = socket.socket()
        if buffer is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        end.setblocking(False)
        await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=end, limit=buffer or 65_536)
        wire = cls(reader, writer)
        writer.write(HANDSHAKE)
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        return wire

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *reason: object) -> None:
        self.writer.transport.abort()

    async def send(self, data: bytes) -> None:
        """Waits for the server to take it; raises OSError when it has hung up."""
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> tuple[int, bytes]:
        """Kind and data of the next frame. Raises asyncio.IncompleteReadError at the end."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readexactly(2)
            size = head[1]
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            return head[0] & 0xF, await self.reader.readexactly(size)

    async def hear_text(self) -> dict[str, Any]:
        """The next text frame; answers to pings are passed over, and pings answered."""
        while True:
            kind, data = await self.hear()
            if kind == PING:
                await self.send(frame(PONG, data))
            elif kind == TEXT:
                told: dict[str, Any] = json.loads(data)
                return told
            elif kind == CLOSE:
                raise AssertionError(f"closed with {int.from_bytes(data[:2], 'big')}")

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        await self.send(text(message))
        return await self.hear_text()

    async def end(self) -> tuple[str | None, int]:
        """The `code` of the error frame, if there was one, and the close code; 1006 when nothing was said."""
        said = None
        try:
            while True:
                kind, data = await self.hear()
                if kind == TEXT:
                    told = json.loads(data)
                    said = told["code"] if told["type"] == "error" else said
                elif kind == CLOSE:
                    return said, int.from_bytes(data[:2], "big")
        except (asyncio.IncompleteReadError, OSError):
            return said, 1006

    async def is_hung_up(self) -> bool:
        """Waits until the server has hung up; what it said is thrown away."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while await self.reader.read(65_536):
                    pass
        except OSError:
            pass
        except TimeoutError:
            return False
        return True
