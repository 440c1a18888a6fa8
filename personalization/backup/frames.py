"""The part of a backup that comes from Redis: a file of frames, each of which puts one thing back."""

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from personalization.backup.manifest import Refused

_LENGTH = struct.Struct(">I")


class Entry(msgspec.Struct, frozen=True, array_like=True, tag="entry"):
    """An entry of a stream, under its own id."""

    stream: str
    id: str
    fields: dict[bytes, bytes]


class Text(msgspec.Struct, frozen=True, array_like=True, tag="text"):
    """A value under a key; `expires` in milliseconds, 0 never."""

    key: str
    value: bytes
    expires: int = 0


class Counters(msgspec.Struct, frozen=True, array_like=True, tag="counters"):
    """A hash."""

    key: str
    fields: dict[bytes, bytes]


Frame = Entry | Text | Counters

Sink = Callable[[Frame], None]

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


@contextmanager
def write_frames(path: Path) -> Iterator[Sink]:
    """A new file to write frames to."""
    with path.open("xb") as file:
        with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as out:

            def write(frame: Frame) -> None:
                packed = _encoder.encode(frame)
                out.write(_LENGTH.pack(len(packed)) + packed)

            yield write
        file.flush()
        os.fsync(file.fileno())


def read_frames(path: Path) -> Iterator[Frame]:
    """In the order in which they were written. Raises Refused for what cannot be read."""
    try:
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as source:
            while head := _read(source, _LENGTH.size):
                yield _decoder.decode(_read(source, _LENGTH.unpack(head)[0]))
    except (OSError, ValueError, struct.error, zstandard.ZstdError) as error:
        raise Refused(f"{path} cannot be read: {type(error).__name__}.") from error


def _read(source: BinaryIO, size: int) -> bytes:
    pieces = []
    while size and (piece := source.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
