"""The language once more, as slowly and plainly as it can be told: over the raw events of a case, step by step.

Nothing of the evaluators is used here, not even their calendar or their profile: what the two have in common is the
reference page. An answer of theirs that differs from this one is wrong, or the page is.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from tests.segments.cases import DECLARED, Case

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
DAY = 86_400_000
REMEMBERED = 180 * DAY
LAST_DAY = (date(9999, 12, 31) - date(1970, 1, 1)).days
LENGTHS = {"minutes": 60_000, "hours": 3_600_000, "days": DAY}
# Zones have the offsets of these years; before and after, the first and last of them.
OLDEST, NEWEST = datetime(1999, 12, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)


def holds(case: Case) -> bool:
    """Whether the condition holds for the person at the moment of the case."""
    return _holds(case.tree["root"], case)


def _holds(node: dict[str, Any], case: Case) -> bool:
    match node["kind"]:
        case "and":
            return all(_holds(child, case) for child in node["children"])
        case "or":
            return any(_holds(child, case) for child in node["children"])
        case "not":
            return not any(_holds(child, case) for child in node["children"])
        case "event" if node.get("measure") in ("first", "last"):
            return _first_or_last(node, case) is node.get("did", True)
        case "event":
            return _measured(node, case) is node.get("did", True)
        case "sequence":
            return _follows(node, case) is node.get("did", True)
        case "trait":
            return _passes(node, _trait(node["trait"], case), case)
        case "context":
            return _passes(node, _field(node["field"], case), case)
        case "segment":
            return node["segment"] in case.told.get("segments", [])
        case "cluster":
            return _passes(node, case.told.get("cluster"), case)
        case "score":
            return _passes(node, case.told.get("scores", {}).get(node["score"]), case)
        case "lookalike":
            return _passes(node, case.told.get("scores", {}).get("lookalike:" + node["lookalike"]), case)
    raise AssertionError(node)


# Events


def _happened(name: str, case: Case) -> list[Any]:
    """Every event of the name up to now, in the order of time."""
    return sorted((each for each in case.events if each.name == name and each.at <= case.now), key=lambda each: each.at)


def _remembered(name: str, case: Case) -> list[Any]:
    """Those that are remembered: the newest 500 of the name, those dated ahead among them, no older than 180 days."""
    every = sorted((each for each in case.events if each.name == name), key=lambda each: each.at)
    return [each for each in every[-500:] if case.now - REMEMBERED <= each.at <= case.now]


def _inside(window: dict[str, Any], case: Case) -> tuple[int, int]:
    """The first and the last millisecond of a window."""
    zone, now = _zone(case), case.now
    if "last" in window:
        return now - floor(window["last"] * LENGTHS[window["unit"]]), now
    if "this" in window:
        today = date.fromisoformat(_day_of(now, zone))
        if window["this"] == "week":
            today -= timedelta(days=today.weekday())
        if window["this"] == "month":
            today = today.replace(day=1)
        return _start(today.isoformat(), zone), now
    low = _start_of(window["from"], zone) if window.get("from") else 0
    high = _end_of(window["to"], zone) if window.get("to") else now
    return low, min(high, now)


def _measured(node: dict[str, Any], case: Case) -> bool:
    name, window, measure = node["event"], node.get("window"), node.get("measure", "count")
    if window is None:
        events = _happened(name, case)
    else:
        low, high = _inside(window, case)
        events = [event for event in _remembered(name, case) if low <= event.at <= high]
    events = [event for event in events if _all_pass(node.get("where", []), event, case)]
    op, value = node.get("op", "at_least"), node.get("value", 1)
    if measure == "count":
        return _compares(op, len(events), value)
    if measure == "distinct":
        return _compares(op, len({(_kind(v), v) for event in events for v in _values(event, node["of"])}), value)
    if node["of"] == "value":
        amounts = [event.value for event in events]
    else:
        amounts = [v for event in events for v in _values(event, node["of"]) if _kind(v) == "number"]
    parts = sum(_parts(amount) for amount in amounts if abs(amount) <= 1e9)
    return _compares(op, parts, [_parts(v) for v in value] if op == "between" else _parts(value))


def _parts(amount: float) -> int:
    """Ten-thousandths."""
    return floor(amount * 10_000 + 0.5)


def _compares(op: str, measured: float, value: Any) -> bool:
    match op:
        case "at_least":
            return bool(measured >= value)
        case "at_most":
            return bool(measured <= value)
        case "exactly":
            return bool(measured == value)
        case "more_than":
            return bool(measured > value)
        case "less_than":
            return bool(measured < value)
        case "between":
            return bool(value[0] <= measured <= value[1])
    raise AssertionError(op)


def _first_or_last(node: dict[str, Any], case: Case) -> bool:
    happened = _happened(node["event"], case)
    if not happened:
        return False
    at = happened[0].at if node["measure"] == "first" else happened[-1].at
    return _is_date_so(node["op"], node.get("value"), at, case)


def _all_pass(tests: list[dict[str, Any]], event: Any, case: Case) -> bool:
    return all(_passes(test, _values(event, test["property"]), case) for test in tests)


def _values(event: Any, path: str) -> list[Any]:
    """What is remembered of a property: nothing if it is not declared; the different values of a list."""
    if path not in DECLARED:
        return []
    if "." in path:
        name, _, field = path.partition(".")
        whole = event.properties.get(name)
        found = [item.get(field) for item in whole if isinstance(item, dict)] if isinstance(whole, list) else []
    else:
        value = event.properties.get(path)
        found = value if isinstance(value, list) else [value]
    kept: list[Any] = []
    for value in found:
        if _kind(value) == "nothing" or (isinstance(value, str) and len(value) > 256):
            continue
        if len(kept) < 50 and not any(_same(value, other) for other in kept):
            kept.append(value)
    return kept


def _follows(node: dict[str, Any], case: Case) -> bool:
    low, high = _inside(node["window"], case)
    first, *others = node["steps"]
    return any(low <= event.at <= high and _leads_on(event.at, others, case) for event in _those_of(first, case))


def _leads_on(at: int, steps: list[dict[str, Any]], case: Case) -> bool:
    """Whether the other steps follow an event of that moment."""
    if not steps:
        return True
    step, *others = steps
    until = at + floor(step["within"]["amount"] * LENGTHS[step["within"]["unit"]])
    following = [event.at for event in _those_of(step, case) if at < event.at <= until]
    if not step.get("did", True):
        return case.now > until and not following
    return any(_leads_on(each, others, case) for each in following)


def _those_of(step: dict[str, Any], case: Case) -> Iterator[Any]:
    return (event for event in _remembered(step["event"], case) if _all_pass(step.get("where", []), event, case))


# Facts


def _trait(name: str, case: Case) -> Any:
    """The value that was set last."""
    found = None
    for event in sorted(case.events, key=lambda each: each.at):
        if name in event.traits:
            found = event.traits[name]
    return found


def _field(path: str, case: Case) -> Any:
    if path in ("time.hour", "time.weekday"):
        local = EPOCH + case.now * MS + timedelta(milliseconds=_offset(case.now, _zone(case)))
        return local.hour if path == "time.hour" else date.fromisoformat(_day_of(case.now, _zone(case))).isoweekday()
    value: Any = case.context
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _passes(test: dict[str, Any], fact: Any, case: Case) -> bool:
    """A missing fact never passes; a list by any of its values, with `is_not` by all."""
    items = [item for item in (fact if isinstance(fact, list) else [fact]) if item is not None]
    if not items:
        return False
    if test["op"] == "is_not":
        return not any(_same(item, test["value"]) for item in items)
    return any(_one_passes(test["op"], test.get("value"), item, case) for item in items)


def _one_passes(op: str, value: Any, item: Any, case: Case) -> bool:
    match op:
        case "is":
            return _same(item, value)
        case "in":
            return any(_same(item, each) for each in value)
        case "contains":
            return isinstance(item, str) and item.find(value) >= 0
        case "starts_with":
            return isinstance(item, str) and item[: len(value)] == value
        case "exists":
            return True
        case "at_least" | "at_most" | "more_than" | "less_than":
            return _kind(item) == "number" and _compares(op, item, value)
        case "between" if _kind(value[0]) == "number":
            return _kind(item) == "number" and _compares(op, item, value)
    moment = _read(item)
    if moment is None:
        return False
    if op == "anniversary":
        return item[5:10] in _celebrated(value or 0, case)
    return _is_date_so(op, value, moment, case)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "nothing"


def _same(a: Any, b: Any) -> bool:
    return _kind(a) == _kind(b) != "nothing" and bool(a == b)


# Dates


def _read(text: Any) -> str | int | None:
    """A day as its text, an instant as milliseconds, anything else as None."""
    if not isinstance(text, str) or not text.isascii() or text != text.strip():
        return None
    day, t, rest = text.partition("T")
    if len(day) != 10 or day[4] + day[7] != "--" or not (day[:4] + day[5:7] + day[8:]).isdigit() or day < "1000":
        return None
    try:
        whole = date.fromisoformat(day)
    except ValueError:
        return None
    if not t:
        return day
    if rest.endswith("Z"):
        clock, offset = rest[:-1], 0
    else:
        clock, sign, zone = rest[:-6], rest[-6:-5], rest[-5:]
        if sign not in ("+", "-") or zone[2:3] != ":" or not (zone[:2] + zone[3:]).isdigit() or len(zone) != 5:
            return None
        offset = (int(zone[:2]) * 60 + int(zone[3:])) * (1 if sign == "+" else -1)
        if int(zone[:2]) > 15 or int(zone[3:]) > 59:
            return None
    seconds, dot, fraction = clock.partition(".")
    parts = seconds.split(":")
    if not 2 <= len(parts) <= 3 or not all(len(part) == 2 and part.isdigit() for part in parts):
        return None
    if dot and (len(parts) < 3 or not fraction.isdigit() or len(fraction) > 9):
        return None
    hour, minute, second = [int(part) for part in parts] + [0] * (3 - len(parts))
    if hour > 23 or minute > 59 or second > 59:
        return None
    since = (whole - date(1970, 1, 1)).days * DAY + ((hour * 60 + minute - offset) * 60 + second) * 1000
    return since + int((fraction + "000")[:3])


def _is_date_so(op: str, value: Any, moment: str | int, case: Case) -> bool:
    """`moment` is a day or an instant."""
    zone, now = _zone(case), case.now
    ends: list[str] = value if op == "between" else [value, value]
    if op not in ("before", "after", "between"):
        length: int = floor(value["amount"] * LENGTHS[value["unit"]])
        if op == "within_next":
            if isinstance(moment, str):
                return _day_of(now, zone) <= moment <= _day_of(now + length, zone)
            return now <= moment <= now + length
        at = _start(moment, zone) if isinstance(moment, str) else moment
        return now - length <= at <= now if op == "within_last" else at < now - length
    if isinstance(moment, str):
        low, high = (_day(end, zone) for end in ends)
        return moment < low if op == "before" else moment > high if op == "after" else low <= moment <= high
    first, last = _start_of(ends[0], zone), _end_of(ends[1], zone)
    return moment < first if op == "before" else moment > last if op == "after" else first <= moment <= last


def _celebrated(ahead: float, case: Case) -> set[str]:
    """The days of the year that have their anniversary from today to so many days ahead."""
    found = set()
    today = date.fromisoformat(_day_of(case.now, _zone(case)))
    for number in range(int(ahead) + 1):
        day = today + timedelta(days=number)
        found.add(day.isoformat()[5:])
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
            found.add("02-29")
    return found


def _day(text: str, zone: ZoneInfo) -> str:
    moment = _read(text)
    return _day_of(moment, zone) if isinstance(moment, int) else text


def _start_of(text: str, zone: ZoneInfo) -> int:
    moment = _read(text)
    return moment if isinstance(moment, int) else _start(text, zone)


def _end_of(text: str, zone: ZoneInfo) -> int:
    moment = _read(text)
    return moment if isinstance(moment, int) else _begin(_number(text) + 1, zone) - 1


# The calendar of a zone


def _zone(case: Case) -> ZoneInfo:
    return ZoneInfo(case.told.get("zone", "UTC"))


def _offset(at: int, zone: ZoneInfo) -> int:
    moment = NEWEST if at > 10**13 else EPOCH + at * MS
    offset = min(max(moment, OLDEST), NEWEST).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // MS


def _number(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def _start(day: str, zone: ZoneInfo) -> int:
    return _begin(_number(day), zone)


@cache
def _begin(number: int, zone: ZoneInfo) -> int:
    """The first millisecond whose local day is `number` or later, found by looking at the clock: every hour, then every
    minute of the two hours before it came."""
    midnight = number * DAY
    at = midnight - 17 * LENGTHS["hours"]
    while at + _offset(at, zone) < midnight:
        at += LENGTHS["hours"]
    at -= 2 * LENGTHS["hours"]
    while at + _offset(at, zone) < midnight:
        at += LENGTHS["minutes"]
    return at


def _day_of(at: int, zone: ZoneInfo) -> str:
    """The last day that has begun."""
    number = (at + _offset(at, zone)) // DAY + 1
    while True:
        if _begin(number, zone) <= at:
            return (date(1970, 1, 1) + timedelta(days=min(number, LAST_DAY))).isoformat()
        number -= 1
