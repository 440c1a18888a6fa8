"""How often capped rules were shown, by the archive of decisions: what tallies and totals have counted."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection

from rules.definitions import Cap
from rules.models import Book
from segments.conditions.calendar import Calendar

SINCE = timedelta(days=8)  # how far back an hour, a day or a week may have begun, wherever its Monday is
AT_ONCE = 5_000  # rows
GRAIN = "15 minutes"  # hours and days of every zone begin at a multiple of it

# A decision counts a rule that it shows, unless the page showed its block already.
_SHOWN = """
SELECT decision.profile_id, decision.book, shown.rule,
  date_bin(%(grain)s::interval, decision.at, 'epoch'::timestamptz), count(*)
FROM rules_decision AS decision
CROSS JOIN LATERAL jsonb_to_recordset(decision.answers) AS shown (rule text, reason text, held boolean)
JOIN unnest(%(books)s::int[], %(rules)s::text[]) AS capped (book, rule)
  ON capped.book = decision.book AND capped.rule = shown.rule
WHERE decision.at >= %(since)s AND shown.reason = 'rule_matched' AND NOT shown.held{whose} GROUP BY 1, 2, 3, 4
"""


class Capped(NamedTuple):
    """The capped rules of a Book, and its calendar."""

    calendar: Calendar
    rules: Mapping[str, tuple[Cap, ...]]


class Shown(NamedTuple):
    """`times` that a rule was shown to a profile (None: to nobody who is known) within a piece of time that begins at
    `at`, Unix milliseconds."""

    profile_id: UUID | None
    book: int
    rule: str
    at: int
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


def find_start(books: Mapping[int, Capped], now: int) -> datetime:
    """Since when decisions matter for what is counted at `now`, Unix milliseconds."""
    is_long = any(cap.per == "campaign" for book in books.values() for caps in book.rules.values() for cap in caps)
    return datetime.min.replace(tzinfo=UTC) if is_long else datetime.fromtimestamp(now / 1_000, UTC) - SINCE


def count_shown(books: Mapping[int, Capped], now: int, *, whose: Sequence[UUID] | None = None) -> Iterator[Shown]:
    """To everybody, or to the profiles `whose` ids are given."""
    capped = [(number, rule) for number, book in books.items() for rule in book.rules]
    if not capped:
        return
    numbers, rules = (list(column) for column in zip(*capped, strict=True))
    asked: dict[str, Any] = {"grain": GRAIN, "books": numbers, "rules": rules, "since": find_start(books, now)}
    restriction = ""
    if whose is not None:
        asked["whose"], restriction = list(whose), " AND decision.profile_id = ANY(%(whose)s::uuid[])"
    for profile_id, book, rule, at, times in read_rows(_SHOWN.format(whose=restriction), asked):
        yield Shown(profile_id, book, rule, round(at.timestamp() * 1_000), times)


def read_rows(query: str, asked: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a query as they come: there may be more than memory holds. The connection is free between them, as it
    is not while a COPY goes on."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, dict(asked))
        while rows := cursor.fetchmany(AT_ONCE):
            yield from rows
