"""The half of the pools of codes that is in PostgreSQL: which codes are handed to Redis, and what became of them.

A code is handed by marking it here first and putting it into Redis afterwards. So a crash between the two leaves a code
that nobody can be granted, never one that two people can: it is looked for, and handed again once it is certain that it
was not granted (see personalization.pools)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from rules.models import Book, OfferCode

CODE = "code"


class Standing(NamedTuple):
    """Of an offer: whether codes wait to be handed, and how many were handed and not granted yet, as far as is known;
    those that were withdrawn since count apart."""

    waits: bool
    handed: int
    withdrawn: int


class Handed(NamedTuple):
    code: str
    is_granted: bool
    is_withdrawn: bool


def find_code_offers() -> set[str]:
    """The offers of codes in the Book in force."""
    offers = Book.objects.order_by("-number").values_list("payload__offers", flat=True).first()
    return {slug for slug, offer in (offers or {}).items() if offer["kind"] == CODE}


def find_standings(slugs: Collection[str]) -> dict[str, Standing]:
    """How codes stand, by offer; one that is not there has none. It reads what is handed, a few thousand for each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT offer.slug, EXISTS (SELECT FROM rules_offercode WHERE offer_id = offer.id AND handed IS NULL), "
            "count(code.offer_id) FILTER (WHERE code.withdrawn IS NULL), "
            "count(code.offer_id) FILTER (WHERE code.withdrawn IS NOT NULL) FROM rules_offer AS offer "
            "LEFT JOIN rules_offercode AS code ON code.offer_id = offer.id AND code.handed IS NOT NULL "
            "AND code.granted IS NULL WHERE offer.slug = ANY(%s) GROUP BY offer.id",
            [list(slugs)],
        )
        return {slug: Standing(*rest) for slug, *rest in cursor.fetchall()}


def find_withdrawn(slugs: Collection[str]) -> set[str]:
    """The offers with withdrawn codes that may still be in their pools."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slug FROM rules_offer AS offer WHERE slug = ANY(%s) AND EXISTS (SELECT FROM rules_offercode "
            "WHERE offer_id = offer.id AND handed IS NOT NULL AND granted IS NULL AND withdrawn IS NOT NULL)",
            [list(slugs)],
        )
        return {slug for (slug,) in cursor.fetchall()}


def hand_codes(slug: str, *, most: int, at: datetime) -> list[str]:
    """Marks the next waiting codes as handed, and returns them in their order."""
    with connection.cursor() as cursor:
        # As an array it is read once: joined to, a plan may read it anew for every row, and more than asked for go.
        cursor.execute(
            "UPDATE rules_offercode SET handed = %s WHERE id = ANY(ARRAY(SELECT id FROM rules_offercode "
            "WHERE handed IS NULL AND offer_id = (SELECT id FROM rules_offer WHERE slug = %s) ORDER BY id LIMIT %s "
            "FOR UPDATE SKIP LOCKED)) RETURNING id, code",
            [at, slug, most],
        )
        return [code for _, code in sorted(cursor.fetchall())]


def list_handed(slug: str, *, also: Sequence[str]) -> list[Handed]:
    """Codes that were handed and are not known to be granted, the last one first; of `also`, those as well that are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, granted IS NOT NULL, withdrawn IS NOT NULL FROM rules_offercode "
            "WHERE offer_id = (SELECT id FROM rules_offer WHERE slug = %s) "
            "AND ((handed IS NOT NULL AND granted IS NULL) OR code = ANY(%s)) ORDER BY id DESC",
            [slug, list(also)],
        )
        return [Handed(*row) for row in cursor.fetchall()]


def put_back(slug: str, codes: Sequence[str]) -> None:
    """Codes that are in no pool any more and were not granted wait again; those that were withdrawn are no more."""
    taken = OfferCode.objects.filter(offer__slug=slug, code__in=codes, granted=None)
    taken.exclude(withdrawn=None).delete()
    taken.filter(withdrawn=None).update(handed=None)


def list_withdrawn(slug: str) -> list[str]:
    """Codes that were withdrawn while they were handed, and may still be in the pool."""
    handed = OfferCode.objects.filter(offer__slug=slug, granted=None).exclude(handed=None)
    return list(handed.exclude(withdrawn=None).values_list("code", flat=True))


class Unmarked(NamedTuple):
    """A code that somebody was granted, and that is not marked as granted: it could be granted to somebody else."""

    offer: str
    code: str


def list_unmarked(*, limit: int) -> list[Unmarked]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT offer.slug, known.code FROM rules_grant AS granted "
            "JOIN rules_offer AS offer ON offer.slug = granted.offer "
            "JOIN rules_offercode AS known ON known.offer_id = offer.id AND known.code = granted.code "
            "WHERE granted.code <> '' AND known.granted IS NULL ORDER BY 1, 2 LIMIT %s",
            [limit],
        )
        return [Unmarked(*row) for row in cursor.fetchall()]


def mark_granted(codes: Sequence[Unmarked]) -> None:
    """By when they were granted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE rules_offercode AS known SET granted = granted.at, handed = coalesce(known.handed, granted.at) "
            "FROM unnest(%s::text[], %s::text[]) AS found (offer, code) "
            "JOIN rules_offer AS offer ON offer.slug = found.offer "
            "JOIN rules_grant AS granted ON granted.offer = found.offer AND granted.code = found.code "
            "WHERE known.offer_id = offer.id AND known.code = found.code AND known.granted IS NULL",
            [[each.offer for each in codes], [each.code for each in codes]],
        )


def mark_handed(slug: str, codes: Sequence[str], *, at: datetime) -> None:
    """Codes of a pool that are told to wait here: after this database was restored from a copy."""
    OfferCode.objects.filter(offer__slug=slug, code__in=codes, handed=None).update(handed=at)
