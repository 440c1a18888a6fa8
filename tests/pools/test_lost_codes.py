"""Codes that Redis, PostgreSQL or a process has lost on the way come back to their pool, and to one person at most."""

import pytest
from django.conf import settings

from ingestion.log_redis import FIELD
from ingestion.models import DeadLetter
from personalization import pools
from personalization.pools import HIGH, LOW, SERVER
from profiles import keys
from rules.codes import generate_codes, withdraw_codes
from rules.models import Grant, OfferCode
from rules.pools import hand_codes
from rules.stock import Stock, count_stock
from tests.pools.shop import AT, Shop, make_offer, publish

pytestmark = pytest.mark.django_db


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
