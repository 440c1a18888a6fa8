"""Sizes over time as the points of a line, to be drawn on the server. Pure."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from segments.sizes import HOUR, Size

TICKS = 4  # parts of the upright axis, at most one more
MOMENTS = 5  # on the level axis, evenly spread
STEPS = (1, 2, 5)  # of a power of ten


class Chart(NamedTuple):
    """A line in a field of `width` and `height`: `line` and `area` are points of SVG, `marks` where another version
    began to answer. `levels` (from the top) and `moments` (from the left) lie evenly on the axes."""

    width: int
    height: int
    line: str
    area: str
    marks: tuple[float, ...]
    levels: tuple[int, ...]
    moments: tuple[datetime, ...]
    first: Size
    last: Size
    lowest: int
    highest: int


def draw_chart(
    sizes: Sequence[Size], *, since: datetime, until: datetime, width: int, height: int, most: int = 400
) -> Chart | None:
    """The sizes from `since` to `until`, thinned out to `most` points; None when there are none."""
    shown = [size for size in sizes if size.hour + HOUR > since and size.hour <= until]
    if not shown:
        return None
    levels = _find_levels(max(size.people for size in shown))
    span, top = until - since, levels[0]

    def across(at: datetime) -> float:
        return round(width * min(max((at - since) / span, 0.0), 1.0), 1)

    def down(people: int) -> float:
        return round(height * (1 - people / top), 1)

    step = -(-len(shown) // most)
    kept = shown[-1::-step][::-1]
    points = [(across(shown[0].hour), down(kept[0].people))]
    points += [(across(size.hour + HOUR), down(size.people)) for size in kept]
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    return Chart(
        width=width,
        height=height,
        line=line,
        area=f"{points[0][0]:g},{height} {line} {points[-1][0]:g},{height}",
        marks=tuple(across(late.hour) for early, late in pairwise(shown) if early.version != late.version),
        levels=levels,
        moments=tuple(since + span * number / (MOMENTS - 1) for number in range(MOMENTS)),
        first=shown[0],
        last=shown[-1],
        lowest=min(size.people for size in shown),
        highest=max(size.people for size in shown),
    )


def _find_levels(highest: int) -> tuple[int, ...]:
    """Round numbers from above `highest` down to 0."""
    power = 1
    while True:
        for each in STEPS:
            step = each * power
            if step * TICKS >= highest:
                count = max(1, -(-highest // step))
                return tuple(step * number for number in range(count, -1, -1))
        power *= 10
