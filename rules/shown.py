"""How often capped rules were shown, by the archive of decisions: what tallies and totals have counted."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection

from rules.definitions import Cap
from rules.models import Book
from rules.tally import name_counter
from segments.conditions.calendar import Calendar

SINCE = timedelta(days=8)  # how far back an hour, a day or a week may have begun, wherever its Monday is
GRAIN = "15 minutes"  # hours and days of every zone begin at a multiple of it
AT_ONCE = 5_000  # rows

# A decision counts a rule that it shows, unless the page showed its block already.
_SHOWN = """
SELECT decision.profile_id, decision.book, shown.rule, {moment} AS at, count(*)
FROM rules_decision AS decision
CROSS JOIN LATERAL jsonb_to_recordset(decision.answers) AS shown (rule text, reason text, held boolean)
JOIN unnest(%(books)s::int[], %(rules)s::text[]) AS capped (book, rule)
  ON capped.book = decision.book AND capped.rule = shown.rule
WHERE {since} AND shown.reason = 'rule_matched' AND NOT shown.held{whose} GROUP BY 1, 2, 3, 4
"""
_EVER = {"moment": "NULL::timestamptz", "since": "true"}
_LATELY = {
    "moment": "date_bin(%(grain)s::interval, decision.at, 'epoch'::timestamptz)",
    "since": "decision.at >= %(since)s",
}


class Capped(NamedTuple):
    """The capped rules of a Book, and its calendar."""

    calendar: Calendar
    rules: Mapping[str, tuple[Cap, ...]]


class Counted(NamedTuple):
    """`times` that a counter (rules.tally) was added to by decisions for a profile, None for nobody who is known."""

    profile_id: UUID | None
    cap: Cap
    name: str
    times: int


def read_capped(*, of: str | None = None) -> dict[int, Capped]:
    """The Books with capped rules, by their numbers, in their order; with `of` the caps of a person or of everybody."""
    books = Book.objects.order_by("number").values_list("number", "payload__rules", "payload__zone")
    found = {}
    for number, rules, zone in books.iterator(chunk_size=50):
        caps = {rule["slug"]: msgspec.convert(rule.get("caps") or (), tuple[Cap, ...]) for rule in rules or ()}
        asked = {slug: tuple(cap for cap in own if of in (None, cap.of)) for slug, own in caps.items()}
        if capped := {slug: own for slug, own in asked.items() if own}:
            found[number] = Capped(Calendar(zone or "UTC"), capped)
    return found


def find_start(now: int) -> datetime:
    """Since when decisions matter for the hours, days and weeks that are not over at `now`, Unix milliseconds."""
    return datetime.fromtimestamp(now / 1_000, UTC) - SINCE


def count_shown(books: Mapping[int, Capped], now: int, *, whose: Sequence[UUID] | None = None) -> Iterator[Counted]:
    """What to add up, a counter may come more than once: for everybody, or for the profiles `whose` ids are given.
    Those whose period is over at `now` are left out."""
    names = {
        (number, rule, cap): name_counter(rule, cap, now, book.calendar)
        for number, book in books.items()
        for rule, caps in book.rules.items()
        for cap in caps
    }
    for is_long, form in ((True, _EVER), (False, _LATELY)):
        asked = {
            (number, rule): [cap for cap in caps if (cap.per == "campaign") == is_long]
            for number, book in books.items()
            for rule, caps in book.rules.items()
        }
        asked = {pair: caps for pair, caps in asked.items() if caps}
        for profile_id, number, rule, at, times in _count(list(asked), form, now, whose):
            calendar = books[number].calendar
            moment = now if at is None else round(at.timestamp() * 1_000)
            for cap in asked[number, rule]:
                name = names[number, rule, cap]
                if at is None or name_counter(rule, cap, moment, calendar) == name:
                    yield Counted(profile_id, cap, name, times)


def _count(
    capped: Sequence[tuple[int, str]], form: Mapping[str, str], now: int, whose: Sequence[UUID] | None
) -> Iterator[tuple[Any, ...]]:
    """Profile, Book, rule, when a piece of time begins (None: of all time), and how often it was shown then."""
    if not capped:
        return
    numbers, rules = (list(column) for column in zip(*capped, strict=True))
    asked: dict[str, Any] = {"grain": GRAIN, "books": numbers, "rules": rules, "since": find_start(now)}
    restriction = ""
    if whose is not None:
        asked["whose"], restriction = list(whose), " AND decision.profile_id = ANY(%(whose)s::uuid[])"
    yield from read_rows(_SHOWN.format(**form, whose=restriction), asked)


def read_rows(query: str, asked: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a query as they come: there may be more than memory holds. The connection is free between them, as it
    is not while a COPY goes on."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, dict(asked))
        while rows := cursor.fetchmany(AT_ONCE):
            yield from rows
