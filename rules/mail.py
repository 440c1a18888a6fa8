"""Turns an e-mail block into a message for one person: subject, HTML with its styles inlined, and text."""

import html as entities
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import css_inline
import liquid
from markupsafe import Markup
from liquid.exceptions import LiquidError

from profiles.profile import Profile
from rules.definitions import BlockDefinition
from rules.render import _ENVIRONMENT, MAX_SOURCE, BadBlock, RenderFailed


_SLOT = re.compile(r"""\{%\s*slot\s+["']([a-z0-9-]+)["']\s*%\}""")


@dataclass(frozen=True)
class Seen:
    """What a template sees."""

    profile: Profile
    context: Mapping[str, Any]
    now: int
    more: Mapping[str, Any] = field(default_factory=dict)


class Message(NamedTuple):
    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class MessageBlock:
    slug: str
    subject: liquid.BoundTemplate
    html: liquid.BoundTemplate
    text: liquid.BoundTemplate | None
    slots: tuple[str, ...]
    traits: frozenset[str] | None
    asks_view: bool


def compile_message(slug: str, definition: BlockDefinition) -> MessageBlock:
    """Raises BadBlock."""
    if len(definition.source) > MAX_SOURCE:
        raise BadBlock(f"{slug}: the source has {len(definition.source)} characters; {MAX_SOURCE} is the most")
    try:
        inlined = css_inline.CSSInliner(load_remote_stylesheets=False).inline(definition.source)
        said = (definition.subject, inlined, definition.text)
        parts = [_ENVIRONMENT.from_string(_SLOT.sub(r"{{ slots['\1'] }}", each)) for each in said]
    except (LiquidError, RecursionError) as error:
        raise BadBlock(f"{slug}: Liquid: {error}") from error
    found = [part.analyze() for part in parts]
    slots = {str(v.segments[1]) for each in found for v in each.globals.get("slots", []) if len(v.segments) > 1}
    return MessageBlock(
        slug,
        parts[0],
        parts[1],
        parts[2] if definition.text else None,
        tuple(sorted(slots)),
        None,
        any("view_url" in each.globals for each in found),
    )


def render_message(block: MessageBlock, seen: Seen) -> Message:
    """Raises RenderFailed."""
    profile = seen.profile
    said = {
        "profile": {
            "user_id": profile.user_id,
            "traits": {name: trait.value for name, trait in profile.traits.items()},
            "segments": list(profile.segments),
        },
        "context": seen.context,
        **seen.more,
        "slots": {slot: Markup(html) for slot, html in seen.more["slots"].items()},
    }
    try:
        subject = entities.unescape(" ".join(block.subject.render(**said).split()))
        html = block.html.render(**said)
        text = entities.unescape(block.text.render(**said)) if block.text else write_text(html)
    except (LiquidError, ArithmeticError, TypeError, ValueError, RecursionError) as error:
        raise RenderFailed(f"{block.slug}: {type(error).__name__}: {error}") from error
    return Message(subject, html, text)


def write_text(html: str) -> str:
    body = re.sub(r"(?is)<(style|script|title).*?</\1>", "", html)
    body = re.sub(r'(?is)<a\s[^>]*?href="([^"]*)"[^>]*>(.*?)</a>', r"\2 (\1)", body)
    return entities.unescape(re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]+>", "", body))).strip()
