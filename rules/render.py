"""Turns a block into what a visitor gets, the same way for every door: Liquid, then HTML made safe, JSON or e-mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import liquid
import msgspec
from liquid.exceptions import LiquidError

from rules.definitions import BlockDefinition
from rules.fallbacks import check_fallbacks
from rules.liquid import (
    MAX_OUTPUT,
    MAX_SOURCE,
    BadBlock,
    RenderFailed,
    Run,
    Seen,
    parse_template,
    render_template,
    say_error,
)
from rules.mail import Mail, Message, compile_mail
from rules.markup import clean_html
from rules.places import place_tags
from rules.shapes import Path, Shape

__all__ = ["BadBlock", "Block", "Message", "RenderFailed", "Seen", "compile_block", "compile_blocks"]
__all__ += ["render_block", "render_html", "render_message"]

KINDS = ("html", "json", "email", "recommendation")
MAX_DEPTH = 32  # of lists and objects within each other
MAX_RECOMMENDED = 50
MAX_NAME = 100  # characters of what recommendations are made from

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True)
class Data:
    """A JSON block whose strings are templates: parsed first, so that what they say stays inside their quotes."""

    value: Any  # each template in its place
    shape: Shape | None


@dataclass(frozen=True)
class Recommendation:
    """The place of recommendations, and what is shown in it while there are none."""

    fallback: "Block | None"


@dataclass(frozen=True)
class Block:
    """A block ready to render. `fixed` holds the JSON answer of one that is the same for everybody. Days are those of
    `zone`."""

    slug: str
    kind: str
    zone: ZoneInfo
    content: liquid.BoundTemplate | Data | Mail | Recommendation | None
    fixed: msgspec.Raw | None = None

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots that an e-mail has places for."""
        return self.content.slots if isinstance(self.content, Mail) else ()


def compile_block(slug: str, definition: BlockDefinition, *, zone: str = "UTC", fallback: Block | None = None) -> Block:
    """The block ready to render; raises BadBlock. `fallback` is the block that a recommendation names."""
    kind, source = definition.kind, definition.source
    try:
        if kind not in KINDS:
            raise BadBlock(f"unknown kind of block {kind!r}; use one of {', '.join(KINDS)}", field="kind")
        if len(source) > MAX_SOURCE:
            raise BadBlock(f"the source has {len(source)} characters; {MAX_SOURCE} is the most")
        place = ZoneInfo(zone)
        if kind == "json":
            return _compile_json(slug, definition, place)
        if kind == "email":
            return Block(slug, kind, place, compile_mail(definition))
        if kind == "recommendation":
            return Block(slug, kind, place, _compile_recommendation(definition, fallback))
        return _compile_html(slug, source, place)
    except BadBlock as error:
        raise BadBlock(f"{slug}: {error}", field=error.field) from error
    except LiquidError as error:
        raise BadBlock(f"{slug}: {say_error(error)}") from error
    except RecursionError as error:
        raise BadBlock(f"{slug}: its parts are nested too deep; make it flatter") from error


def compile_blocks(definitions: Mapping[str, BlockDefinition], *, zone: str = "UTC") -> dict[str, Block]:
    """All blocks of a Book, each recommendation with its fallback."""
    blocks = {
        slug: compile_block(slug, definition, zone=zone)
        for slug, definition in definitions.items()
        if definition.kind != "recommendation"
    }
    for slug, definition in definitions.items():
        if definition.kind == "recommendation":
            fallback = blocks.get(definition.fallback or "")
            if fallback is None or isinstance(fallback.content, Recommendation):
                raise BadBlock(f"{slug}: there is no block {definition.fallback} to fall back to", field="fallback")
            blocks[slug] = compile_block(slug, definition, zone=zone, fallback=fallback)
    return blocks


def render_block(block: Block, seen: Seen) -> msgspec.Raw:
    """The block as JSON: {"slug", "kind"} with "html", "json", or "subject", "html" and "text"; raises RenderFailed.

    In the place of recommendations it is the block they fall back to, which says for whom in "fallbackFor"."""
    if block.fixed is not None:
        return block.fixed
    if isinstance(block.content, Recommendation):
        fallback = block.content.fallback
        if fallback is None:
            raise RenderFailed(f"{block.slug}: nothing is recommended, and there is nothing to fall back to")
        answer = _fill(fallback, seen)
        return _encode({"slug": fallback.slug, "kind": fallback.kind, **answer, "fallbackFor": block.slug})
    return _encode({"slug": block.slug, "kind": block.kind, **_fill(block, seen)})


def render_html(block: Block, seen: Seen) -> str:
    """The HTML of a block in a slot of an e-mail; raises RenderFailed, also for blocks that have none."""
    answer = msgspec.json.decode(render_block(block, seen))
    if answer["kind"] != "html":
        raise RenderFailed(f"{block.slug}: {answer['kind']} has no place inside an e-mail")
    return str(answer["html"])


def render_message(block: Block, seen: Seen) -> Message:
    """The e-mail for one person, byte for byte the same for sending, testing and viewing; raises RenderFailed."""
    if not isinstance(block.content, Mail):
        raise RenderFailed(f"{block.slug} is no e-mail")
    return Message(**_fill(block, seen))


def _fill(block: Block, seen: Seen) -> dict[str, Any]:
    """What a block says to one person, by field."""
    if block.fixed is not None:
        said: dict[str, Any] = msgspec.json.decode(block.fixed)
        return {field: said[field] for field in said.keys() - {"slug", "kind"}}
    try:
        run = Run(seen, block.zone)
        if isinstance(block.content, liquid.BoundTemplate):
            return {"html": clean_html(render_template(block.content, run))}
        if isinstance(block.content, Mail):
            return block.content.render(run)._asdict()
        assert isinstance(block.content, Data)  # compile_block gives one of them
        value = _fill_value(block.content.value, run, [MAX_OUTPUT])
        if block.content.shape is not None:
            block.content.shape.check_rendered(value)
        return {"json": value}
    except RenderFailed as error:
        raise RenderFailed(f"{block.slug}: {error}") from error
    except Exception as error:
        # Filters raise whatever the data makes them raise, and one block must never take the others with it.
        said_why = say_error(error) if isinstance(error, LiquidError) else f"{type(error).__name__}: {error}"
        raise RenderFailed(f"{block.slug}: {said_why}") from error


def _compile_html(slug: str, source: str, zone: ZoneInfo) -> Block:
    template = parse_template(source)
    check_fallbacks(template, html=True)
    if not _is_liquid(source):
        return Block(slug, "html", zone, None, _encode({"slug": slug, "kind": "html", "html": clean_html(source)}))
    place_tags(template)
    return Block(slug, "html", zone, template)


def _compile_json(slug: str, definition: BlockDefinition, zone: ZoneInfo) -> Block:
    try:
        value = msgspec.json.decode(definition.source)
    except msgspec.DecodeError as error:
        raise BadBlock(f"not JSON: {error}") from error
    shape = None if definition.shape is None else Shape(definition.shape)
    templates: list[Path] = []
    content = Data(_compile_value(value, (), templates), shape)
    if shape is not None:
        shape.check_source(value, templates)
    if templates:
        return Block(slug, "json", zone, content)
    return Block(slug, "json", zone, None, _encode({"slug": slug, "kind": "json", "json": value}))


def _compile_value(value: Any, path: Path, templates: list[Path]) -> Any:
    if len(path) > MAX_DEPTH:
        raise BadBlock(f"lists and objects are nested too deep; {MAX_DEPTH} is the most")
    if isinstance(value, list):
        return [_compile_value(each, (*path, place), templates) for place, each in enumerate(value)]
    if isinstance(value, dict):
        if named := next(filter(_is_liquid, value), None):
            raise BadBlock(f"at {_say_path(path)}: the name {named!r} cannot hold Liquid; names are the same for all")
        return {name: _compile_value(each, (*path, name), templates) for name, each in value.items()}
    if not isinstance(value, str) or not _is_liquid(value):
        return value
    try:
        template = parse_template(value)
        check_fallbacks(template, html=False)
    except LiquidError as error:
        raise BadBlock(f"at {_say_path(path)}: {say_error(error)}") from error
    templates.append(path)
    return template


def _fill_value(value: Any, run: Run, left: list[int]) -> Any:
    """`value` with its templates rendered; `left` is what they may still write, all together."""
    if isinstance(value, liquid.BoundTemplate):
        text = render_template(value, run)
        left[0] -= len(text)
        if left[0] < 0:
            raise RenderFailed(f"it says more than {MAX_OUTPUT} characters")
        return text
    if isinstance(value, list):
        return [_fill_value(each, run, left) for each in value]
    if isinstance(value, dict):
        return {name: _fill_value(each, run, left) for name, each in value.items()}
    return value


def _compile_recommendation(definition: BlockDefinition, fallback: Block | None) -> Recommendation:
    try:
        said = msgspec.json.decode(definition.source)
    except msgspec.DecodeError as error:
        raise BadBlock(f"not JSON: {error}") from error
    if not isinstance(said, dict) or not said.keys() <= {"limit", "from"}:
        raise BadBlock('a recommendation says {"limit": 4, "from": "…"} and nothing else')
    limit, source = said.get("limit", 4), said.get("from", "")
    if type(limit) is not int or not 1 <= limit <= MAX_RECOMMENDED:
        raise BadBlock(f'"limit" is a whole number from 1 to {MAX_RECOMMENDED}')
    if not isinstance(source, str) or len(source) > MAX_NAME:
        raise BadBlock(f'"from" is a text of at most {MAX_NAME} characters')
    if not definition.fallback:
        raise BadBlock("a recommendation needs a block to fall back to", field="fallback")
    return Recommendation(fallback)


def _is_liquid(text: str) -> bool:
    return "{{" in text or "{%" in text


def _say_path(path: Path) -> str:
    return ".".join(map(str, path)) or "the whole"


def _encode(answer: Mapping[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(_JSON.encode(answer))
