"""Pools of codes: kept filled, and whatever dies wherever, no code is granted to two people."""

from random import Random

import pytest
from django.db import connection

from personalization import pools
from personalization.pools import HIGH, LOW, fill_pools
from personalization.rounds import ROUNDS
from profiles import keys
from profiles.locks import FILL_POOLS, list_held
from rules.codes import generate_codes, withdraw_codes
from rules.models import Grant, OfferCode
from rules.pools import hand_codes
from rules.stock import Stock, count_stock
from tests.pools.shop import AT, FRESH, Shop, make_offer, publish

pytestmark = pytest.mark.django_db

ACTS = ("grant", "grant", "grant", "archive", "look", "look", "die", "late", "lose", "book", "call back")


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
