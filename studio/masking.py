"""What says who somebody is, as it is shown to those to whom personal data was not granted."""

from collections.abc import Mapping
from typing import Any

HIDDEN = "•••"
KEPT = ("country", "language", "locale", "timezone", "plan", "currency", "gender", "createdAt", "created_at")
KEPT_LETTERS = 1


def mask(text: str) -> str:
    """`anna@example.com` as `a•••@e•••`; of anything else the first letter."""
    if not text:
        return text
    name, at, host = text.partition("@")
    if at and name and host:
        return f"{name[:KEPT_LETTERS]}{HIDDEN}@{host[:KEPT_LETTERS]}{HIDDEN}"
    return f"{text[:KEPT_LETTERS]}{HIDDEN}"


def mask_values(value: Any, name: str = "") -> Any:
    """Traits or properties with every text masked, but for those that many people share. Numbers and flags stay."""
    if isinstance(value, Mapping):
        return {key: mask_values(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask_values(inner, name) for inner in value]
    if isinstance(value, str) and name not in KEPT:
        return mask(value)
    return value
