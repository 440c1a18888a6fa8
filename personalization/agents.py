"""What a browser says of itself, as fields of the context: device, browser and operating system."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ua_parser import parse

MAX_AGENT = 500  # characters looked at: no browser says more, and time is bounded
REMEMBERED = 4_096
FIELDS = ("device", "browser", "os")


def add_agent(context: Mapping[str, Any], header: str | None) -> Mapping[str, Any]:
    """`context` with what its own `userAgent`, or else the call's header, tells; what the caller says itself stays."""
    given = context.get("userAgent")
    agent = given if isinstance(given, str) else header
    if not agent:
        return context
    told = read_agent(agent[:MAX_AGENT])
    return {**context, **{name: _join(told[name], context.get(name)) for name in FIELDS}}


@lru_cache(REMEMBERED)
def read_agent(agent: str) -> Mapping[str, Mapping[str, str | None]]:
    """`device.type` (`desktop`, `mobile`, `tablet` or `bot`) and `device.brand`, `browser.name` and `browser.version`,
    `os.name`; None for what is not known."""
    found = parse(agent)
    browser, device = found.user_agent, found.device
    family, brand = (device.family, device.brand) if device else (None, None)
    return {
        "device": {"type": _type_of(agent, family), "brand": brand},
        "browser": {"name": browser.family if browser else None, "version": browser.major if browser else None},
        "os": {"name": found.os.family if found.os else None},
    }


def _type_of(agent: str, family: str | None) -> str:
    if family == "Spider":
        return "bot"
    if "iPad" in agent or ("Android" in agent and "Mobile" not in agent):
        return "tablet"  # Android's tablets are told apart by what they leave out
    return "mobile" if "Mobi" in agent or "iPhone" in agent else "desktop"


def _join(told: Mapping[str, Any], said: object) -> Mapping[str, Any]:
    return {**told, **said} if isinstance(said, Mapping) else told
