"""The lines of an uploaded file: unpacked, bounded in number and length, whichever way they end."""

import gzip
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import IO, Protocol

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from profiles.writing import write_number

BLOCK = 65_536
MAX_LINE = 65_536  # bytes of a line, and of a row that goes over several
GZIP = b"\x1f\x8b"
UTF8_BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
# Why what is uploaded in the place of a CSV is refused, by how it begins.
OTHERS = {
    b"PK\x03\x04": _("This is an Excel workbook or a ZIP archive; save it as CSV in UTF-8, and upload that."),
    b"\xd0\xcf\x11\xe0": _("This is an Excel workbook; save it as CSV in UTF-8, and upload that."),
    b"%PDF": _("This is a PDF; save it as CSV in UTF-8, and upload that."),
    GZIP: _("This is packed twice; save it as CSV in UTF-8, and upload that."),
}
MOST_CONTROL = 0.05  # of the bytes of a text
LINE_ENDS = b"\t\n\r"

NO_TEXT = _("This is no text; save it as CSV in UTF-8, and upload that.")
WIDE = _("The file is in UTF-16 or UTF-32; save it as CSV in UTF-8, and upload that.")
DAMAGED = _("The gzip file is damaged or cut off; pack it again, or upload it as it is.")


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class BadUpload(ValueError):
    """The file cannot be meant, and nothing of it is taken; the message says why, and how to mend it."""


class Lines:
    """The lines one after the other, None for one that is too long; `number` is that of the last one, from 1."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._source = _split(blocks)
        self._back: deque[bytes | None] = deque()
        self.number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> bytes | None:
        line = self._back.popleft() if self._back else next(self._source)
        self.number += 1
        return line

    def look_ahead(self, mark: bytes) -> list[bytes]:
        """The following lines up to the one that has an odd number of marks, taken; none, and nothing is taken, when
        it is too far away."""
        taken: list[bytes] = []
        size = 0
        for line in self:
            if line is None:
                self._back.appendleft(None)
                self.number -= 1
                break
            taken.append(line)
            size += len(line) + 1
            if size > MAX_LINE:
                break
            if line.count(mark) % 2:
                return taken
        self.put_back(taken)
        return []

    def put_back(self, lines: list[bytes]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


def open_lines(file: IO[bytes], *, most: int) -> Lines:
    """The lines of a file of at most so many bytes, once unpacked; raises BadUpload, now or while they are read."""
    is_packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    blocks = _read_blocks(gzip.GzipFile(fileobj=file) if is_packed else file, most)
    first = next(blocks, b"")
    _refuse_other_than_text(first)
    return Lines(_chain(first.removeprefix(UTF8_BOM), blocks))


def _chain(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


def _read_blocks(file: Readable, most: int) -> Iterator[bytes]:
    size = 0
    try:
        while block := file.read(BLOCK):
            size += len(block)
            if size > most:
                said = gettext("The file has more than %(most)s bytes, once unpacked; upload it in parts.")
                raise BadUpload(said % {"most": write_number(most)})
            yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadUpload(gettext(DAMAGED)) from error


def _refuse_other_than_text(head: bytes) -> None:
    if head.startswith(WIDE_BOMS):
        raise BadUpload(gettext(WIDE))
    for mark, said in OTHERS.items():
        if head.startswith(mark):
            raise BadUpload(gettext(said))
    if len(head) > 3 and max(head[::2].count(0), head[1::2].count(0)) > len(head) // 4:
        raise BadUpload(gettext(WIDE))
    control = sum(head.count(byte) for byte in range(32) if byte not in LINE_ENDS)
    if control > MOST_CONTROL * len(head) + 1:
        raise BadUpload(gettext(NO_TEXT))


def _split(blocks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Lines that end with a line feed, a carriage return, or both."""
    rest, skips = b"", False
    for block in blocks:
        pieces = (rest + block).splitlines(keepends=True)
        # A carriage return at the end may be followed by the line feed that belongs to it.
        rest = pieces.pop() if pieces and not pieces[-1].endswith(b"\n") else b""
        for piece in pieces:
            line = piece.rstrip(b"\r\n")
            if skips:
                skips = False
            else:
                yield None if len(line) > MAX_LINE else line
        if len(rest) > MAX_LINE and not rest.endswith(b"\r"):
            if not skips:
                yield None
            rest, skips = b"", True
    if rest and not skips:
        yield rest.rstrip(b"\r")
