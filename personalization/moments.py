"""What a caller says of the moment, as it can be kept beside the decision: no numbers or depths that no store takes.

Decisions of the same moment share one write, so that what cannot be written of one would be nobody's.
"""

from collections.abc import Mapping
from typing import Any

from ingestion.parse_values import LARGEST, SMALLEST

DEEPEST = 8  # containers in each other; what lies deeper is left out


def tame(context: Mapping[str, Any], depth: int = DEEPEST) -> dict[str, Any]:
    """The same, with whole numbers beyond 64 bits as the nearest others, as in a browser."""
    return {name: _tame(value, depth) for name, value in context.items()}


def _tame(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is int:
        return value if SMALLEST <= value <= LARGEST else _round(value)
    if kind is not dict and kind is not list:
        return value
    if depth == 0:
        return None
    return tame(value, depth - 1) if kind is dict else [_tame(each, depth - 1) for each in value]


def _round(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None
