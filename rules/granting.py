"""Keeps what decisions granted: each grant once, and the points of it in the person's ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime

from profiles.decided import Granted
from rules.models import Grant, PointsEntry


def record_grants(granted: Sequence[Granted]) -> None:
    """Inside the archiver's transaction."""
    moments = [datetime.fromtimestamp(each.at / 1_000, UTC) for each in granted]
    pairs = list(zip(granted, moments, strict=True))
    Grant.objects.bulk_create(
        [
            Grant(
                offer=each.offer,
                profile_id=each.profile,
                period=each.period,
                code=each.code,
                points=each.points,
                decision_id=each.decision,
                at=at,
            )
            for each, at in pairs
        ],
        ignore_conflicts=True,
    )
    PointsEntry.objects.bulk_create(
        [
            PointsEntry(
                profile_id=each.profile,
                points=each.points,
                offer=each.offer,
                key=f"grant:{each.offer}:{each.profile}:{each.period}",
                at=at,
            )
            for each, at in pairs
            if each.points
        ],
        ignore_conflicts=True,
    )
