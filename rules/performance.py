"""What became of rules: how often they were decided for, seen, clicked, and what orders followed."""

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

ATTRIBUTED = timedelta(days=7)  # an order counts for the rules whose blocks the person was shown so long before
ORDER = "Order Completed"

# The answers of decisions, a row for each slot in which a rule was shown anew.
_SHOWN = """
SELECT decision.id, decision.profile_id, decision.at, answer->>'rule' AS rule
FROM rules_decision AS decision CROSS JOIN LATERAL jsonb_array_elements(decision.answers) AS answer
WHERE decision.at >= %(since)s AND decision.at < %(until)s
  AND answer->>'rule' IS NOT NULL AND NOT (answer->>'held')::boolean
  AND (%(rules)s::text[] IS NULL OR answer->>'rule' = ANY(%(rules)s::text[]))
  AND (%(single)s::jsonb IS NULL OR decision.answers @> %(single)s::jsonb)
"""
_MEASURED = f"""
WITH shown AS MATERIALIZED ({_SHOWN}),
told AS (
  SELECT outcome.rule,
    count(DISTINCT outcome.decision_id) FILTER (WHERE outcome.kind = 'impression') AS impressions,
    count(DISTINCT outcome.decision_id) FILTER (WHERE outcome.kind = 'click') AS clicks
  FROM rules_decisionoutcome AS outcome
  WHERE outcome.at >= %(since)s AND outcome.decision_id IN (SELECT id FROM shown)
  GROUP BY outcome.rule
),
ordered AS (
  SELECT first.rule, count(*) AS orders, sum(event.value) AS value
  FROM (
    SELECT rule, profile_id, min(at) AS at, array_agg(at) AS times FROM shown GROUP BY rule, profile_id
  ) AS first
  CROSS JOIN LATERAL (
    SELECT value FROM profiles_archivedevent
    WHERE profile_id = first.profile_id AND name = %(order)s
      AND at >= first.at AND at < %(until)s::timestamptz + %(attributed)s
      AND EXISTS (
        SELECT FROM unnest(first.times) AS before (at)
        WHERE profiles_archivedevent.at BETWEEN before.at AND before.at + %(attributed)s
      )
  ) AS event
  GROUP BY first.rule
)
SELECT shown.rule, count(*), count(DISTINCT shown.profile_id),
  coalesce(min(told.impressions), 0), coalesce(min(told.clicks), 0),
  coalesce(min(ordered.orders), 0), coalesce(min(ordered.value), 0)
FROM shown LEFT JOIN told USING (rule) LEFT JOIN ordered USING (rule)
GROUP BY shown.rule ORDER BY count(*) DESC, shown.rule
"""  # noqa: S608  # our own columns


class Performance(NamedTuple):
    """One rule between two moments: decisions and people, decisions of which the block was seen and clicked, and the
    orders of these people within ATTRIBUTED of being shown it, with what they were worth."""

    rule: str
    shown: int
    people: int
    impressions: int
    clicks: int
    orders: int
    value: float


def measure_rules(*, since: datetime, until: datetime, rules: Collection[str] | None = None) -> list[Performance]:
    """Every rule that was shown, or of those that are named, the one shown most first."""
    asked: dict[str, Any] = {"since": since, "until": until, "order": ORDER, "attributed": ATTRIBUTED}
    asked["rules"] = None if rules is None else list(rules)
    # Of one rule, whole decisions are passed over without taking their answers apart.
    asked["single"] = json.dumps([{"rule": each} for each in rules]) if rules is not None and len(rules) == 1 else None
    with connection.cursor() as cursor:
        cursor.execute(_MEASURED, asked)
        return [Performance(*row) for row in cursor.fetchall()]
