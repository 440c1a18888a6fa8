"""The moments at which the answer to a case might turn, found without asking anybody but its own dates."""

from typing import Any

from segments.conditions.dates import read_date
from segments.conditions.language import CALENDAR_UNITS, RETENTION_MS, UNITS
from tests.segments.cases import Case

DAY = 86_400_000


def find_edges(case: Case, flip: int | None) -> list[int]:
    """Moments after now at which the answer might turn, and those beside them: at most a dozen, spread over all."""
    moments = {event.at for event in case.events} | {case.now}
    lengths = {0, RETENTION_MS}
    for text in _list_texts([case.told["condition"], case.told.get("traits"), case.told["events"]]):
        moment = read_date(text)
        if isinstance(moment, int):
            moments.add(moment)
        elif moment is not None and "2000" < moment < "2100":
            start = case.calendar.start_of_day(moment)
            moments |= {start, case.calendar.next_start("day", start)}
    for length in _list_lengths(case.told["condition"]):
        lengths.add(int(length[0] * UNITS[length[1]]))
    found = {moment + length + beside for moment in moments for length in lengths for beside in (-1, 0, 1)}
    for unit in CALENDAR_UNITS:
        start = case.calendar.next_start(unit, case.now)
        found |= {start - 1, start}
    if flip is not None:
        found |= {flip - 1, flip, flip + 1}
    ahead = sorted(at for at in found if case.now < at < case.now + 500 * DAY)
    return [ahead[number * len(ahead) // 12] for number in range(12)] if len(ahead) > 12 else ahead


def _list_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _list_texts(item)]


def _list_lengths(value: Any) -> list[tuple[float, str]]:
    if isinstance(value, dict):
        if "unit" in value:
            return [(value["amount"] if "amount" in value else value["last"], value["unit"])]
        value = list(value.values())
    return [found for item in value for found in _list_lengths(item)] if isinstance(value, list) else []
