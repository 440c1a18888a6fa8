"""Codes on their whole way: uploaded, handed, granted by decisions of two processes, archived; each to one person."""

import io
from datetime import UTC, datetime

import pytest
from django.conf import settings

from personalization import pools
from personalization.pools import fill_pools
from profiles import keys
from rules.codes import upload_codes, withdraw_codes
from rules.models import Grant, Offer
from rules.stock import Stock, count_stock
from tests.decisions.conftest import Deciding, rule

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
SUMMER = {"summer": {"kind": "code", "name": "Summer"}}


@pytest.fixture
def offer(deciding: Deciding) -> Offer:
    summer = Offer.objects.create(slug="summer", name="Summer")
    file = io.BytesIO("\n".join(f"SUN{number:03}" for number in range(60)).encode())
    upload_codes(summer, file, most=1_000_000, by=None, at=AT)
    deciding.publish([rule("code", 9, offer="summer"), rule("usual")], offers=SUMMER)
    return summer


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, deciding: Deciding) -> None:
    monkeypatch.setattr(settings, "PZ_PARTITIONS", deciding.partitions)
    monkeypatch.setattr(pools, "LOW", 10)
    monkeypatch.setattr(pools, "HIGH", 25)


def look(deciding: Deciding) -> dict[str, int]:
    deciding.client.hdel(keys.POOLS, pools.LOOKED)
    return fill_pools(deciding.client)


def ask(deciding: Deciding, people: range) -> int:
    """How many of them were shown the rule with the code."""
    answers = deciding.decide_at_once([f"a:visitor-{number}" for number in people], "hero")
    return sum(answer.slots["hero"].rule == "code" for answer in answers)


def test_every_code_is_granted_to_one_person_and_nobody_gets_two(deciding: Deciding, offer: Offer) -> None:
    shown = 0
    for start in range(0, 100, 10):
        look(deciding)
        shown += ask(deciding, range(start, start + 10))
        assert ask(deciding, range(start, start + 10)) == min(10, max(0, 60 - start))  # they see their code again
        if start % 20:
            deciding.archive()
    deciding.archive()
    look(deciding)
    assert shown == 60
    grants = list(Grant.objects.all())
    assert len({grant.code for grant in grants}) == len({grant.profile_id for grant in grants}) == 60
    assert count_stock([offer])["summer"] == Stock(0, 0, 60)


def test_after_redis_forgot_its_pools_nobody_gets_the_code_of_somebody_else(deciding: Deciding, offer: Offer) -> None:
    look(deciding)
    ask(deciding, range(20))
    deciding.client.delete(keys.codes("summer"), keys.POOLS)
    while look(deciding):
        ask(deciding, range(100))
    deciding.archive()
    look(deciding)
    ask(deciding, range(100))
    deciding.archive()
    codes = [grant.code for grant in Grant.objects.all()]
    assert len(codes) == len(set(codes)) == 60


def test_withdrawn_codes_are_granted_to_nobody(deciding: Deciding, offer: Offer) -> None:
    look(deciding)
    assert ask(deciding, range(5)) == 5
    deciding.archive()
    assert withdraw_codes(offer, at=AT) == 55
    look(deciding)
    assert ask(deciding, range(5, 15)) == 0
    assert ask(deciding, range(5)) == 5  # theirs stay theirs
