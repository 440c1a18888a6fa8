"""The audiences that have grown or shrunk most in a day."""

from collections.abc import Sequence
from typing import NamedTuple

from segments.health import Health

SHOWN = 6


class Mover(NamedTuple):
    """`percent` of what it was a day ago; None where nobody was in it."""

    health: Health
    change: int
    percent: int | None


def find_movers(segments: Sequence[Health]) -> list[Mover]:
    moved = [each for each in segments if each.day_change]
    moved.sort(key=lambda each: (-abs(each.day_change or 0), each.name.casefold()))
    return [_describe(each, each.day_change or 0) for each in moved[:SHOWN]]


def _describe(health: Health, change: int) -> Mover:
    before = (health.size or 0) - change
    return Mover(health, change, round(100 * change / before) if before > 0 else None)
