"""Where slots were asked for lately: when, by which source, on which pages."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import connection

LOOKED_AT = 20_000  # of the newest decisions, so that it costs the same however many there are
MOST_PAGES = 8

_ASKED = """
SELECT answer->>'slot', max(decision.at), count(*), array_agg(DISTINCT decision.source)
FROM (SELECT at, source, answers FROM rules_decision ORDER BY at DESC LIMIT %(most)s) AS decision
CROSS JOIN LATERAL jsonb_array_elements(decision.answers) AS answer
WHERE %(slots)s::text[] IS NULL OR answer->>'slot' = ANY(%(slots)s::text[])
GROUP BY 1
"""
_PAGES = """
SELECT coalesce(decision.context->'page'->>'path', ''), max(decision.at), count(*)
FROM (SELECT at, context, answers FROM rules_decision ORDER BY at DESC LIMIT %(most)s) AS decision
WHERE decision.answers @> jsonb_build_array(jsonb_build_object('slot', %(slot)s::text))
GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT %(pages)s
"""


class Asked(NamedTuple):
    """How a slot was asked for among the newest decisions."""

    slot: str
    last: datetime
    times: int
    sources: list[str]


class Page(NamedTuple):
    """A page on which a slot was asked for; path "" where none was told."""

    path: str
    last: datetime
    times: int


def list_asked(slots: Collection[str] | None = None) -> dict[str, Asked]:
    with connection.cursor() as cursor:
        cursor.execute(_ASKED, {"most": LOOKED_AT, "slots": None if slots is None else list(slots)})
        return {row[0]: Asked(*row) for row in cursor.fetchall()}


def list_pages(slot: str) -> list[Page]:
    """The pages that asked most."""
    with connection.cursor() as cursor:
        cursor.execute(_PAGES, {"most": LOOKED_AT, "slot": slot, "pages": MOST_PAGES})
        return [Page(*row) for row in cursor.fetchall()]
