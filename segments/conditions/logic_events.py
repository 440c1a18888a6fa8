"""What follows from what somebody did: which counts and sums a condition allows, and of which others it tells. Pure."""

from collections.abc import Callable
from collections.abc import Sequence as Ordered
from itertools import combinations
from math import ceil, floor, inf
from typing import Any

from profiles.profile import DAY_MS
from segments.conditions.calendar import Calendar
from segments.conditions.dates import find_ends
from segments.conditions.events import to_parts_of
from segments.conditions.language import RETENTION_MS, Dates, Did, Last, Sequence, Step, Test, This, Window
from segments.conditions.logic_tests import excludes_test, implies_test, is_impossible_test

# Whole numbers from one to another, both included; of sums, in ten-thousandths.
Piece = tuple[float, float]

# Longer than any of them, wherever the clock is put forward or back.
LONGEST = {"day": 2 * DAY_MS, "week": 8 * DAY_MS, "month": 32 * DAY_MS}


def list_pieces(node: Did, holds: bool, calendar: Calendar) -> list[Piece]:
    """What the measure can be where the node holds, or where it does not."""
    low, high = find_domain(node, calendar)
    asked = _read_asked(node)
    if node.did is holds:
        pieces = [asked]
    else:
        pieces = [(-inf, asked[0] - 1), (asked[1] + 1, inf)] if asked[0] <= asked[1] else [(-inf, inf)]
    clipped = [(max(low, start), min(high, end)) for start, end in pieces]
    return [(start, end) for start, end in clipped if start <= end and start < inf and end > -inf]


def find_domain(node: Did, calendar: Calendar) -> Piece:
    """What the measure can be at all."""
    if is_empty_window(node.window, calendar) or not _can_pass(node.where, calendar):
        return 0, 0
    return (-inf, inf) if node.measure == "sum" else (0, inf)


def find_reach(a: Did, piece: Piece, b: Did, calendar: Calendar) -> Piece | None:
    """What the measure of `b` can be where that of `a` lies in a piece; None where nothing is known."""
    if a.event != b.event or a.measure != b.measure or a.of != b.of:
        return None
    is_narrower = are_among(a, b, calendar)
    is_wider = are_among(b, a, calendar)
    if is_narrower and is_wider:
        return piece
    if a.measure == "sum":  # what is added may be less than nothing
        return None
    if is_narrower:
        return piece[0], inf
    return (0, piece[1]) if is_wider else None


def are_among(a: Did, b: Did, calendar: Calendar) -> bool:
    """Whether the events that count for `a` always count for `b`, which is about the same name."""
    if a.measure == "sum" and (a.window is None) != (b.window is None):
        return False
    return lies_in_window(a.window, b.window, calendar) and is_narrower(a.where, b.where, calendar)


def is_narrower(a: Ordered[Test], b: Ordered[Test], calendar: Calendar) -> bool:
    """Whether an event that passes all tests of `a` passes all of `b`."""
    return all(any(one.name == other.name and implies_test(one, other, calendar) for one in a) for other in b)


def lies_in_window(a: Window | None, b: Window | None, calendar: Calendar) -> bool:
    """Whether a moment that is in `a` is in `b`, at any time."""
    match a, b:
        case _, None:
            return True
        case Last(ms=inner), Last(ms=outer):
            return inner <= outer
        case This(unit=inner), This(unit=outer):
            return inner == outer or inner == "day"
        case This(unit=unit), Last(ms=ms):
            return ms >= LONGEST[unit]
        case Dates(), Last(ms=ms):
            return ms >= RETENTION_MS
        case Dates(), Dates():
            (low, high), (start, end) = find_ends(a.start, a.end, calendar), find_ends(b.start, b.end, calendar)
            return low >= start and high <= end
    return False


def is_empty_window(window: Window | None, calendar: Calendar) -> bool:
    if not isinstance(window, Dates):
        return False
    low, high = find_ends(window.start, window.end, calendar)
    return low > high


def is_rarer(a: Sequence, b: Sequence, calendar: Calendar) -> bool:
    """Whether events that make the chain of `a` make that of `b`."""
    if len(a.steps) != len(b.steps) or not lies_in_window(a.window, b.window, calendar):
        return False
    return all(_is_rarer_step(one, other, calendar) for one, other in zip(a.steps, b.steps, strict=True))


def _is_rarer_step(a: Step, b: Step, calendar: Calendar) -> bool:
    if (a.event, a.did) != (b.event, b.did):
        return False
    if not a.did:  # the shorter one waits for it, and the more it lets pass, the more often it did not happen
        same = is_narrower(a.where, b.where, calendar) and is_narrower(b.where, a.where, calendar)
        return same and a.within_ms == b.within_ms
    return is_narrower(a.where, b.where, calendar) and (a.within_ms or 0) <= (b.within_ms or 0)


def is_part(node: Did, chain: Sequence, calendar: Calendar) -> bool:
    """Whether a chain has an event that counts for the node: the first one in its window, and those after it where the
    window ends now."""
    if node.measure != "count":
        return False
    ends_now = not isinstance(chain.window, Dates)
    return any(
        step.did
        and step.event == node.event
        and (number == 0 or ends_now or node.window is None)
        and lies_in_window(chain.window, node.window, calendar)
        and is_narrower(step.where, node.where, calendar)
        for number, step in enumerate(chain.steps)
    )


def is_impossible_chain(chain: Sequence, calendar: Calendar) -> bool:
    return is_empty_window(chain.window, calendar) or any(
        step.did and not _can_pass(step.where, calendar) for step in chain.steps
    )


def _can_pass(where: Ordered[Test], calendar: Calendar) -> bool:
    if any(is_impossible_test(test, calendar) for test in where):
        return False
    pairs = combinations(where, 2)
    return not any(one.name == other.name and excludes_test(one, other, calendar) for one, other in pairs)


def is_known(node: Did) -> bool:
    """Whether anything can be said of its measure, and of how it is compared."""
    return node.op in _ASKED and node.measure in ("count", "sum", "distinct")


def _read_asked(node: Did) -> Piece:
    """The whole numbers that compare as asked; none where the first is above the second."""
    value: Any = node.value
    if node.measure == "sum":
        value = tuple(map(to_parts_of, value)) if isinstance(value, tuple) else to_parts_of(value)
    return _ASKED[node.op](value)


_ASKED: dict[str, Callable[[Any], Piece]] = {
    "at_least": lambda value: (ceil(value), inf),
    "more_than": lambda value: (floor(value) + 1, inf),
    "at_most": lambda value: (-inf, floor(value)),
    "less_than": lambda value: (-inf, ceil(value) - 1),
    "exactly": lambda value: (ceil(value), floor(value)),
    "between": lambda value: (ceil(value[0]), floor(value[1])),
}
