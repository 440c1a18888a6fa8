"""Writes of what decisions granted: inside the archiver's transaction, few statements for many, once each however often
they come."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection

from profiles.decided import Granted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record_grants(granted: Sequence[Granted]) -> None:
    """Stores grants, marks their codes as granted, and writes points into the ledger.

    Who got something of an offer in a period keeps what they got first. A code is marked as granted in either case: a
    Redis that lost its last second may grant a second one to the same person, who has seen both."""
    if not granted:
        return
    offers = [each.offer for each in granted]
    people = [each.profile for each in granted]
    periods = [each.period for each in granted]
    codes = [each.code for each in granted]
    points = [each.points for each in granted]
    decisions = [each.decision for each in granted]
    moments = [EPOCH + timedelta(milliseconds=each.at) for each in granted]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO rules_grant (offer, profile_id, period, code, points, decision_id, at) "
            "SELECT * FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::int[], %s::uuid[], "
            "%s::timestamptz[]) ON CONFLICT (offer, profile_id, period) DO NOTHING",
            [offers, people, periods, codes, points, decisions, moments],
        )
        if any(points):
            cursor.execute(
                "INSERT INTO rules_pointsentry (profile_id, points, note, offer, key, at) "
                "SELECT found.profile_id, found.points, '', found.offer, 'grant:' || found.offer || ':' || "
                "replace(found.profile_id::text, '-', '') || ':' || found.period, found.at "
                "FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::int[], %s::timestamptz[]) "
                "AS found (offer, profile_id, period, points, at) WHERE found.points <> 0 ON CONFLICT (key) DO NOTHING",
                [offers, people, periods, points, moments],
            )
        if any(codes):
            cursor.execute(
                "UPDATE rules_offercode AS known SET granted = found.at, handed = coalesce(known.handed, found.at) "
                "FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS found (offer, code, at) "
                "JOIN rules_offer AS offer ON offer.slug = found.offer "
                "WHERE known.offer_id = offer.id AND known.code = found.code AND known.granted IS NULL",
                [offers, codes, moments],
            )
