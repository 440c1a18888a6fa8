"""Reads the constant parts of a template as the HTML that they are, the way a browser reads it."""

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from liquid.builtin.content import ContentNode

from rules.liquid import refuse

RAW_ELEMENTS = {
    *("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"),
}
URL_ATTRIBUTES = {"href", "src", "cite", "action", "formaction", "poster", "background", "data", "longdesc"}
ANYTHING = "\0"  # stands for a merge tag in a value

_NAME = re.compile(r"[^\s/>]*")
_ATTRIBUTE = re.compile(r"=?[^\s/>=]*")
_GAP = re.compile(r"[\s/]*")
_SPACE = re.compile(r"\s*")
_UNQUOTED = re.compile(r"[^\s>]*")
_COMMENT = re.compile(r"<!--(?:-?>)?")
_COMMENT_END = re.compile(r"--!?>")
_UNDECIDED = re.compile(r"<(?:/|!-?)?\Z")  # could still become anything
_HOST = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}[^/?#\\]*|\s*https?:[/\\]?|[^/?#\\]*\0[^/?#\\]*", re.IGNORECASE)
_MAIL = re.compile(r"\s*(?:mailto|tel):[^?]*", re.IGNORECASE)


class Where(Enum):
    """What is being read of the HTML."""

    TEXT = auto()
    OPENING = auto()  # `<`, of which is not yet clear what it opens
    TAG_NAME = auto()
    IN_TAG = auto()
    SEAM = auto()  # in a tag, behind branches that may or may not have ended in a name
    ATTRIBUTE = auto()
    BEHIND_NAME = auto()
    BEFORE_VALUE = auto()
    DOUBLE_QUOTED = auto()
    SINGLE_QUOTED = auto()
    UNQUOTED = auto()
    COMMENT = auto()
    DECLARATION = auto()
    RAW = auto()


class Spot(NamedTuple):
    """Where the reader is, the names it has read so far, and of a value what it has read; None where that differs
    between branches."""

    where: Where = Where.TEXT
    tag: str = ""
    attribute: str = ""
    value: str | None = ""


class Part(NamedTuple):
    """A stretch of a constant part of the template."""

    node: ContentNode
    start: int
    end: int


@dataclass
class StartTag:
    """A tag of the HTML: the point right behind its name, those of its attributes that are constant, and of an element
    of raw text all that stands before its end tag, and the text."""

    name: str
    behind_name: Part
    start: Part
    attributes: dict[str, tuple[str, Part]] = field(default_factory=dict)
    raw: tuple[str, Part] | None = None


@dataclass
class Outline:
    """The constant parts of a template in their order, the tags they open, and what of attributes depends on Liquid."""

    nodes: list[ContentNode] = field(default_factory=list)
    tags: list[StartTag] = field(default_factory=list)
    unsure: list[Part] = field(default_factory=list)


TEXT = Spot()
QUOTES = {Where.DOUBLE_QUOTED: '"', Where.SINGLE_QUOTED: "'"}


class Reader:
    """Reads one constant part as the HTML that it is, from where the one before it ended."""

    def __init__(self, node: ContentNode, spot: Spot, outline: Outline) -> None:
        self._node = node
        self._outline = outline
        self._spot = spot
        self._text = node.text
        self._at = 0
        self._opened = 0  # where the tag that is being read begins
        self._named = -1  # where the attribute that is being read begins; -1: in another part
        self._tag = outline.tags[-1] if outline.tags else None

    def read(self) -> Spot:
        self._outline.nodes.append(self._node)
        if self._spot.where is Where.OPENING:
            return self._read_opening()
        if self._spot.where in QUOTES:
            end = self._text.find(QUOTES[self._spot.where])
            self._outline.unsure.append(self._part(0, len(self._text) if end < 0 else end))
        while self._at < len(self._text):
            _READ[self._spot.where](self)
        return self._spot

    def _read_opening(self) -> Spot:
        """What the part before has left open; reads on as if it stood here."""
        whole = self._spot.tag + self._text
        kept, self._node = self._node, ContentNode(self._node.token, whole)
        self._text, self._spot = whole, TEXT
        before = len(self._outline.tags)
        while self._at < len(self._text):
            _READ[self._spot.where](self)
        if len(self._outline.tags) > before:
            refuse("Liquid cannot stand inside the name of a tag", kept.token)
        return self._spot

    def _part(self, start: int, end: int) -> Part:
        return Part(self._node, start, end)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None  # these patterns match nothing too
        self._at = found.end()
        return found[0]

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _read_text(self) -> None:
        self._at = self._text.find("<", self._at)
        if self._at < 0:
            self._at = len(self._text)
            return
        rest = self._text[self._at : self._at + 4]
        if _UNDECIDED.match(self._text, self._at):
            self._spot, self._at = Spot(Where.OPENING, self._text[self._at :]), len(self._text)
        elif rest == "<!--":
            self._spot = TEXT if self._match(_COMMENT).endswith(">") else Spot(Where.COMMENT)
        elif rest[1:2].isascii() and rest[1:2].isalpha():
            self._opened, self._at = self._at, self._at + 1
            self._spot = Spot(Where.TAG_NAME)
        elif rest[1] == "/" and rest[2:3].isascii() and rest[2:3].isalpha():
            self._at += 2
            self._spot = Spot(Where.TAG_NAME, "/")
        elif rest[1] in "/!?":
            self._at += 2
            self._spot = Spot(Where.DECLARATION)
            if rest[:3] == "</>":
                self._spot, self._at = TEXT, self._at + 1
        else:
            self._at += 1

    def _read_tag_name(self) -> None:
        began = self._at
        name = self._spot.tag + self._match(_NAME).lower()
        if self._at == len(self._text):
            if name.startswith("/"):
                self._spot = Spot(Where.TAG_NAME, name)
                return
            refuse("Liquid cannot stand inside the name of a tag", self._node.token)
        if not name.startswith("/"):
            if began == 0:
                refuse("Liquid cannot stand inside the name of a tag", self._node.token)
            tag = StartTag(name, self._part(self._at, self._at), self._part(self._opened, self._at))
            self._outline.tags.append(tag)
            self._tag = tag
        self._spot = Spot(Where.IN_TAG, name)

    def _read_tag(self) -> None:
        if self._spot.where is Where.SEAM and not (self._next().isspace() or self._next() in "/>"):
            refuse("put a space behind what may or may not be an attribute", self._node.token)
        self._match(_GAP)
        self._spot = Spot(Where.IN_TAG, self._spot.tag)
        if self._next() == ">":
            self._close()
        elif self._next():
            self._named = self._at
            self._spot = Spot(Where.ATTRIBUTE, self._spot.tag)

    def _close(self) -> None:
        self._at += 1
        name = self._spot.tag
        self._spot = Spot(Where.RAW, name) if name in RAW_ELEMENTS else TEXT

    def _read_attribute(self) -> None:
        if self._spot.attribute and self._next() == "=":
            self._read_behind_name()
            return
        name = self._spot.attribute + self._match(_ATTRIBUTE).lower()
        more = self._at == len(self._text)
        self._spot = Spot(Where.ATTRIBUTE if more else Where.BEHIND_NAME, self._spot.tag, name)

    def _read_behind_name(self) -> None:
        self._match(_SPACE)
        if self._next() == "=":
            self._at += 1
            self._spot = Spot(Where.BEFORE_VALUE, self._spot.tag, self._spot.attribute)
        elif self._next():
            self._spot = Spot(Where.IN_TAG, self._spot.tag)

    def _read_before_value(self) -> None:
        self._match(_SPACE)
        if self._next() == ">":
            self._close()
        elif self._next() in ('"', "'"):
            quote = Where.DOUBLE_QUOTED if self._next() == '"' else Where.SINGLE_QUOTED
            self._at += 1
            self._spot = self._spot._replace(where=quote)
            end = self._text.find(QUOTES[quote], self._at)
            if end >= 0:
                self._keep(self._text[self._at : end], end + 1)
        elif self._next():
            self._spot = self._spot._replace(where=Where.UNQUOTED)
            began = self._at
            found = _UNQUOTED.match(self._text, began)
            if found is not None and found.end() < len(self._text):
                self._keep(found[0], found.end())

    def _keep(self, value: str, end: int) -> None:
        """Notes an attribute whose name and value stand in one part."""
        if self._tag is not None and self._named >= 0 and not self._spot.tag.startswith("/"):
            self._tag.attributes.setdefault(self._spot.attribute, (value, self._part(self._named, end)))
            self._named = -1

    def _read_quoted(self) -> None:
        end = self._text.find(QUOTES[self._spot.where], self._at)
        if end < 0:
            self._spot = go_on(self._spot, self._text[self._at :])
            self._at = len(self._text)
        else:
            self._spot, self._at = Spot(Where.IN_TAG, self._spot.tag), end + 1

    def _read_unquoted(self) -> None:
        self._match(_UNQUOTED)
        if self._next():
            self._spot = Spot(Where.IN_TAG, self._spot.tag)

    def _read_comment(self) -> None:
        found = _COMMENT_END.search(self._text, self._at)
        self._at = len(self._text) if found is None else found.end()
        self._spot = self._spot if found is None else TEXT

    def _read_declaration(self) -> None:
        end = self._text.find(">", self._at)
        self._at = len(self._text) if end < 0 else end + 1
        self._spot = self._spot if end < 0 else TEXT

    def _read_raw(self) -> None:
        name, began = self._spot.tag, self._at
        found = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(self._text, began)
        if found is None or name == "plaintext":
            self._at = len(self._text)
            return
        if self._tag is not None and self._tag.name == name and self._tag.start.node is self._node:
            whole = self._part(self._tag.start.start, found.start())
            self._tag.raw = self._text[began : found.start()], whole
        self._at = found.end()
        self._spot = Spot(Where.IN_TAG, f"/{name}")


_READ = {
    Where.TEXT: Reader._read_text,
    Where.TAG_NAME: Reader._read_tag_name,
    Where.IN_TAG: Reader._read_tag,
    Where.SEAM: Reader._read_tag,
    Where.ATTRIBUTE: Reader._read_attribute,
    Where.BEHIND_NAME: Reader._read_behind_name,
    Where.BEFORE_VALUE: Reader._read_before_value,
    Where.DOUBLE_QUOTED: Reader._read_quoted,
    Where.SINGLE_QUOTED: Reader._read_quoted,
    Where.UNQUOTED: Reader._read_unquoted,
    Where.COMMENT: Reader._read_comment,
    Where.DECLARATION: Reader._read_declaration,
    Where.RAW: Reader._read_raw,
}


def is_url(attribute: str) -> bool:
    return attribute.rpartition(":")[2] in URL_ATTRIBUTES


def is_host(url: str) -> bool:
    """Whether what comes next would be a part of the host."""
    return _HOST.fullmatch(url) is not None


def is_address(url: str) -> bool:
    return _MAIL.fullmatch(url) is not None


def go_on(spot: Spot, more: str) -> Spot:
    """Further in a value. Only of a URL is kept what has been read of it, and no more than it takes to tell its parts
    apart."""
    if spot.value is None or not is_url(spot.attribute):
        return spot
    value = spot.value + more
    settled = not is_host(value) and not is_address(value) and any(each in value for each in "/?#")
    return spot._replace(value="/" if settled else value)
