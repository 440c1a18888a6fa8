"""Windows: from which millisecond to which an event counts, and when it ceases to."""

from collections.abc import Callable

from segments.conditions.calendar import Calendar
from segments.conditions.dates import find_ends
from segments.conditions.language import RETENTION_MS, Dates, Did, Last, Node, Problem, Sequence, This, Window, walk

# now -> (first, last) millisecond that counts, both inclusive
Bounding = Callable[[int], tuple[int, int]]


def compile_window(window: Window, calendar: Calendar) -> Bounding:
    """The bounds of a window by the clock: never ahead of now, never further back than profiles remember."""
    match window:
        case Last(ms=ms):
            return lambda now: (now - ms, now)
        case This(unit=unit):
            return lambda now: (calendar.start_of(unit, now), now)
        case Dates(start=start, end=end):
            low, high = find_ends(start, end, calendar)
            return lambda now: (max(low, now - RETENTION_MS), min(high, now))


def compile_leaving(window: Window, calendar: Calendar) -> Callable[[int, int], int]:
    """(moment, now) -> when an event of that moment, inside the window now, is in it no more."""
    match window:
        case Last(ms=ms):
            return lambda at, now: at + ms + 1
        case This(unit=unit):
            return lambda at, now: calendar.next_start(unit, now)
        case Dates():
            return lambda at, now: at + RETENTION_MS + 1


def find_forgotten(root: Node, calendar: Calendar, now: int) -> list[Problem]:
    """Where a condition asks for dates further back than profiles remember: a warning, since time alone brings it."""
    found = []
    for node in walk(root):
        if isinstance(node, (Did, Sequence)) and isinstance(node.window, Dates):
            low, _ = find_ends(node.window.start, node.window.end, calendar)
            if low < now - RETENTION_MS:
                day = calendar.day_of(now - RETENTION_MS)
                message = f"events before {day} are no longer remembered; what is older does not count"
                found.append(Problem(node.id, message))
    return found
