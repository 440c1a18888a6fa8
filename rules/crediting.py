"""The points that grants gave, as the ledger has them: held against the grants, and put right. Entries that somebody
made by hand have no other origin, and are not asked about."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

_KEY = "'grant:' || offer || ':' || replace(profile_id::text, '-', '') || ':' || period"  # as rules.granting writes it
_FIND = f"""
WITH granted AS (
  SELECT {_KEY} AS key, profile_id, points FROM rules_grant WHERE profile_id = ANY(%(ids)s) AND points <> 0
), credited AS (
  SELECT key, profile_id, points FROM rules_pointsentry WHERE profile_id = ANY(%(ids)s) AND key LIKE 'grant:%%'
)
SELECT coalesce(granted.profile_id, credited.profile_id), key,
  CASE WHEN granted.profile_id IS NULL OR granted.profile_id = credited.profile_id THEN credited.points END,
  granted.points
FROM granted FULL JOIN credited USING (key)
WHERE (granted.profile_id, granted.points) IS DISTINCT FROM (credited.profile_id, credited.points)
"""  # noqa: S608  # our own words
_REMOVE = f"""
DELETE FROM rules_pointsentry WHERE key = ANY(%(keys)s) AND profile_id = ANY(%(ids)s)
AND key NOT IN (SELECT {_KEY} FROM rules_grant WHERE profile_id = ANY(%(ids)s) AND points <> 0)
"""  # noqa: S608
_CREDIT = f"""
INSERT INTO rules_pointsentry (profile_id, points, note, offer, key, at)
SELECT * FROM (
  SELECT profile_id, points, '', offer, {_KEY} AS key, at FROM rules_grant
  WHERE profile_id = ANY(%(ids)s) AND points <> 0
) AS granted WHERE key = ANY(%(keys)s)
ON CONFLICT (key) DO UPDATE SET profile_id = excluded.profile_id, points = excluded.points
"""  # noqa: S608


class Miscredit(NamedTuple):
    """An entry that is not what was granted: the points `found` (None: there is no such entry of the person) and the
    points that were granted (None: nothing was)."""

    profile_id: UUID
    key: str
    found: int | None
    granted: int | None


def find_miscredited(ids: Collection[UUID]) -> list[Miscredit]:
    """Of some profiles. Grants and their entries are written together, so that nothing is ever under way."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"ids": list(ids)})
        return [Miscredit(*row) for row in cursor.fetchall()]


@transaction.atomic
def credit_anew(ids: Sequence[UUID], keys: Collection[str]) -> None:
    """Entries of these keys become what was granted to these profiles by now."""
    asked: dict[str, list[Any]] = {"ids": list(ids), "keys": list(keys)}
    with connection.cursor() as cursor:
        cursor.execute(_REMOVE, asked)
        cursor.execute(_CREDIT, asked)
