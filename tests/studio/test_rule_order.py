"""The order of a slot's rules: moved in steps, saved as priorities, never over what somebody else has changed."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from django.test import Client

from rules.drafts import save_draft
from rules.models import Revision, Rule
from rules.ordering import find_priorities
from studio.rules.moving import Move, move, read_order, write_order
from tests.admin.operators import make_definitions
from tests.studio.drafts import make_rule
from tests.studio.people import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

RULES = "/studio/content/"
NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)


ORDERS = [
    ("a b c", "a", Move.DOWN, "b a c"),
    ("a b c", "a", Move.UP, "a b c"),
    ("a b c", "c", Move.UP, "a c b"),
    ("a b+c d", "b", Move.UP, "a b c d"),
    ("a b+c d", "b", Move.DOWN, "a c b d"),
    ("a b+c d", "a", Move.DOWN, "b+c a d"),
    ("a b+c d", "d", Move.JOIN, "a b+c+d"),
    ("a b+c d", "c", Move.LEAVE, "a b c d"),
    ("a b", "a", Move.JOIN, "a b"),
]


@pytest.mark.parametrize(("before", "slug", "how", "after"), ORDERS)
def test_a_move(before: str, slug: str, how: Move, after: str) -> None:
    assert write_order(move(read_order(before), slug, how)) == after


@pytest.mark.parametrize(
    ("steps", "priorities"),
    [
        ([[30], [20], [10]], [30, 20, 10]),
        ([[10], [30], [20]], [40, 30, 20]),  # one was lifted to the top: the others stay
        ([[30], [10], [20]], [30, 25, 20]),
        ([[20, 10], [5]], [20, 5]),
        ([[1], [3], [2]], [13, 3, 2]),
        ([[7]], [7]),
        ([[2**31 - 1], [2**31 - 1]], [2**31 - 1, 2**31 - 11]),
        ([], []),
    ],
)
def test_an_order_moves_as_few_rules_as_it_can(steps: list[list[int]], priorities: list[int]) -> None:
    assert find_priorities(steps) == priorities


def test_priorities_always_fall() -> None:
    chance = Random(7)
    for _ in range(300):
        steps = [[chance.randint(-9, 9) for _ in range(chance.randint(1, 3))] for _ in range(chance.randint(1, 9))]
        found = find_priorities(steps)
        assert found == sorted(set(found), reverse=True)


def order(client: Client, steps: str, **more: str) -> Any:
    seen = " ".join(f"{rule.slug}:{rule.version}" for rule in Rule.objects.all())
    return client.post(f"{RULES}slots/hero/order/", {"order": steps, "seen": seen, **more}, follow=True)


def test_an_order_is_saved_as_priorities_and_revisions() -> None:
    _, _, _, gold = make_definitions()
    make_rule("low", priority=10)
    make_rule("high", priority=20)
    client = sign_in("marketer")
    answer = order(client, "low high gold-thanks")
    assert "The order is saved." in answer.content.decode()
    told = dict(Rule.objects.values_list("slug", "priority"))
    assert told == {"low": 10, "high": 5, "gold-thanks": 0}
    assert Revision.objects.filter(slug="low").count() == 1 and Revision.objects.filter(slug="high").count() == 2
    order(client, "low high+gold-thanks")
    assert Rule.objects.get(slug="high").priority == Rule.objects.get(pk=gold.pk).priority
    order(client, "low high+gold-thanks", move="down:low")
    assert Rule.objects.get(slug="low").priority < Rule.objects.get(slug="high").priority


def test_an_order_of_what_others_have_changed_is_not_saved() -> None:
    make_definitions()
    rule = make_rule("low", priority=10)
    seen = "low:1 gold-thanks:0"
    rule.name = "Renamed"
    save_draft(rule, by=None, at=NOW)
    client = sign_in("marketer")
    said = {"order": "gold-thanks low", "seen": seen}
    answer = client.post(f"{RULES}slots/hero/order/", said, follow=True)
    assert "Renamed: It was changed meanwhile: name" in answer.content.decode()
    for steps in ("low", "low low gold-thanks", "low gold-thanks other", ""):
        assert "The order was not saved" in order(client, steps).content.decode()
    assert Rule.objects.get(slug="low").priority == 10
