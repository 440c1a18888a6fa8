"""Writes of loyalty points: added and spent, each once however often it is sent, and never more than there are."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection, transaction

from profiles.audit import Act, record_act
from profiles.locks import POINTS
from rules.ledger import list_profiles, sum_points
from rules.models import PointsEntry

MOST_POINTS = 1_000_000_000  # of one entry
GRANT = "grant:"  # begins the keys of what decisions granted


class NotEnoughPoints(ValueError):
    """More was to be spent than the person has; `balance` is what there is."""

    def __init__(self, balance: int, points: int) -> None:
        self.balance = balance
        super().__init__(f"{points:,} points were to be spent, and there are {balance:,}")


class KeyTaken(ValueError):
    """Another entry has this key: of another person, or of other points. Use a key of its own for each."""


@transaction.atomic
def add_points(
    profile_id: UUID, points: int, *, key: str, note: str = "", at: datetime, by: User | None = None
) -> PointsEntry:
    """Adds points. The same `key` adds them once, and answers with the entry it made; raises KeyTaken. What somebody
    does by hand, `by`, is in the audit trail."""
    _check(points, key, note)
    return _write(profile_id, points, key=key, note=note, at=at, by=by)


@transaction.atomic
def spend_points(
    profile_id: UUID, points: int, *, key: str, note: str = "", at: datetime, by: User | None = None
) -> PointsEntry:
    """Spends points that the person has, counting those of profiles that are this person's too. The same `key` spends
    them once, and answers with the entry it made; raises NotEnoughPoints and KeyTaken."""
    _check(points, key, note)
    person = _lock_person(profile_id)
    known = PointsEntry.objects.filter(key=key).first()
    if known is None and (balance := sum_points(person)) < points:
        raise NotEnoughPoints(balance, points)
    return _write(profile_id, -points, key=key, note=note, at=at, by=by)


def _check(points: int, key: str, note: str) -> None:
    if not 1 <= points <= MOST_POINTS:
        raise ValueError(f"points must be 1 to {MOST_POINTS:,}, not {points:,}")
    longest = PointsEntry._meta.get_field("key").max_length or 0
    if not 0 < len(key) <= longest or not key.isprintable() or key.startswith(GRANT):
        raise ValueError(f"key must be a text of 1 to {longest} characters that does not begin with {GRANT}")
    if len(note) > 200 or "\0" in note:
        raise ValueError("note must be a text of at most 200 characters, without NUL")


def _lock_person(profile_id: UUID) -> list[UUID]:
    """Waits until nobody else spends points of the person, to the end of the transaction. When the person becomes one
    with another one meanwhile, that one as well."""
    locked: set[UUID] = set()
    while not (person := set(list_profiles(profile_id))) <= locked:
        with connection.cursor() as cursor:
            for id in sorted(person - locked):
                cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [POINTS, id.hex])
        locked |= person
    return sorted(person)


def _write(profile_id: UUID, points: int, *, key: str, note: str, at: datetime, by: User | None) -> PointsEntry:
    entry, is_new = PointsEntry.objects.get_or_create(
        key=key, defaults={"profile_id": profile_id, "points": points, "note": note, "at": at}
    )
    if not is_new and (entry.points != points or entry.profile_id not in list_profiles(profile_id)):
        raise KeyTaken(f"the key {key} belongs to another entry")
    if is_new and by is not None:
        act = Act.MADE if points > 0 else Act.REMOVED
        record_act(
            act,
            by=by,
            at=at,
            kind="points",
            subject=profile_id.hex,
            name=f"{points:+,} points",
            note=f"Entry {entry.pk}",
        )
    return entry
