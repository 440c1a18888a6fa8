"""Where in the HTML of a template each merge tag stands, so that its text is written for that place or refused there.

A walk over the parsed template. Where branches meet they have to be in the same place of the HTML; a loop has to end
where it began."""

import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from liquid import BoundTemplate, Token
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode

from rules.html_reader import ANYTHING, QUOTES, TEXT, Outline, Reader, Spot, Where, go_on, is_address, is_host, is_url
from rules.liquid import CapturedNode, Place, SlotNode, refuse
from rules.markup import Escape, write_address, write_attribute, write_text, write_url, write_url_part

NEVER = {"style", "srcset", "sizes", "srcdoc", "ping", "http-equiv", "content", "target", "media", "is", "xmlns"}

_HANDLER = re.compile(r"on|data-on|data-hx-|hx-|data-bind|x-|v-|[@:]")
_MAY_END = {Where.IN_TAG, Where.SEAM, Where.ATTRIBUTE, Where.BEHIND_NAME, Where.UNQUOTED}  # by a space
_SAID = {
    Where.OPENING: "the name of a tag",
    Where.TAG_NAME: "the name of a tag",
    Where.IN_TAG: "the name of an attribute",
    Where.SEAM: "the name of an attribute",
    Where.ATTRIBUTE: "the name of an attribute",
    Where.BEHIND_NAME: "the name of an attribute",
    Where.COMMENT: "a comment",
    Where.DECLARATION: "a declaration",
}


def place_tags(template: BoundTemplate) -> Outline:
    """Gives each merge tag the way to write its text where it stands; raises LiquidError with the place of the first
    for which there is none."""
    walker = _Walker()
    end = walker.walk(template.nodes, TEXT)
    if end.where in _MAY_END or end.where in QUOTES or end.where in (Where.TAG_NAME, Where.BEFORE_VALUE):
        refuse("the HTML ends inside a tag; close it with >", template.nodes[-1].token)
    return walker.outline


class _Walker:
    def __init__(self) -> None:
        self.outline = Outline()
        self.depth = 0
        self._loop = TEXT

    def walk(self, nodes: Iterable[Node], spot: Spot) -> Spot:
        self.depth += 1
        for node in nodes:
            spot = self._visit(node, spot)
        self.depth -= 1
        return spot

    def _visit(self, node: Node, spot: Spot) -> Spot:
        if isinstance(node, ContentNode):
            return Reader(node, spot, self.outline).read()
        if spot.attribute == "style" and spot.where in QUOTES:
            refuse("a style is the same for everybody; keep Liquid out of it, or choose a class", node.token)
        if isinstance(node, Place):
            return _place(node, spot)
        if isinstance(node, SlotNode) and spot.where is not Where.TEXT:
            refuse("a slot stands between tags, never inside one", node.token)
        if isinstance(node, CapturedNode):
            node.html = True
            if self.walk(node.block.nodes, TEXT) != TEXT:
                refuse("what is captured ends inside a tag or a comment of its HTML", node.token)
        if isinstance(node, BreakNode | ContinueNode) and spot != self._loop:
            refuse("a loop is left inside a tag of its HTML; leave it where it began", node.token)
        if isinstance(node, ForNode):
            return self._loop_over(node, spot)
        if isinstance(node, IfNode | UnlessNode):
            ends = [self.walk(node.consequence.nodes, spot)]
            ends += [self.walk(each.block.nodes, spot) for each in node.alternatives]
            ends.append(spot if node.default is None else self.walk(node.default.nodes, spot))
            return _meet(ends, node.token)
        if isinstance(node, CaseNode):
            blocks = [block if isinstance(block, BlockNode) else block.block for block in node.blocks]
            return _meet([spot, *(self.walk(block.nodes, spot) for block in blocks)], node.token)
        return spot

    def _loop_over(self, node: ForNode, spot: Spot) -> Spot:
        outer, seen = self._loop, self.outline
        kept = Outline(list(seen.nodes), list(seen.tags), list(seen.unsure))
        self._loop = spot
        begins = _meet([spot, self.walk(node.block.nodes, spot)], node.token)
        if begins != spot:  # once more, as it is behind the first time
            self.outline, self._loop = kept, begins
            if _meet([begins, self.walk(node.block.nodes, begins)], node.token) != begins:
                refuse("the loop ends in another place of the HTML than it begins; let it end there", node.token)
        self._loop = outer
        if node.default is not None:
            return _meet([begins, self.walk(node.default.nodes, spot)], node.token)
        return begins


def _place(node: Place, spot: Spot) -> Spot:
    where = spot.where
    if where is Where.TEXT:
        node.escape = write_text
        return spot
    if where in QUOTES:
        node.escape = _choose_escape(spot, node)
        return go_on(spot, ANYTHING)
    if where in (Where.BEFORE_VALUE, Where.UNQUOTED):
        refuse(f'the value of {spot.attribute} needs quotes: {spot.attribute}="…"', node.token)
    _refuse_in(_SAID.get(where, f"<{spot.tag}>"), node)


def _choose_escape(spot: Spot, node: Place) -> Escape:
    name, value = spot.attribute, spot.value
    if name in NEVER or _HANDLER.match(name):
        _refuse_in(f"the attribute {name}", node)
    if not is_url(name):
        return write_attribute
    if value is None:
        refuse("it is not clear which part of the URL stands here; put the branches around the whole URL", node.token)
    if not value.strip():
        return write_url
    if is_host(value):
        _refuse_in("the host of a URL", node)
    if is_address(value):
        return write_address
    filters = getattr(node.expression, "filters", None)
    return write_attribute if filters and filters[-1].name == "url_encode" else write_url_part


def _meet(ends: Sequence[Spot], token: Token) -> Spot:
    """Where branches go on together."""
    first = ends[0]
    if all(end == first for end in ends):
        return first
    if all(end.where in _MAY_END and end.tag == first.tag for end in ends):
        return Spot(Where.SEAM, first.tag)
    if all(end[:3] == first[:3] and end.where in QUOTES for end in ends):
        return first._replace(value=None)
    refuse("its branches end in different places of the HTML; let each close what it opens of tags and values", token)


def _refuse_in(what: str, node: Node) -> NoReturn:
    refuse(
        f"a merge tag cannot be made safe in {what}; put it between tags, or into the quotes of another value",
        node.token,
    )
