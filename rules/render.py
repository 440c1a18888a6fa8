"""Turns a block into what a visitor gets: Liquid with limits, HTML made safe, JSON as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import liquid
import msgspec
import nh3
from liquid.exceptions import LiquidError

from profiles.profile import Profile
from rules.definitions import BlockDefinition

MAX_SOURCE = 64_000  # characters of a block's source
KINDS = ("html", "json")

TAGS = nh3.ALLOWED_TAGS | {"section", "main", "button", "picture", "source"}
ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"class", "role", "lang", "dir", "title"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "loading"},
    "source": {"srcset", "sizes", "media", "type"},
    "button": {"type", "disabled"},
}
PREFIXES = {"data-", "aria-"}


class _Environment(liquid.Environment):
    """Liquid without files, and with bounds on everything a template can spend."""

    context_depth_limit = 10
    loop_iteration_limit = 2_000
    local_namespace_limit = 100_000
    output_stream_limit = 200_000


_ENVIRONMENT = _Environment(autoescape=True)
for _tag in ("include", "render"):
    del _ENVIRONMENT.tags[_tag]
_JSON = msgspec.json.Encoder()


class BadBlock(ValueError):
    """The block's source cannot be rendered; the message says where and how to mend it."""


class RenderFailed(Exception):
    """Rendering for this person went over a limit or met data it cannot use."""


@dataclass(frozen=True)
class Block:
    """A block ready to render. `fixed` holds the JSON answer of one that is the same for everybody."""

    slug: str
    kind: str
    template: liquid.BoundTemplate | None
    fixed: msgspec.Raw | None


def compile_block(slug: str, definition: BlockDefinition) -> Block:
    """Parses the source; raises BadBlock."""
    kind, source = definition.kind, definition.source
    if kind not in KINDS:
        raise BadBlock(f"{slug}: unknown kind of block {kind!r}; use one of {', '.join(KINDS)}")
    if len(source) > MAX_SOURCE:
        raise BadBlock(f"{slug}: the source has {len(source)} characters; {MAX_SOURCE} is the most")
    try:
        if kind == "json":
            return Block(slug, kind, None, _answer(slug, kind, "json", msgspec.json.decode(source)))
        template = _ENVIRONMENT.from_string(source)
    except msgspec.DecodeError as error:
        raise BadBlock(f"{slug}: not JSON: {error}") from error
    except LiquidError as error:
        raise BadBlock(f"{slug}: Liquid: {error}") from error
    except RecursionError as error:
        raise BadBlock(f"{slug}: its parts are nested too deep; make it flatter") from error
    if unknown := sorted(template.analyze().filters.keys() - _ENVIRONMENT.filters.keys()):
        raise BadBlock(f"{slug}: Liquid: there is no filter named {', '.join(unknown)}")
    if "{{" in source or "{%" in source:
        return Block(slug, kind, template, None)
    return Block(slug, kind, None, _answer(slug, kind, "html", clean_html(source)))


def compile_blocks(definitions: Mapping[str, BlockDefinition]) -> dict[str, Block]:
    return {slug: compile_block(slug, each) for slug, each in definitions.items() if each.kind != "email"}


def render_block(block: Block, profile: Profile, context: Mapping[str, Any]) -> msgspec.Raw:
    """The block for one person as JSON: {"slug", "kind", and "html" or "json"}; raises RenderFailed."""
    if block.fixed is not None:
        return block.fixed
    assert block.template is not None  # compile_block gives one or the other
    person = {
        "user_id": profile.user_id,
        "traits": {name: trait.value for name, trait in profile.traits.items()},
        "segments": list(profile.segments),
    }
    try:
        html = block.template.render(profile=person, context=context)
    except (LiquidError, ArithmeticError, TypeError, ValueError, RecursionError) as error:
        raise RenderFailed(f"{block.slug}: {type(error).__name__}: {error}") from error
    return _answer(block.slug, block.kind, "html", clean_html(html))


@lru_cache(maxsize=4_096)
def clean_html(html: str) -> str:
    """HTML without anything that runs: no scripts, handlers, frames, forms, styles or javascript: links."""
    return nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, generic_attribute_prefixes=PREFIXES)


def _answer(slug: str, kind: str, field: str, value: object) -> msgspec.Raw:
    return msgspec.Raw(_JSON.encode({"slug": slug, "kind": kind, field: value}))
