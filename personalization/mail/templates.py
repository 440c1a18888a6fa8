"""The e-mail blocks that messages are made of, each with what it can print of a person."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from rules.book import LiveBook
from rules.definitions import BlockDefinition
from rules.render import Block, compile_block

EMAIL = "email"
INLINE = "inline"  # what a template that is not published is called

_OF_PERSON = re.compile(r"\bprofile\b(?:\s*\.\s*(?:traits\s*\.\s*(?P<trait>[\w-]+)|(?P<field>user_id|segments))\b)?")


class UnknownTemplate(LookupError):
    """The Book in force has no such block."""


class BadTemplate(ValueError):
    """The block is of another kind, or cannot be rendered."""


@dataclass(frozen=True)
class Prints:
    """What sources can print of a person: the traits they name, None for any; whether they ask for segments."""

    traits: frozenset[str] | None
    segments: bool


@dataclass(frozen=True)
class Template:
    """An e-mail block ready to render. `asks_view` says whether it leads to itself in the browser."""

    block: Block
    source: str
    asks_view: bool


def find_template(live: LiveBook, slug: str) -> Template:
    """An e-mail block of a Book; raises UnknownTemplate, BadTemplate."""
    definition, block = live.book.blocks.get(slug), live.blocks.get(slug)
    if definition is None or block is None:
        raise UnknownTemplate(f"Book {live.book.number} has no block {slug!r}; publish it, or send it inline")
    if definition.kind != EMAIL:
        raise BadTemplate(f"the block {slug!r} is of the kind {definition.kind!r}, not {EMAIL!r}")
    return _describe(block, definition)


@lru_cache(32)
def compile_inline(definition: BlockDefinition, zone: str) -> Template:
    """A template that is not published; raises BadBlock."""
    return _describe(compile_block(INLINE, definition, zone=zone), definition)


def list_prints(live: LiveBook, template: Template, shown: Iterable[str]) -> Prints:
    """What the template and the blocks of its slots can print."""
    sources = [template.source]
    sources += [live.book.blocks[slug].source for slug in shown if slug in live.book.blocks]
    return _read_prints(tuple(sources))


@lru_cache(1_024)
def _read_prints(sources: Collection[str]) -> Prints:
    """A source that speaks of the profile in any other way than by a trait's name may print all of it."""
    found = [each for source in sources for each in _OF_PERSON.finditer(source)]
    if any(each["trait"] is None and each["field"] is None for each in found):
        return Prints(None, segments=True)
    traits = frozenset(each["trait"] for each in found if each["trait"] is not None)
    return Prints(traits, segments=any(each["field"] == "segments" for each in found))


def _describe(block: Block, definition: BlockDefinition) -> Template:
    source = "\n".join((definition.subject, definition.source, definition.text))
    return Template(block, source, "view_url" in source)
