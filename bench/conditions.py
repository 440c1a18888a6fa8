"""The stream's evaluator alone: a hundred typical segments against one profile of 200 events."""

import time
from typing import Any

from bench.people import profile
from profiles.profile import Trait
from segments.conditions.parse import parse_condition
from segments.conditions.python import compile_condition

SEGMENTS = 100
EVENTS = 200
ROUNDS = 2_000
CATEGORIES = ("Outdoor", "Summer", "Home")
WINDOWS = (7, 14, 30, 60)


def measure_conditions() -> dict[str, Any]:
    """Microseconds for all the segments, the best and the median of many rounds; beside them the same number of calls
    of a function that does nothing."""
    now = time.time_ns() // 1_000_000
    person = profile("0b5f3c2e7d1a5a7e9c1b000000000001", EVENTS, seed=1)
    traits = {"country": "GB", "plan": "gold", "birthday": "1980-03-04"}
    for name, value in traits.items():
        person.traits[name] = Trait(value, now)
    conditions = [compile_condition(parse_condition({"v": 1, "root": _typical(number)})) for number in range(SEGMENTS)]
    taken = []
    for moment in range(now, now + ROUNDS):  # no two rounds ask about the same moment
        started = time.perf_counter()
        for condition in conditions:
            condition.matches(person, {}, {}, moment)
        taken.append(time.perf_counter() - started)
    taken.sort()
    nothing = compile_condition(parse_condition({"v": 1, "root": {"id": "s", "kind": "segment", "segment": "s"}}))
    started = time.perf_counter()
    for moment in range(now, now + ROUNDS * SEGMENTS):
        nothing.matches(person, {}, {}, moment)
    baseline = (time.perf_counter() - started) / ROUNDS
    return {
        "best_us": round(taken[0] * 1e6),
        "median_us": round(taken[ROUNDS // 2] * 1e6),
        "least_possible_us": round(baseline * 1e6),
        "ratio": round(taken[ROUNDS // 2] / baseline, 1),
    }


def _typical(number: int) -> dict[str, Any]:
    """One of the ten kinds of segments a shop has, with a category and a window of its own."""
    window = {"last": WINDOWS[number % 4], "unit": "days"}
    outdoor = [{"property": "category", "op": "is", "value": CATEGORIES[number % 3]}]
    kinds: tuple[dict[str, Any], ...] = (
        {"kind": "event", "event": "Product Viewed", "value": 3, "where": outdoor, "window": window},
        {"kind": "event", "event": "Order Completed", "value": 3, "window": {"this": "month"}},
        {"kind": "event", "event": "Page Viewed", "did": False, "window": window},
        {"kind": "trait", "trait": "plan", "op": "is", "value": "gold"},
        {"kind": "event", "event": "Order Completed", "measure": "sum", "of": "value", "value": 100, "window": window},
        {"kind": "event", "event": "Page Viewed", "value": 5, "window": {"last": 30, "unit": "minutes"}},
        _both({"kind": "event", "event": "Cart Viewed", "window": window}, _trait("country", "in", ["GB", "IE"])),
        _both(_trait("birthday", "anniversary", 7), {"kind": "event", "event": "Product Added", "window": window}),
        _both({"kind": "segment", "segment": "vips"}, _long_ago("Order Completed")),
        {
            "kind": "sequence",
            "steps": [
                {"event": "Product Added"},
                {"event": "Order Completed", "within": {"amount": 1, "unit": "hours"}, "did": False},
            ],
            "window": {"last": 2, "unit": "days"},
        },
    )
    return {"id": "root", **kinds[number % len(kinds)]}


def _trait(name: str, op: str, value: Any) -> dict[str, Any]:
    return {"kind": "trait", "trait": name, "op": op, "value": value}


def _long_ago(event: str) -> dict[str, Any]:
    ago = {"amount": 30, "unit": "days"}
    return {"kind": "event", "event": event, "measure": "last", "op": "longer_ago_than", "value": ago}


def _both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "and", "children": [{"id": "first", **first}, {"id": "second", **second}]}
