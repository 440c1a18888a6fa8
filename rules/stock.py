"""Reads of what offers have left, and of what they granted."""

from collections.abc import Collection
from typing import NamedTuple

from django.db import connection
from django.utils.translation import gettext

from rules.models import Offer


class Stock(NamedTuple):
    """Codes that wait, that are in the pool from which decisions take them, and that were granted: of other offers,
    how often they were granted. A code that was withdrawn is none of these."""

    waiting: int
    pool: int
    granted: int

    @property
    def left(self) -> int:
        return self.waiting + self.pool


NOTHING = Stock(0, 0, 0)


def count_stock(offers: Collection[Offer]) -> dict[str, Stock]:
    """The stock of each offer, by its slug: three statements however many they are."""
    ids, slugs = [offer.pk for offer in offers], [offer.slug for offer in offers]
    waiting = _count(
        "SELECT offer_id, count(*) FROM rules_offercode WHERE offer_id = ANY(%s) AND handed IS NULL GROUP BY 1", ids
    )
    pool = _count(
        "SELECT offer_id, count(*) FROM rules_offercode WHERE offer_id = ANY(%s) AND handed IS NOT NULL "
        "AND granted IS NULL AND withdrawn IS NULL GROUP BY 1",
        ids,
    )
    granted = _count("SELECT offer, count(*) FROM rules_grant WHERE offer = ANY(%s) GROUP BY 1", slugs)
    return {
        offer.slug: Stock(waiting.get(offer.pk, 0), pool.get(offer.pk, 0), granted.get(offer.slug, 0))
        for offer in offers
    }


def list_holds(offer: Offer) -> list[str]:
    """What keeps an offer from being removed: who was to be granted something of it would be left with nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT payload->'offers' ? %s FROM rules_book ORDER BY number DESC LIMIT 1), "
            "EXISTS (SELECT FROM rules_offercode WHERE offer_id = %s AND handed IS NOT NULL AND granted IS NULL "
            "AND withdrawn IS NULL)",
            [offer.slug, offer.pk],
        )
        is_published, is_out = cursor.fetchone()
    published = [gettext("the Book in force grants it; publish without it first")] if is_published else []
    return published + ([gettext("some of its codes are in the pool; withdraw them first")] if is_out else [])


def find_exhausted(slugs: Collection[str]) -> set[str]:
    """Those offers that have no code left to grant."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slug FROM unnest(%s::text[]) AS wanted (slug) WHERE NOT EXISTS (SELECT FROM rules_offer AS offer "
            "JOIN LATERAL ((SELECT FROM rules_offercode WHERE offer_id = offer.id AND handed IS NULL LIMIT 1) "
            "UNION ALL SELECT FROM rules_offercode WHERE offer_id = offer.id AND handed IS NOT NULL "
            "AND granted IS NULL AND withdrawn IS NULL LIMIT 1) AS code ON true WHERE offer.slug = wanted.slug)",
            [list(slugs)],
        )
        return {slug for (slug,) in cursor.fetchall()}


def _count(query: str, wanted: list[int] | list[str]) -> dict[int | str, int]:
    with connection.cursor() as cursor:
        cursor.execute(query, [wanted])
        return dict(cursor.fetchall())
