"""What decisions count and grant: the names of counters and grants, and the periods they are for. Pure."""

from typing import NamedTuple

from profiles.decided import Every
from profiles.profile import DAY_MS
from rules.definitions import Cap
from segments.conditions.calendar import HOUR_MS, Calendar

PERSON, EVERYBODY, GRANT = "s:", "t:", "g:"  # what a counter or a grant begins with

# How long a counter of everybody is kept after its last use; whoever counts then counts for another period.
KEPT_MS: dict[Every, int] = {"hour": 3 * HOUR_MS, "day": 2 * DAY_MS, "week": 8 * DAY_MS, "campaign": 0}


class Counter(NamedTuple):
    """A counter that a decision looks at and adds to: not above `most`; `kept_ms` 0 is for ever."""

    name: str
    most: int
    kept_ms: int


def name_period(every: Every, at: int, calendar: Calendar) -> str:
    """The hour, day or week (by its Monday) that a moment lies in; "" for a campaign, which is one."""
    if every == "campaign":
        return ""
    if every == "week":
        return "w" + calendar.day_of(calendar.start_of("week", at))
    day = calendar.day_of(at)
    return day if every == "day" else f"{day}t{calendar.hour(at):02}"


def name_counter(rule: str, cap: Cap, at: int, calendar: Calendar) -> str:
    """`s:` a counter in the person's tally, `t:` one of everybody."""
    kind = PERSON if cap.of == "person" else EVERYBODY
    return f"{kind}{rule}:{cap.per}:{name_period(cap.per, at, calendar)}"


def name_grant(offer: str, every: Every, at: int, calendar: Calendar) -> str:
    return f"{GRANT}{offer}:{name_period(every, at, calendar)}"


def is_past(name: str, at: int, calendar: Calendar) -> bool:
    """Whether a counter of a tally is about a period that is over."""
    kind, _, rest = name.partition(":")
    if kind != PERSON[0]:
        return False
    every, period = rest.split(":")[1:3]
    return every in ("hour", "day", "week") and period != name_period(every, at, calendar)  # type: ignore[arg-type]  # checked just before
