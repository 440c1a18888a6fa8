"""The durable copies of profiles held against the profiles."""

from collections.abc import Sequence
from hashlib import md5

from django.db import connection

from profiles.rows import ProfileRow

ROW = "row"  # in place of the columns, where there is no copy
_TYPES = {
    "user_id": "text",
    "first_seen": "timestamptz",
    "last_seen": "timestamptz",
    "traits": "jsonb",
    "segments": "jsonb",
    "cluster": "text",
    "scores": "jsonb",
    "consent": "jsonb",
    "crowded": "jsonb",
}
_CHECKS = ", ".join(f"CASE WHEN known.{name} IS DISTINCT FROM found.{name} THEN '{name}' END" for name in _TYPES)
_ARRAYS = ", ".join("%s::text[]::jsonb[]" if type == "jsonb" else f"%s::{type}[]" for type in _TYPES.values())
_DIFFERING = f"""
SELECT id, differing FROM (
  SELECT found.id, CASE WHEN known.id IS NULL THEN ARRAY['{ROW}'] ELSE array_remove(ARRAY[{_CHECKS},
    CASE WHEN md5(known.state) <> found.state THEN 'state' END], NULL) END AS differing
  FROM unnest(%s::uuid[], {_ARRAYS}, %s::text[]) AS found (id, {", ".join(_TYPES)}, state)
  LEFT JOIN profiles_storedprofile AS known ON known.id = found.id
) AS compared WHERE differing <> '{{}}'
"""  # noqa: S608  # our own words


def find_stale(rows: Sequence[ProfileRow]) -> dict[str, list[str]]:
    """Which columns of whose copies are not as in `rows`, by id; states are told apart by their digests."""
    if not rows:
        return {}
    asked = [row._replace(state=md5(row.state, usedforsecurity=False).hexdigest()) for row in rows]  # type: ignore[arg-type]  # its digest in its place
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERING, [list(column) for column in zip(*asked, strict=True)])
        return {id.hex: differing for id, differing in cursor.fetchall()}
