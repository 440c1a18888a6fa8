"""The Book in force in this process: compiled once from its payload, used until the next one is swapped in."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from rules.definitions import BookPayload
from rules.engine import EMPTY_BOOK, Book, compile_book
from rules.render import Block, compile_blocks

_decoder = msgspec.json.Decoder(BookPayload)


@dataclass(frozen=True)
class LiveBook:
    """A Book with its blocks ready to render, and what it says."""

    book: Book
    blocks: Mapping[str, Block]
    payload: BookPayload

    @cached_property
    def segment_names(self) -> Mapping[str, str]:
        """The names of segments, by slug."""
        return {segment.slug: segment.name for segment in self.payload.segments}


NO_BOOK = LiveBook(EMPTY_BOOK, {}, BookPayload(v=1, number=0))


def load_book(payload: bytes) -> LiveBook:
    """The runnable form of a stored payload; raises ValueError for one that was not published by this product."""
    definition = _decoder.decode(payload)
    blocks = compile_blocks(definition.blocks, zone=definition.zone)
    return LiveBook(compile_book(definition), blocks, definition)
