"""The simulated visitors are the same for a seed, plausible, and never leave a message without an identity."""

from collections import Counter
from itertools import islice

from personalization import shop
from personalization.simulation import simulate


def test_same_seed_gives_the_same_people_doing_the_same() -> None:
    assert list(islice(simulate(7), 2_000)) == list(islice(simulate(7), 2_000))
    assert list(islice(simulate(7), 100)) != list(islice(simulate(8), 100))


def test_visitors_browse_more_than_they_buy_and_some_sign_in() -> None:
    names = Counter(message.get("event", message["type"]) for message in islice(simulate(1), 5_000))
    assert names["Product Viewed"] > names["Product Added"] > names["Order Completed"] > 0
    assert names["identify"] > 0


def test_every_message_names_its_visitor_and_a_product_of_the_shop() -> None:
    for message in islice(simulate(2), 2_000):
        assert message["anonymousId"]
        if message.get("event") == "Product Viewed":
            assert message["properties"]["product_id"] in shop.BY_ID


def test_some_visitors_come_back() -> None:
    visits = Counter(message["anonymousId"] for message in islice(simulate(3), 10_000) if message["type"] == "page")
    assert max(visits.values()) > 1


def test_an_order_is_worth_what_was_in_the_basket() -> None:
    orders = [message for message in islice(simulate(4), 5_000) if message.get("event") == "Order Completed"]
    assert orders
    for order in orders:
        properties = order["properties"]
        assert properties["revenue"] == round(sum(product["price"] for product in properties["products"]), 2)
