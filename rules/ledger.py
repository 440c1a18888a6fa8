"""Reads of people's loyalty points: the balance is the sum of the entries, those of former profiles included."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from rules.models import PointsEntry

MOST_PROFILES = 1_000  # of one person


def read_balance(profile_id: UUID) -> int:
    """How many points a person has."""
    return sum_points(list_profiles(profile_id))


def list_entries(profile_id: UUID, *, limit: int) -> list[PointsEntry]:
    """The newest entries of a person, the newest first."""
    return list(PointsEntry.objects.filter(profile_id__in=list_profiles(profile_id)).order_by("-at", "-pk")[:limit])


def sum_points(profile_ids: Collection[UUID]) -> int:
    total = PointsEntry.objects.filter(profile_id__in=profile_ids).aggregate(sum=Sum("points"))["sum"]
    return int(total or 0)


def list_profiles(profile_id: UUID) -> list[UUID]:
    """Every profile that one person has been, whichever of them is asked for: those that were taken over, and the one
    that took them over. Sorted, so that whoever locks them one by one does it in one order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE above (id) AS (SELECT %s::uuid UNION SELECT merge.winner_id FROM profiles_mergerecord "
            "AS merge JOIN above ON merge.loser_id = above.id AND merge.undone IS NULL), "
            "person (id) AS (SELECT id FROM above UNION SELECT merge.loser_id FROM profiles_mergerecord "
            "AS merge JOIN person ON merge.winner_id = person.id AND merge.undone IS NULL) "
            "SELECT id FROM (SELECT id FROM person LIMIT %s) AS known ORDER BY id",
            [profile_id, MOST_PROFILES],
        )
        return [id for (id,) in cursor.fetchall()]
