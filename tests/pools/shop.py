"""Decisions that grant codes, and the archiver, before a real Redis and a real PostgreSQL."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from ingestion.accepted import pack, unpack
from ingestion.log_redis import FIELD
from personalization import pools
from personalization.pools import SERVER, fill_pools
from profiles import keys
from profiles.clients import Client
from profiles.decided import Granted
from rules.granting import record_grants
from rules.models import Book, Offer, OfferCode

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
FRESH = {"kind": "code", "name": "", "points": 0, "every": "campaign"}


class Shop:
    """Decisions as the read path commits them, and the archiver: a grant takes a code off the list and puts its record
    into the accepted log at one moment; later it comes to PostgreSQL."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.people = 0
        self.shown: list[tuple[str, str]] = []  # what people have seen: offer and code

    def grant(self, slug: str, times: int = 1) -> list[str]:
        codes = []
        for _ in range(times):
            code = self.client.lpop(keys.codes(slug))
            if code is None:
                break
            self.people += 1
            record = Granted(
                profile=f"{self.people:032x}",
                offer=slug,
                period="",
                code=code.decode(),
                points=0,
                decision=f"{self.people:032x}",
                at=int(timezone.now().timestamp() * 1000),
            )
            self.client.xadd(keys.accepted(self.people % settings.PZ_PARTITIONS), {FIELD: pack(record)})
            codes.append(code.decode())
        self.shown += [(slug, code) for code in codes]
        return codes

    def archive(self) -> None:
        for partition in range(settings.PZ_PARTITIONS):
            entries = self.client.xrange(keys.accepted(partition))
            records = [unpack(fields[FIELD]) for _, fields in entries]
            record_grants([record for record in records if isinstance(record, Granted)])
            for id, _ in entries:
                self.client.xdel(keys.accepted(partition), id)

    def meet(self) -> None:
        """This Redis is known from an earlier look."""
        self.client.hset(keys.POOLS, SERVER, self.client.info("server")["run_id"])

    def look(self, *, patiently: bool = True) -> dict[str, int]:
        """Another look at the pools; `patiently`, once it is time to look for lost codes again."""
        if patiently:
            self.client.hdel(keys.POOLS, pools.LOOKED)
        return fill_pools(self.client)

    def pool(self, slug: str) -> list[str]:
        return [code.decode() for code in self.client.lrange(keys.codes(slug), 0, -1)]

    @property
    def twice(self) -> list[tuple[str, str]]:
        return [code for code, times in Counter(self.shown).items() if times > 1]


def publish(*slugs: str, number: int = 1, **others: Any) -> None:
    payload = {"v": 1, "number": number, "offers": {**dict.fromkeys(slugs, FRESH), **others}}
    Book.objects.create(number=number, payload=payload, published=AT)


def make_offer(slug: str, codes: int) -> Offer:
    offer = Offer.objects.create(slug=slug, name=slug.title())
    OfferCode.objects.bulk_create([OfferCode(offer=offer, code=f"{slug}-{number:05}") for number in range(codes)])
    return offer
