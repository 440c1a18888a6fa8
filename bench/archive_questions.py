"""Asks the conditions of `bench.archive` of the database in the environment; run by it, prints JSON."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402  # models need Django to be set up
from django.db import connection  # noqa: E402

from bench.people import MEMORY  # noqa: E402
from profiles.months import Months, month_of  # noqa: E402
from segments.conditions.calendar import UTC_CALENDAR  # noqa: E402
from segments.conditions.language import Node  # noqa: E402
from segments.conditions.parse import parse_condition  # noqa: E402
from segments.conditions.sql import Answer, compile_sql  # noqa: E402
from segments.conditions.sql_events import Question  # noqa: E402
from segments.evaluation import count, estimate  # noqa: E402

PEOPLE = 100_000
EVENTS = 5_000_000
DAYS = 120
ROUNDS = 3

# Made inside PostgreSQL: the same kinds of events and properties as in `people.py`, by somebody at random, at random.
PROFILES = """
INSERT INTO profiles_storedprofile (id, first_seen, last_seen, traits, segments, scores, consent, state, updated)
SELECT md5('p' || number)::uuid, now() - interval '1 year', now(),
  jsonb_build_object('country', (ARRAY['GB', 'IE', 'DE', 'FR', 'US'])[1 + number %% 5], 'age', 18 + number %% 60),
  '{}', '{}', '{}', '', now()
FROM generate_series(1, %(people)s) AS number
"""
ARCHIVE = """
INSERT INTO profiles_archivedevent (at, received, source, message_id, profile_id, type, name, anonymous_id, value,
  properties, traits, context, entered, "left")
SELECT at, at, 'shop', 'message-' || number, md5('p' || 1 + floor(random() * %(people)s))::uuid, 'track',
  (ARRAY['Product Viewed', 'Product Viewed', 'Product Viewed', 'Product Viewed', 'Page Viewed', 'Page Viewed',
    'Page Viewed', 'Product Added', 'Products Searched', 'Order Completed'])[1 + floor(random() * 10)],
  'visitor-' || number %% %(people)s, floor(random() * 10000) / 100,
  jsonb_build_object('product_id', 'p' || floor(random() * 100), 'name', 'A product of the shop', 'currency', 'GBP',
    'category', (ARRAY['Outdoor', 'Summer', 'Home', 'Kitchen', 'Sport', 'Audio'])[1 + floor(random() * 6)],
    'price', floor(random() * 1000) / 10),
  '{}', '{"page": {"url": "https://shop.example/p/1", "path": "/p/1", "title": "Shop", "search": ""}, "userAgent":
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0", "locale": "en-GB"}',
  '[]', '[]'
FROM (SELECT number, date_trunc('milliseconds', now() - random() * %(days)s * interval '1 day') AS at
  FROM generate_series(1, %(events)s) AS number) AS made
"""
VIEWED = {"kind": "event", "event": "Product Viewed"}
BOUGHT = {"kind": "event", "event": "Order Completed"}
MONTH = {"last": 30, "unit": "days"}
OUTDOOR = [{"property": "category", "op": "is", "value": "Outdoor"}]
CONDITIONS: dict[str, list[dict[str, Any]]] = {
    "typical": [
        {**VIEWED, "where": OUTDOOR, "value": 2, "window": {"last": 7, "unit": "days"}},
        {**BOUGHT, "did": False, "window": MONTH},
        {"kind": "trait", "trait": "country", "op": "in", "value": ["GB", "IE"]},
        {"kind": "event", "event": "Product Added", "window": MONTH},
    ],
    "heavy": [
        {**VIEWED, "value": 20},
        {**VIEWED, "where": OUTDOOR, "value": 2, "window": {"last": 90, "unit": "days"}},
        {**BOUGHT, "measure": "sum", "of": "value", "op": "more_than", "value": 100, "window": MONTH},
        {
            "kind": "event",
            "event": "Page Viewed",
            "measure": "last",
            "op": "within_last",
            "value": {"amount": 7, "unit": "days"},
        },
    ],
    "sequence": [
        {
            "kind": "sequence",
            "window": MONTH,
            "steps": [
                {"event": "Product Added"},
                {"event": "Order Completed", "within": {"amount": 2, "unit": "days"}},
            ],
        }
    ],
    "distinct": [
        {**VIEWED, "measure": "distinct", "of": "category", "op": "at_least", "value": 4, "window": MONTH},
    ],
}


def main() -> None:
    now = datetime.now(UTC)
    fill(now)
    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute("SELECT count(*) FROM profiles_archivedevent")
        results: dict[str, Any] = {"plain_count_s": round(time.perf_counter() - started, 3)}
    for name, children in CONDITIONS.items():
        numbered = [{"id": f"n{number}", **child} for number, child in enumerate(children)]
        root = parse_condition({"v": 1, "root": {"id": "all", "kind": "and", "children": numbered}})
        results[name] = measure(root, int(now.timestamp() * 1000))
    print(json.dumps(results))


def fill(now: datetime) -> None:
    call_command("migrate", verbosity=0)
    Months().make({month_of(now - timedelta(days=day)) for day in range(DAYS + 1)})
    with connection.cursor() as cursor:
        for statement in (PROFILES, ARCHIVE):
            cursor.execute(statement, {"people": PEOPLE, "events": EVENTS, "days": DAYS})
        cursor.execute("VACUUM ANALYZE")


def measure(root: Node, now: int) -> dict[str, Any]:
    def ask(below: Any = None) -> Answer:
        return compile_sql(root, Question(now, UTC_CALENDAR, MEMORY, below=below))

    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        exact = count(ask())
        taken.append(round(time.perf_counter() - started, 3))
    started = time.perf_counter()
    sampled = estimate(ask, patience_ms=1)
    return {
        "best_s": min(taken),
        "worst_s": max(taken),
        "people": exact.total,
        "sampled_s": round(time.perf_counter() - started, 3),
        "sampled_people": sampled.total,
        "margin": sampled.margin,
    }


if __name__ == "__main__":
    main()
