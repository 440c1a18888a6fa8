"""Blocks of the tests: compiled from a line, rendered for a person of a line."""

from collections.abc import Mapping
from typing import Any

import msgspec

from profiles.profile import Profile, Trait
from rules.definitions import BlockDefinition
from rules.render import Block, Message, Seen, compile_block, render_block, render_message

NOW = 1_782_900_000_000  # Wednesday, 1 July 2026, 10:00 UTC


def person(**traits: Any) -> Profile:
    return Profile(id="1", traits={name: Trait(value, 1) for name, value in traits.items()})


def seen(profile: Profile | None = None, context: Mapping[str, Any] | None = None, **more: Any) -> Seen:
    return Seen(profile or person(), context or {}, NOW, **more)


def make(source: str, kind: str = "html", **said: Any) -> Block:
    zone = said.pop("zone", "UTC")
    fallback = said.pop("instead", None)
    return compile_block("b", BlockDefinition(kind, source, **said), zone=zone, fallback=fallback)


def answer(block: Block, at: Seen) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.json.decode(render_block(block, at))
    return said


def html(source: str, profile: Profile | None = None, context: Mapping[str, Any] | None = None, **more: Any) -> str:
    """The HTML of a block for one person."""
    return str(answer(make(source, zone=more.pop("zone", "UTC")), seen(profile, context, **more))["html"])


def data(source: str, profile: Profile | None = None, **said: Any) -> Any:
    """What a JSON block says to one person."""
    return answer(make(source, "json", **said), seen(profile))["json"]


def mail(source: str, at: Seen | None = None, **said: Any) -> Message:
    return render_message(make(source, "email", **{"subject": "Hello", **said}), at or seen())
