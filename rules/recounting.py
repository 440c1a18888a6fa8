"""What decisions have counted and granted, by their archive: tallies and totals as Redis should hold them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from rules.definitions import Cap, RuleDefinition
from rules.models import Book
from rules.tally import GRANT, KEPT_MS, name_counter, name_period
from segments.conditions.calendar import Calendar

SINCE = timedelta(days=8)  # how far back an hour, a day or a week may have begun
GRAIN = "15 minutes"  # hours of every zone begin at a multiple of it

# A decision counts a rule that it shows, unless the page showed its block already.
_COUNTED = """
COPY (
  SELECT decision.profile_id, decision.book, shown.rule,
  date_bin(%s::interval, decision.at, 'epoch'::timestamptz), count(*)
  FROM rules_decision AS decision
  CROSS JOIN LATERAL jsonb_to_recordset(decision.answers) AS shown (rule text, reason text, held boolean)
  JOIN unnest(%s::int[], %s::text[]) AS capped (book, rule) ON capped.book = decision.book AND capped.rule = shown.rule
  WHERE decision.at >= %s AND shown.reason = 'rule_matched' AND NOT shown.held GROUP BY 1, 2, 3, 4
) TO STDOUT
"""
# Not every decision is kept, for ever or for a person who was erased; but each says what it found counted before it.
_FOUND = """
COPY (
  SELECT CASE WHEN name LIKE 's:%%' THEN profile_id END, name, max(count) FROM (
    SELECT decision.profile_id, found.key AS name, found.value::bigint + (EXISTS (
      SELECT FROM jsonb_to_recordset(decision.answers) AS shown (rule text, reason text, held boolean)
      WHERE shown.rule = split_part(found.key, ':', 2) AND shown.reason = 'rule_matched' AND NOT shown.held
    ))::int AS count
    FROM rules_decision AS decision CROSS JOIN LATERAL jsonb_each_text(decision.facts -> 'counts') AS found
    WHERE decision.at >= %s AND found.key LIKE ANY(%s)
  ) AS each GROUP BY 1, 2
) TO STDOUT
"""
_GRANTED = "COPY (SELECT profile_id, offer, period, code FROM rules_grant ORDER BY at, id) TO STDOUT"


class Counted(NamedTuple):
    """A counter (rules.tally), and whose: the id of a profile, None of everybody."""

    profile_id: str | None
    name: str
    times: int


class Granted(NamedTuple):
    profile_id: str
    name: str
    code: str


class _Caps(NamedTuple):
    calendar: Calendar
    rules: Mapping[str, tuple[Cap, ...]]


def count_decisions(now: int) -> Iterator[Counted]:
    """What to add up: a counter may come more than once. Those whose period is over at `now` (Unix milliseconds) are
    left out."""
    books = _read_caps()
    capped = [(number, rule) for number, caps in books.items() for rule in caps.rules]
    if not capped:
        return
    since = _find_start(books, now)
    numbers, rules = (list(column) for column in zip(*capped, strict=True))
    for profile_id, book, rule, at, count in _copy(
        _COUNTED, [GRAIN, numbers, rules, since], ["uuid", "int4", "text", "timestamptz", "int8"]
    ):
        caps = books[book]
        moment = round(at.timestamp() * 1000)
        for cap in caps.rules[rule]:
            name = name_counter(rule, cap, moment, caps.calendar)
            if name != name_counter(rule, cap, now, caps.calendar):
                continue
            if cap.of == "everybody":
                yield Counted(None, name, count)
            elif profile_id is not None:
                yield Counted(profile_id.hex, name, count)


def list_found(now: int) -> Iterator[Counted]:
    """Counters as decisions have found them: at least so much was counted, also by decisions that are not kept."""
    books = _read_caps()
    calendars = {book.calendar.zone: book.calendar for book in books.values()}.values()
    periods = {f"%:{per}:{name_period(per, now, calendar)}" for calendar in calendars for per in KEPT_MS}
    if not periods:
        return
    for profile_id, name, count in _copy(_FOUND, [_find_start(books, now), list(periods)], ["uuid", "text", "int8"]):
        yield Counted(None if profile_id is None else profile_id.hex, name, count)


def list_granted() -> Iterator[Granted]:
    """Grants, the first ones first."""
    for profile_id, offer, period, code in _copy(_GRANTED, [], ["uuid", "text", "text", "text"]):
        yield Granted(profile_id.hex, f"{GRANT}{offer}:{period}", code)


def kept_ms(name: str) -> int:
    """How long a counter of everybody is kept after its last use, 0 for ever."""
    return KEPT_MS[name.split(":")[2]]  # type: ignore[index]  # as rules.tally names counters


def _find_start(books: Mapping[int, _Caps], now: int) -> datetime:
    """Since when decisions matter."""
    is_long = any(cap.per == "campaign" for book in books.values() for caps in book.rules.values() for cap in caps)
    return datetime.min.replace(tzinfo=UTC) if is_long else datetime.fromtimestamp(now / 1000, UTC) - SINCE


def _read_caps() -> dict[int, _Caps]:
    """The Books with capped rules, by their numbers."""
    books = Book.objects.values_list("number", "payload__rules", "payload__zone").iterator(chunk_size=50)
    found = {}
    for number, rules, zone in books:
        capped = {rule["slug"]: rule for rule in rules or () if rule.get("caps")}
        if capped:
            said = msgspec.convert(capped, dict[str, RuleDefinition])
            caps = {slug: rule.caps for slug, rule in said.items()}
            found[number] = _Caps(Calendar(zone or "UTC"), caps)
    return found


def _copy(query: str, asked: list[Any], types: list[str]) -> Iterator[tuple[Any, ...]]:
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(query, asked) as copy:
        copy.set_types(types)
        yield from copy.rows()
