"""Offers and counters: what decisions look at is what they have committed, whatever becomes of the tallies in Redis."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from ingestion.accepted import pack
from ingestion.log_redis import FIELD
from personalization.wiring import clock
from profiles import keys
from profiles.decided import Decided, SlotAnswer
from profiles.event import partition_of
from profiles.models import MergeRecord
from rules.actions import publish_book
from rules.models import Block, Book, Rule, Slot
from rules.tally import name_period
from segments.conditions.calendar import UTC_CALENDAR
from tests.builds.conftest import PARTITIONS
from tests.reconcile.conftest import Town, changed

WEEK = f"s:banner:week:{name_period('week', clock(), UTC_CALENDAR)}"
EVER = "s:banner:campaign:"


@pytest.fixture
def town(make_town: Callable[[int], Town]) -> Town:
    """Where everybody has seen a banner twice that may be shown ten times a week, and to some once more elsewhere."""
    town = make_town(60)
    block = Block.objects.create(slug="hello", name="Hello", source="<p>Hello</p>")
    slot = Slot.objects.create(slug="top", name="Top")
    caps = [{"most": 10, "per": "week", "of": "person"}, {"most": 50, "per": "campaign", "of": "person"}]
    Rule.objects.create(slug="banner", name="Banner", slot=slot, block=block, caps=caps)
    publish_book(by=None, at=timezone.now())
    for person in town.people:
        for _ in range(2):
            show(town, town.id(person))
    show(town, town.id(town.people[0]), held=True)
    town.engine.run()
    return town


def show(town: Town, id: str, *, held: bool = False) -> None:
    """As a decision commits it."""
    decided = Decided(
        id=uuid4().hex,
        profile=id,
        at=clock(),
        door="web",
        source="shop",
        book=Book.objects.latest("number").number,
        position="",
        context={},
        answers=(SlotAnswer("top", "rule_matched", "hello", "banner", held=held),),
    )
    if not held:
        for name in (WEEK, EVER):
            town.client.hincrby(keys.tally(id), name, 1)
    town.client.xadd(keys.accepted(partition_of(id, PARTITIONS)), {FIELD: pack(decided)})


def test_counters_are_counted_anew(town: Town) -> None:
    before = town.photograph()
    assert town.reconcile().differing == 0
    ids = [town.id(person) for person in town.people[3:7]]
    town.client.hincrby(keys.tally(ids[0]), WEEK, 1)
    town.client.hdel(keys.tally(ids[1]), EVER)
    town.client.hset(keys.tally(ids[2]), "s:banner:week:w2020-01-06", 3)  # it is over: nobody looks at it
    run = town.reconcile()
    assert {drift.profile_id.hex: list(drift.aspects) for drift in run.drifts.all()} == {
        ids[0]: ["counters"],
        ids[1]: ["counters"],
    }
    assert changed(before, town.photograph()) == {ids[2]}
    assert (run.mended, town.reconcile().differing) == (2, 0)


def test_a_campaign_counted_more_than_decisions_are_kept(town: Town, settings: Any) -> None:
    Book.objects.order_by("number").filter(number=1).update(published=datetime(2020, 1, 1, tzinfo=UTC))
    id = town.id(town.people[3])
    town.client.hincrby(keys.tally(id), EVER, 5)
    assert town.reconcile().differing == 0
    town.client.hset(keys.tally(id), EVER, 1)
    assert (town.reconcile().mended, town.client.hget(keys.tally(id), EVER)) == (1, b"2")


def test_a_code_of_somebody_who_was_nobody_yet_comes_along(town: Town) -> None:
    town.grant("stranger", "EARLY")
    town.engine.log_events("Signed In", people=["stranger"], user_id="user-0")
    while town.engine.process():
        pass
    town.engine.run()
    known = town.id(town.people[0])
    assert town.id("stranger") == known
    assert town.client.hget(keys.tally(known), "g:ten:") == b"CODE-0"  # what they had first
    assert town.reconcile().differing == 0


def test_the_tallies_of_those_who_were_parted_are_left_alone(town: Town) -> None:
    ids = [town.id(person) for person in town.people[10:12]]
    MergeRecord.objects.create(
        loser_id=ids[0], winner_id=ids[1], state=b"", because="m1", at=timezone.now(), undone=timezone.now()
    )
    for id in ids:
        town.client.delete(keys.tally(id))
    assert town.reconcile().differing == 0
