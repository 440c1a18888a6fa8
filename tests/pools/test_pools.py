"""Pools of codes: kept filled, and whatever dies wherever, no code is granted to two people."""

from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from ingestion.accepted import pack, unpack
from ingestion.log_redis import FIELD
from ingestion.models import DeadLetter
from personalization import pools
from personalization.pools import HIGH, LOW, SERVER, fill_pools
from personalization.rounds import ROUNDS
from profiles import keys
from profiles.clients import Client
from profiles.decided import Granted
from profiles.locks import FILL_POOLS, list_held
from rules.codes import generate_codes, withdraw_codes
from rules.granting import record_grants
from rules.models import Book, Grant, Offer, OfferCode
from rules.pools import hand_codes
from rules.stock import Stock, count_stock

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
ACTS = ("grant", "grant", "grant", "archive", "look", "look", "die", "late", "lose", "book", "call back")
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


@pytest.fixture
def shop(redis_client: Client) -> Shop:
    return Shop(redis_client)


def test_the_archivers_rounds_fill_pools() -> None:
    assert fill_pools in ROUNDS


def test_a_pool_is_filled_up_to_its_upper_bound_and_again_below_the_lower_one(shop: Shop) -> None:
    offer = make_offer("summer", 12_000)
    publish("summer")
    assert shop.look() == {"summer": HIGH}
    assert shop.look() == {}
    assert shop.grant("summer", HIGH - LOW) == [f"summer-{number:05}" for number in range(HIGH - LOW)]
    assert shop.look() == {}
    shop.grant("summer")
    assert shop.look() == {"summer": HIGH - LOW + 1}
    shop.archive()
    assert count_stock([offer])["summer"] == Stock(12_000 - HIGH - (HIGH - LOW + 1), HIGH, HIGH - LOW + 1)


def test_a_small_offer_is_in_the_pool_as_a_whole(shop: Shop) -> None:
    make_offer("summer", 30)
    publish("summer")
    assert shop.look() == {"summer": 30}
    assert shop.look() == {}
    assert len(shop.grant("summer", 40)) == 30
    assert shop.look() == {}
    shop.archive()
    assert shop.look() == {}
    assert Grant.objects.count() == 30


def test_only_offers_of_codes_in_the_book_in_force_have_a_pool(shop: Shop) -> None:
    for slug in ("draft", "live", "thanks"):
        make_offer(slug, 5)
    publish("live", thanks={**FRESH, "kind": "points"})
    assert shop.look() == {"live": 5}
    assert shop.pool("draft") == shop.pool("thanks") == []


def test_without_offers_nothing_is_asked_of_redis_and_nothing_is_locked(shop: Shop) -> None:
    publish()
    assert shop.look() == {}
    assert not shop.client.exists(keys.POOLS)
    assert FILL_POOLS not in list_held()


def test_codes_that_come_later_are_put_behind(shop: Shop) -> None:
    offer = make_offer("summer", 2)
    publish("summer")
    shop.look()
    generate_codes(offer, count=3, at=AT)
    assert shop.look() == {"summer": 3}
    assert shop.pool("summer")[:2] == ["summer-00000", "summer-00001"]


def test_an_offer_that_is_withdrawn_has_its_codes_waiting_again(shop: Shop) -> None:
    offer = make_offer("summer", 100)
    publish("summer")
    shop.look()
    shop.grant("summer", 10)
    publish(number=2)
    shop.look()
    assert not shop.client.exists(keys.codes("summer"))
    assert not shop.client.hexists(keys.POOLS, "summer")
    shop.archive()
    assert count_stock([offer])["summer"] == Stock(90, 0, 10)
    publish("summer", number=3)
    shop.look()
    shop.grant("summer", 100)
    assert len(shop.shown) == 100
    assert shop.twice == []


def test_the_list_of_an_offer_that_is_gone_is_removed(shop: Shop) -> None:
    offer = make_offer("summer", 5)
    publish("summer")
    shop.look()
    publish(number=2)
    offer.delete()
    shop.look()
    assert not shop.client.exists(keys.codes("summer"))


def test_who_dies_between_marking_and_putting_in_loses_no_code(shop: Shop) -> None:
    make_offer("summer", 50)
    publish("summer")
    shop.meet()
    shop.client.hset(keys.POOLS, "summer", "the mark of a filling that died")
    hand_codes("summer", most=20, at=AT)
    assert shop.look() == {"summer": 30}  # the rest of the pool comes first
    assert shop.look() == {"summer": 20}
    assert len(shop.grant("summer", 60)) == 50
    assert shop.twice == []


def test_no_more_are_handed_than_were_asked_for_however_postgresql_goes_about_it(shop: Shop) -> None:
    make_offer("summer", 50)
    with connection.cursor() as cursor:  # it takes the table to be empty: as after a vacuum of rows that all were dead
        cursor.execute("UPDATE pg_class SET relpages = 100, reltuples = 0 WHERE relname = 'rules_offercode'")
    assert hand_codes("summer", most=20, at=AT) == [f"summer-{number:05}" for number in range(20)]


def test_a_filling_that_another_one_has_overtaken_puts_nothing_in(shop: Shop) -> None:
    """It was stopped after marking its codes; meanwhile they were found in neither place, and handed again."""
    make_offer("summer", 20)
    publish("summer")
    late = pools._Pools(shop.client, {})
    shop.client.hset(keys.POOLS, "summer", "late")
    codes = hand_codes("summer", most=20, at=AT)
    assert shop.look() == {"summer": 20}
    shop.grant("summer", 10)
    late._put("summer", "late", codes)
    assert len(shop.pool("summer")) == 10
    shop.grant("summer", 20)
    assert shop.twice == []


def test_a_call_that_is_repeated_puts_codes_in_once(shop: Shop) -> None:
    """A client that does not hear the answer calls again, perhaps when the first codes are granted already."""
    make_offer("summer", 20)
    publish("summer")
    filling = pools._Pools(shop.client, {})
    shop.client.hset(keys.POOLS, "summer", "mine")
    codes = hand_codes("summer", most=20, at=AT)
    filling._put("summer", "mine", codes)
    shop.grant("summer", 5)
    filling._put("summer", "mine", codes)
    shop.grant("summer", 20)
    assert len(shop.shown) == 20
    assert shop.twice == []


def test_grants_that_have_not_come_to_the_archive_are_not_taken_for_lost_codes(shop: Shop) -> None:
    make_offer("summer", 20)
    publish("summer")
    shop.look()
    shop.grant("summer", 7)
    assert shop.look() == {}
    shop.grant("summer", 20)
    assert shop.look() == {}
    shop.archive()
    assert shop.look() == {}
    assert len(shop.shown) == Grant.objects.count() == 20
    assert shop.twice == []


def test_a_grant_that_was_set_aside_on_its_way_to_the_archive_counts(shop: Shop) -> None:
    make_offer("summer", 3)
    publish("summer")
    shop.look()
    shop.grant("summer")
    partition = 1 % settings.PZ_PARTITIONS
    [(offset, fields)] = shop.client.xrange(keys.accepted(partition))
    DeadLetter.objects.create(
        log="accepted", partition=partition, offset=offset.decode(), raw=fields[FIELD], reason="", tries=1, at=AT
    )
    shop.client.delete(keys.accepted(partition))
    assert shop.look() == {}
    shop.grant("summer", 5)
    assert shop.twice == []


def test_after_redis_was_emptied_pools_are_filled_with_what_nobody_was_granted(shop: Shop) -> None:
    make_offer("summer", 100)
    publish("summer")
    shop.look()
    shop.grant("summer", 40)
    shop.archive()
    shop.client.flushdb()
    shop.client.set(keys.WHOLE, 1)
    assert shop.look() == {"summer": 60}
    assert shop.pool("summer")[0] == "summer-00099"  # what nobody can know was granted last comes last
    shop.grant("summer", 100)
    assert len(shop.shown) == 100
    assert shop.twice == []


def test_codes_that_wait_come_before_those_that_redis_forgot(shop: Shop) -> None:
    make_offer("summer", HIGH + LOW)
    publish("summer")
    shop.look()
    shop.client.flushdb()
    shop.client.set(keys.WHOLE, 1)
    shop.meet()
    assert shop.look() == {"summer": LOW}
    assert shop.pool("summer")[0] == f"summer-{HIGH:05}"
    shop.grant("summer", 100)
    shop.archive()
    assert shop.look() == {"summer": HIGH}
    assert not shop.twice


def test_a_redis_that_went_back_gives_no_code_to_a_second_person(shop: Shop) -> None:
    """What was taken off the list in its last second is there again; the archiver had been faster."""
    make_offer("summer", 10)
    publish("summer")
    shop.look()
    before = shop.pool("summer")
    granted = shop.grant("summer", 4)
    shop.archive()
    shop.client.delete(keys.codes("summer"))
    shop.client.rpush(keys.codes("summer"), *before)
    shop.client.hset(keys.POOLS, SERVER, "the server before it was started again")
    shop.look()
    assert shop.pool("summer") == before[len(granted) :]


def test_codes_whose_rows_are_gone_leave_the_pool(shop: Shop) -> None:
    make_offer("summer", 10)
    publish("summer")
    shop.look()
    OfferCode.objects.filter(code="summer-00003").delete()
    shop.look()
    assert "summer-00003" not in shop.pool("summer")
    assert len(shop.pool("summer")) == 9


def test_a_database_restored_from_a_copy_hands_no_code_twice(shop: Shop) -> None:
    offer = make_offer("summer", 10)
    publish("summer")
    shop.look()
    OfferCode.objects.update(handed=None)
    shop.look()
    shop.look()
    assert len(shop.pool("summer")) == 10
    assert count_stock([offer])["summer"] == Stock(0, 10, 0)


def test_withdrawn_codes_leave_the_pool_and_new_ones_stay(shop: Shop) -> None:
    offer = make_offer("summer", 100)
    publish("summer")
    shop.look()
    shop.grant("summer", 5)
    shop.archive()
    assert withdraw_codes(offer, at=AT) == 95
    in_between = shop.grant("summer", 1)  # before anybody has looked
    generate_codes(offer, count=4, prefix="NEW-", at=AT)
    shop.look()
    assert all(code.startswith("NEW-") for code in shop.pool("summer"))
    assert len(shop.pool("summer")) == 4
    shop.archive()
    shop.look()
    assert count_stock([offer])["summer"] == Stock(0, 4, 6)
    assert set(offer.codes.values_list("code", flat=True)) >= set(in_between)
    assert offer.codes.count() == 10


def test_a_withdrawn_code_that_was_lost_is_no_more_and_may_come_again(shop: Shop) -> None:
    offer = make_offer("summer", 3)
    publish("summer")
    hand_codes("summer", most=3, at=AT)
    withdraw_codes(offer, at=AT)
    assert offer.codes.count() == 3  # nobody knows yet whether they were granted
    shop.look()
    assert offer.codes.count() == 0


def test_lost_codes_are_looked_for_now_and_then_and_waiting_ones_handed_at_once(shop: Shop) -> None:
    offer = make_offer("summer", 5)
    publish("summer")
    shop.look()
    hand_codes("summer", most=0, at=AT)
    shop.client.delete(keys.codes("summer"))
    assert shop.look(patiently=False) == {}
    generate_codes(offer, count=2, at=AT)
    assert shop.look(patiently=False) == {"summer": 2}
    assert shop.look() == {"summer": 5}


def test_lost_codes_are_not_looked_for_while_the_archiver_is_far_behind(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "MOST_BEHIND", 10)
    make_offer("summer", 50)
    publish("summer")
    shop.meet()
    hand_codes("summer", most=20, at=AT)
    shop.look()
    shop.grant("summer", 11)
    assert shop.look() == {}
    shop.archive()
    assert shop.look() == {"summer": 20}


def test_of_two_processes_one_fills(shop: Shop) -> None:
    make_offer("summer", 5)
    publish("summer")
    with pools._alone() as first:
        assert first
    assert FILL_POOLS not in list_held()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_in_whatever_order_no_code_is_granted_twice(
    shop: Shop, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grants, archiving, looks, fillings that die after marking or come too late, lists that are lost, withdrawals and
    new Books, by chance; at the end every code was seen by one person, waits, or was withdrawn."""
    monkeypatch.setattr(pools, "LOW", 6)
    monkeypatch.setattr(pools, "HIGH", 15)
    chance, offer, number = Random(seed), make_offer("summer", 120), 1
    publish("summer")
    late: list[tuple[str, list[str]]] = []
    withdrawn = 0
    for step in range(150):
        match chance.choice(ACTS):
            case "grant":
                shop.grant("summer", chance.randint(1, 8))
            case "archive":
                shop.archive()
            case "look":
                shop.look(patiently=chance.random() < 0.7)
            case "die":
                shop.client.hset(keys.POOLS, "summer", mark := f"mark {step}")
                late.append((mark, hand_codes("summer", most=chance.randint(1, 6), at=AT)))
            case "late" if late:
                pools._Pools(shop.client, {})._put("summer", *late.pop(chance.randrange(len(late))))
            case "lose":
                shop.client.delete(keys.codes("summer"), keys.POOLS)
            case "book" if chance.random() < 0.3:
                number += 1
                publish(*(["summer"] if number % 2 else []), number=number)
            case "call back" if chance.random() < 0.1:
                withdrawn += withdraw_codes(offer, at=AT)
                generate_codes(offer, count=20, at=AT)
        assert shop.twice == [], f"step {step}"
    publish("summer", number=number + 1)
    for _ in range(40):
        shop.archive()
        shop.look()
        shop.grant("summer", 100)
    shop.archive()
    assert shop.twice == []
    assert len(shop.shown) == Grant.objects.count()
    shop.look()
    assert count_stock([offer])["summer"] == Stock(0, 0, len(shop.shown))
    assert not OfferCode.objects.filter(granted=None).exists()
