"""Three months behind many people, put into PostgreSQL at once: events, decisions, grants and points."""

from datetime import timedelta
from typing import Any

from django.db import connection

from ingestion.archiving import moment
from profiles.months import EVENTS, Months, month_of
from rules.archive import DECISIONS

DAYS = 90

_PEOPLE = """
WITH person AS (SELECT id, row_number() OVER (ORDER BY id) AS number FROM profiles_storedprofile),
lived AS (
  SELECT id, number, turn, %(now)s - (number * 7919 + turn * 104729) %% %(seconds)s * interval '1 second' AS at
  FROM person CROSS JOIN generate_series(1, %(each)s) AS turn
)
"""
_DID = f"""
{_PEOPLE} INSERT INTO profiles_archivedevent
  (at, received, source, message_id, profile_id, type, name, value, properties, traits, context, entered, "left")
SELECT at, at, 'shop', 'past-' || number || '-' || turn, id, 'track', 'Product Viewed', 1.5,
  '{{"value": 1.5, "sku": "boots-1", "name": "Boots"}}', '{{}}', '{{"page": {{"path": "/boots"}}}}', '[]', '[]'
FROM lived
"""
_DECIDED = f"""
{_PEOPLE} INSERT INTO rules_decision (id, at, profile_id, door, source, book, position, context, answers, facts)
SELECT gen_random_uuid(), at, id, 'web', 'shop', %(book)s, 0, '{{"page": {{"path": "/boots"}}}}',
  '[{{"slot": "hero", "reason": "rule_matched", "block": "banner", "rule": "banner", "held": false,
      "segments": ["viewers"], "suppressed": []}}]',
  jsonb_build_object('members', jsonb_build_array(jsonb_build_array('viewers', 1)), 'stock', '{{}}'::jsonb,
    'granted', jsonb_build_object('g:gift:', 'C' || number), 'held', '{{}}'::jsonb,
    'counts', jsonb_build_object('s:banner:campaign:', turn - 1, 't:banner:campaign:', number)) FROM lived
"""
_GRANTED = f"""
{_PEOPLE}, granted AS (
  INSERT INTO rules_grant (offer, profile_id, period, code, points, decision_id, at)
  SELECT offer, id, '', CASE offer WHEN 'gift' THEN 'C' || number ELSE '' END,
    CASE offer WHEN 'gift' THEN 0 ELSE 50 END, gen_random_uuid(), at
  FROM lived CROSS JOIN unnest(ARRAY['gift', 'stars']) AS offer WHERE turn = 1
  RETURNING *
) INSERT INTO rules_pointsentry (profile_id, points, note, offer, key, at)
SELECT profile_id, points, '', offer, 'grant:' || offer || ':' || replace(profile_id::text, '-', '') || ':', at
FROM granted WHERE points <> 0
"""


def live_on(now: int, *, book: int, events: int, decisions: int) -> None:
    """So many events and decisions of everybody who has a durable copy, before `now` in Unix milliseconds; each of the
    decisions shows the rule `banner`."""
    until = moment(now)
    months = {month_of(until - timedelta(days=days)) for days in range(DAYS + 1)}
    for table in (EVENTS, DECISIONS):
        Months(table).make(months)
    asked: dict[str, Any] = {"now": until, "seconds": DAYS * 86_400, "book": book}
    with connection.cursor() as cursor:
        for query, each in ((_DID, events), (_DECIDED, decisions), (_GRANTED, 1)):
            cursor.execute(query, {**asked, "each": each})
        cursor.execute("ANALYZE")
