"""Words that nobody could guess, each of one person and one door, and how they are found again in any form."""

import binascii
import re
import secrets
import zlib
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

import zstandard

ZSTD = b"\x28\xb5\x2f\xfd"
ID = "id"  # of a profile, as it is derived
PART = "part"  # of a marker, nobody can tell of which
DEPTH = 3  # of things packed in things
MOST_UNPACKED = 10_000_000

_HEX = re.compile(rb"(?:[0-9a-f]{2}){8,}")
_ID = re.compile(rb"[0-9a-f]{32,}")
_ZIPPED = re.compile(rb"eJ[A-Za-z0-9_-]{20,}")  # zlib in base64, as sessions are kept


class Mark(NamedTuple):
    """Whom a marker is of, and where it was planted."""

    person: int
    kind: str


class Markers:
    """All markers of one run begin alike, so that one look finds any of them, also one that was cut off."""

    def __init__(self) -> None:
        self._tag = "zq" + secrets.token_hex(6)
        self._planted: dict[str, Mark] = {}
        self._ids: dict[bytes, Mark] = {}
        tag = self._tag.encode()
        self._marker = re.compile(rb"%b[0-9a-f]{0,16}" % tag)
        forms = (b64encode(b"\0" * shift + tag)[(0, 2, 3)[shift] : (shift + len(tag)) * 8 // 6] for shift in range(3))
        self._coded = re.compile(b"|".join(re.escape(form).replace(b"/", b"[/_]") for form in forms))

    def make(self, person: int, kind: str) -> str:
        marker = self._tag + secrets.token_hex(8)
        self._planted[marker] = Mark(person, kind)
        return marker

    def add_id(self, person: int, profile_id: str) -> None:
        self._ids[profile_id.encode()] = Mark(person, ID)

    def find(self, said: bytes) -> set[Mark]:
        """Those in some bytes, however they are written or packed there."""
        return {mark for form in _unfold(said, DEPTH) for mark in self._read(form)}

    def _read(self, said: bytes) -> Iterator[Mark]:
        text = said.lower()
        yield from (self._name(found.decode()) for found in self._marker.findall(text))
        if self._coded.search(said):
            yield Mark(-1, PART)
        for digits in _ID.findall(text.replace(b"-", b"")):
            windows = (digits[at : at + 32] for at in range(len(digits) - 31))
            yield from (self._ids[each] for each in windows if each in self._ids)

    def _name(self, found: str) -> Mark:
        if found in self._planted:
            return self._planted[found]
        meant = {mark for marker, mark in self._planted.items() if marker.startswith(found)}
        return meant.pop() if len(meant) == 1 else Mark(-1, PART)


def _unfold(said: bytes, depth: int) -> Iterator[bytes]:
    """The bytes, and what is packed or written in other letters in them."""
    yield said
    if depth:
        for inner in (*_unpack(said), *_unhex(said), *_unzip(said)):
            yield from _unfold(inner, depth - 1)


def _unpack(said: bytes) -> Iterator[bytes]:
    place = said.find(ZSTD)
    while place >= 0:
        with suppress(zstandard.ZstdError):  # these four bytes were something else
            yield zstandard.ZstdDecompressor().decompressobj().decompress(said[place:])
        place = said.find(ZSTD, place + 1)


def _unhex(said: bytes) -> Iterable[bytes]:
    """PostgreSQL writes bytes as digits."""
    return (binascii.unhexlify(digits) for digits in _HEX.findall(said))


def _unzip(said: bytes) -> Iterator[bytes]:
    for text in _ZIPPED.findall(said):
        try:
            yield zlib.decompressobj().decompress(urlsafe_b64decode(text + b"=" * (-len(text) % 4)), MOST_UNPACKED)
        except (zlib.error, binascii.Error):
            continue
