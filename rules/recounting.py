"""What decisions have counted and granted, by their archive: tallies and totals as Redis should hold them."""

from collections.abc import Iterator
from typing import NamedTuple

from rules.shown import count_shown, find_start, read_capped, read_rows
from rules.tally import GRANT, KEPT_MS, name_counter, name_period

# Not every decision is kept, for ever or for a person who was erased; but each says what it found counted before it.
_FOUND = """
SELECT CASE WHEN name LIKE 's:%%' THEN profile_id END, name, max(count) FROM (
  SELECT decision.profile_id, found.key AS name, found.value::bigint + (EXISTS (
    SELECT FROM jsonb_to_recordset(decision.answers) AS shown (rule text, reason text, held boolean)
    WHERE shown.rule = split_part(found.key, ':', 2) AND shown.reason = 'rule_matched' AND NOT shown.held
  ))::int AS count
  FROM rules_decision AS decision CROSS JOIN LATERAL jsonb_each_text(decision.facts -> 'counts') AS found
  WHERE decision.at >= %(since)s AND found.key LIKE ANY(%(periods)s)
) AS each GROUP BY 1, 2
"""
_GRANTED = "SELECT profile_id, offer, period, code FROM rules_grant ORDER BY at, id"


class Counted(NamedTuple):
    """A counter (rules.tally), and whose: the id of a profile, None of everybody."""

    profile_id: str | None
    name: str
    times: int


class Granted(NamedTuple):
    profile_id: str
    name: str
    code: str


def count_decisions(now: int) -> Iterator[Counted]:
    """What to add up: a counter may come more than once. Those whose period is over at `now` (Unix milliseconds) are
    left out."""
    books = read_capped()
    for shown in count_shown(books, now):
        calendar, rules = books[shown.book]
        for cap in rules[shown.rule]:
            name = name_counter(shown.rule, cap, shown.at, calendar)
            if name != name_counter(shown.rule, cap, now, calendar):
                continue
            if cap.of == "everybody":
                yield Counted(None, name, shown.times)
            elif shown.profile_id is not None:
                yield Counted(shown.profile_id.hex, name, shown.times)


def list_found(now: int) -> Iterator[Counted]:
    """Counters as decisions have found them: at least so much was counted, also by decisions that are not kept."""
    books = read_capped()
    calendars = {book.calendar.zone: book.calendar for book in books.values()}.values()
    periods = {f"%:{per}:{name_period(per, now, calendar)}" for calendar in calendars for per in KEPT_MS}
    if not periods:
        return
    asked = {"since": find_start(books, now), "periods": list(periods)}
    for profile_id, name, count in read_rows(_FOUND, asked):
        yield Counted(None if profile_id is None else profile_id.hex, name, count)


def list_granted() -> Iterator[Granted]:
    """Grants, the first ones first."""
    for profile_id, offer, period, code in read_rows(_GRANTED, {}):
        yield Granted(profile_id.hex, f"{GRANT}{offer}:{period}", code)


def kept_ms(name: str) -> int:
    """How long a counter of everybody is kept after its last use, 0 for ever."""
    return KEPT_MS[name.split(":")[2]]  # type: ignore[index]  # as rules.tally names counters
