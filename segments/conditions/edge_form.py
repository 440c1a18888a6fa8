"""The form in which a device gets a condition: JSON in which nothing is left to be read but facts.

Lengths are milliseconds, fixed dates their bounds, thresholds of sums ten-thousandths; node ids stay behind. What is
true of the language without being said (`did`, an empty `where`) is not said here either.
"""

from collections.abc import Callable, Iterable
from typing import Any

from segments.conditions.calendar import Calendar
from segments.conditions.dates import find_bounds, find_ends
from segments.conditions.events import to_parts_of
from segments.conditions.language import (
    Dates,
    Did,
    DidWhen,
    Group,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Last,
    Node,
    Sequence,
    Step,
    Test,
    This,
    Window,
)

# What tracker/src/conditions/index.js reads. A new operator or kind is refused by older readers; whatever else they
# would misread takes the next number.
FORM = 1
LIES_IN = "lies_in"  # the operator of fixed dates: between these moments, or these days

Json = dict[str, Any]


def write_form(root: Node, calendar: Calendar) -> Json:
    """The whole condition, whatever it asks. Dates of days are those of `calendar`, as when it is evaluated here."""
    return {"v": FORM, "root": _write(root, calendar)}


def _write(node: Node, calendar: Calendar) -> Json:
    match node:
        case Group(kind=kind, children=children):
            return {"kind": kind, "children": [_write(child, calendar) for child in children]}
        case Did():
            return {"kind": "event", **_write_did(node, calendar)}
        case DidWhen(event=event, did=did, which=which, test=test):
            asked = _write_operand(test, calendar)
            return {"kind": "event", "event": event, "measure": which, **asked, **_unless(did)}
        case Sequence(steps=steps, window=window, did=did):
            written = [_write_step(step, calendar) for step in steps]
            return {"kind": "sequence", "steps": written, "window": _write_window(window, calendar), **_unless(did)}
        case InSegment(segment=slug):
            return {"kind": "segment", "name": slug}
        case HasTrait(test=test):
            return {"kind": "trait", **_write_test(test, calendar)}
        case InContext(test=test):
            return {"kind": "context", **_write_test(test, calendar)}
        case InCluster(test=test):
            return {"kind": "cluster", **_write_test(test, calendar)}
        case HasScore(test=test):
            return {"kind": "score", **_write_test(test, calendar)}


def _write_did(node: Did, calendar: Calendar) -> Json:
    written: Json = {"event": node.event, "measure": node.measure, "op": node.op}
    scale: Callable[[float], float] = to_parts_of if node.measure == "sum" else _shorten
    written["value"] = [scale(end) for end in node.value] if isinstance(node.value, tuple) else scale(node.value)
    if node.of is not None:
        written["of"] = node.of
    if node.window is not None:
        written["window"] = _write_window(node.window, calendar)
    return {**written, **_write_where(node.where, calendar), **_unless(node.did)}


def _write_step(step: Step, calendar: Calendar) -> Json:
    within = {} if step.within_ms is None else {"within": step.within_ms}
    return {"event": step.event, **within, **_write_where(step.where, calendar), **_unless(step.did)}


def _write_where(tests: Iterable[Test], calendar: Calendar) -> Json:
    written = [_write_test(test, calendar) for test in tests]
    return {"where": written} if written else {}


def _write_test(test: Test, calendar: Calendar) -> Json:
    return {"name": test.name, **_write_operand(test, calendar)}


def _write_operand(test: Test, calendar: Calendar) -> Json:
    if test.asks_date and test.op in ("before", "after", "between"):
        return {"op": LIES_IN, "value": list(find_bounds(test, calendar, now=0))}  # the same at every moment
    if test.value is None:
        return {"op": test.op}
    return {"op": test.op, "value": list(test.value) if isinstance(test.value, tuple) else test.value}


def _write_window(window: Window, calendar: Calendar) -> Json:
    match window:
        case Last(ms=ms):
            return {"last": ms}
        case This(unit=unit):
            return {"this": unit}
        case Dates(start=start, end=end):
            low, high = find_ends(start, end, calendar)
            return {"from": low, "to": high}


def _unless(did: bool) -> Json:
    return {} if did else {"did": False}


def _shorten(number: float) -> float:
    return int(number) if number == int(number) else number
