"""Finds people among any number of them: by an id, an e-mail address, a trait or a segment, the last seen first."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from profiles.models import MAX_EMAIL, StoredProfile
from profiles.queries import find_profiles

MOST = 10_000  # people that are counted
MAX_TERM = 512  # characters
Place = tuple[datetime, UUID]  # of a person in the list

_COUNT = "SELECT count(*) FROM (SELECT FROM profiles_storedprofile WHERE {where} LIMIT %s) AS found"
# Who is rare is found by the indexes of what was asked for, in no order; who is common among those who were seen last:
# OFFSET keeps to that order.
_RARE = """
SELECT id FROM (SELECT id, last_seen FROM profiles_storedprofile WHERE {where} LIMIT %s) AS found
WHERE {behind} ORDER BY last_seen DESC, id DESC LIMIT %s
"""
_COMMON = """
SELECT id FROM (
  SELECT * FROM profiles_storedprofile WHERE {behind} ORDER BY last_seen DESC, id DESC OFFSET 0
) AS person WHERE {where} LIMIT %s
"""
_ROWS = """
SELECT id, user_id, first_seen, last_seen, traits::text, segments::text, state FROM profiles_storedprofile
WHERE id IN ({ids}) ORDER BY last_seen DESC, id DESC
"""


class Found(NamedTuple):
    """A person of a list. `state` is packed (profiles.profile)."""

    id: UUID
    user_id: str | None
    first_seen: datetime
    last_seen: datetime
    traits: dict[str, Any]
    segments: dict[str, Any]
    state: bytes

    @property
    def place(self) -> Place:
        return self.last_seen, self.id


class People(NamedTuple):
    """A page of people. `total` is how many there are, None for more than MOST; `is_last`: none comes after them."""

    rows: list[Found]
    total: int | None
    is_last: bool


class Wanted(NamedTuple):
    """What people have in common: everything that is given. `ids` are the only ones that can be meant, None for
    anybody; `traits` are values of one trait, any of which will do; `segment` is a key that they carry."""

    ids: Collection[UUID] | None = None
    email: str | None = None
    traits: Sequence[dict[str, Any]] = ()
    segment: str | None = None


def read_term(term: str) -> Wanted:
    """What somebody means who searches for `term`: `plan:gold` is a trait and its value, what has an @ may be an e-mail
    address, and everything may be an id."""
    term = term.replace("\0", "").strip()[:MAX_TERM]
    if not term:
        return Wanted()
    ids = find_profiles(term)
    known = set(StoredProfile.objects.filter(pk__in=ids).values_list("pk", flat=True))
    if "@" in term and not known:
        return Wanted(email=term)
    name, colon, value = term.partition(":")
    if colon and name and value and not known and name not in ("u", "a"):
        return Wanted(traits=list_values(name.strip(), value.strip()))
    return Wanted(ids=known)


def list_values(name: str, text: str) -> list[dict[str, Any]]:
    """The values of a trait that are written like this: text, or the number or truth value that it also is."""
    try:
        value = json.loads(text, parse_constant=lambda constant: None)
    except (ValueError, RecursionError):
        return [{name: text}]
    if isinstance(value, (bool, int)) or (isinstance(value, float) and isfinite(value)):
        return [{name: text}, {name: value}]
    return [{name: text}]


def list_people(wanted: Wanted, *, limit: int, after: Place | None = None) -> People:
    """Those who were seen last come first. However many people there are, no more than some thousands are looked at."""
    where, told = _write(wanted)
    behind, place = ("(last_seen, id) < (%s, %s)", list(after)) if after is not None else ("TRUE", [])
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(where=where), [*told, MOST + 1])
        (total,) = cursor.fetchone()
        if total <= MOST:
            ids, asked = _RARE, [*told, MOST, *place, limit + 1]
        else:
            ids, asked = _COMMON, [*place, *told, limit + 1]
        cursor.execute(_ROWS.format(ids=ids.format(where=where, behind=behind)), asked)
        rows = [
            Found(id, user_id, first, last, json.loads(traits), json.loads(segments), bytes(state))
            for id, user_id, first, last, traits, segments, state in cursor.fetchall()
        ]
    return People(rows[:limit], total if total <= MOST else None, len(rows) <= limit)


def _write(wanted: Wanted) -> tuple[str, list[Any]]:
    conditions, told = ["TRUE"], list[Any]()
    if wanted.ids is not None:
        conditions.append("id = ANY(%s::uuid[])")
        told.append(list(wanted.ids))
    if wanted.email is not None:
        conditions.append(f"left(lower(traits ->> 'email'), {MAX_EMAIL}) = left(lower(%s), {MAX_EMAIL})")
        told.append(wanted.email)
    if wanted.traits:
        conditions.append(f"({' OR '.join(['traits @> %s::jsonb'] * len(wanted.traits))})")
        told += [json.dumps(each) for each in wanted.traits]
    if wanted.segment is not None:
        conditions.append("segments ? %s")
        told.append(wanted.segment)
    return " AND ".join(conditions), told


def list_trait_names(*, among: int = 200) -> list[str]:
    """The traits that people who were seen last have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT name FROM (SELECT traits FROM profiles_storedprofile ORDER BY last_seen DESC, id DESC "
            "LIMIT %s) AS newest CROSS JOIN LATERAL jsonb_object_keys(traits) AS name ORDER BY name LIMIT 100",
            [among],
        )
        return [name for (name,) in cursor.fetchall()]
