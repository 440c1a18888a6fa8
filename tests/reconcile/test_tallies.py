"""Offers and counters: what decisions look at is what they have committed, whatever becomes of the tallies in Redis."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from msgspec.structs import replace

from ingestion.accepted import pack
from ingestion.log_redis import FIELD
from personalization.reconcile.runs import read_drift
from personalization.wiring import clock
from profiles import keys
from profiles.decided import Decided, SlotAnswer
from profiles.event import partition_of
from profiles.models import Erasure, MergeRecord, StoredProfile
from profiles.profile import pack as pack_profile
from profiles.profile import unpack
from rules.actions import publish_book
from rules.models import Block, Book, Offer, OfferCode, Rule, Slot
from rules.reckoning import find_wrong, read_caps, reckon
from rules.tally import name_period
from segments.conditions.calendar import HOUR_MS, UTC_CALENDAR
from tests.builds.conftest import PARTITIONS
from tests.reconcile.conftest import Town, changed, read_evidence

WEEK = f"s:banner:week:{name_period('week', clock(), UTC_CALENDAR)}"
EVER = "s:banner:campaign:"
ALL_WEEK, ALL_EVER = (name.replace("s:", "t:", 1) for name in (WEEK, EVER))


@pytest.fixture
def town(make_town: Callable[[int], Town]) -> Town:
    """Where everybody has seen a banner twice that may be shown ten times a week, and to some once more elsewhere; all
    of it counts for everybody together as well."""
    town = make_town(60)
    block = Block.objects.create(slug="hello", name="Hello", source="<p>Hello</p>")
    slot = Slot.objects.create(slug="top", name="Top")
    caps = [{"most": 10, "per": "week", "of": "person"}, {"most": 50, "per": "campaign", "of": "person"}]
    caps += [{"most": 1_000, "per": per, "of": "everybody"} for per in ("week", "campaign")]
    caps += [{"most": 9, "per": "hour", "of": "person"}]
    Rule.objects.create(slug="banner", name="Banner", slot=slot, block=block, caps=caps)
    publish_book(by=None, at=timezone.now())
    for person in town.people:
        for _ in range(2):
            show(town, town.id(person))
    show(town, town.id(town.people[0]), held=True)
    town.engine.run()
    return town


def show(town: Town, id: str, *, held: bool = False) -> int:
    """As a decision commits it; when that is."""
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
        for name in (WEEK, EVER, name_hour(decided.at)):
            town.client.hincrby(keys.tally(id), name, 1)
        for name in (ALL_WEEK, ALL_EVER):
            town.client.incr(keys.total(name))
    town.client.xadd(keys.accepted(partition_of(id, PARTITIONS)), {FIELD: pack(decided)})
    return decided.at


def name_hour(at: int) -> str:
    return f"s:banner:hour:{name_period('hour', at, UTC_CALENDAR)}"


def totals(town: Town) -> list[int]:
    return [int(town.client.get(keys.total(name)) or 0) for name in (ALL_WEEK, ALL_EVER)]


def test_counters_are_counted_anew(town: Town) -> None:
    before = town.photograph()
    assert town.reconcile().differing == 0
    ids = [town.id(person) for person in town.people[3:7]]
    town.client.hincrby(keys.tally(ids[0]), WEEK, 1)
    town.client.hdel(keys.tally(ids[1]), EVER)
    town.client.hset(keys.tally(ids[2]), "s:banner:week:w2020-01-06", 3)  # it is over: nobody looks at it
    run = town.reconcile()
    assert {id: list(drift.aspects) for id, drift in read_evidence(run).items()} == {
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


def test_an_hour_is_counted_anew_as_long_as_it_lasts(town: Town) -> None:
    id = town.id("new")
    at = show(town, id)
    town.engine.run()
    caps = read_caps(at)
    reckoned = reckon({id: id}, caps)[id]
    hour = name_hour(at)
    assert reckoned.counts[hour] == 1
    tally = {name.decode(): said.decode() for name, said in town.client.hgetall(keys.tally(id)).items()}
    assert find_wrong(reckoned, tally, caps) == {}
    assert find_wrong(reckoned, {**tally, hour: "3"}, caps) == {hour: ("3", "1")}
    later = read_caps(at + HOUR_MS)
    assert find_wrong(reckon({id: id}, later)[id], {**tally, hour: "3"}, later) == {}


def test_counters_of_everybody_are_counted_anew(town: Town) -> None:
    right = totals(town)
    assert right == [120, 120]
    assert (town.reconcile().common, totals(town)) == (0, right)
    town.client.decrby(keys.total(ALL_WEEK), 7)
    town.client.set(keys.total(ALL_EVER), 900)
    run = town.reconcile()
    assert (run.common, run.differing, totals(town)) == (2, 0, right)
    [drift] = run.drifts.all()
    assert drift.profile_id is None and drift.mended is not None
    assert drift.aspects["counters"]["expected"] == {ALL_WEEK: 120, ALL_EVER: 120}
    assert drift.aspects["counters"]["found"] == {ALL_WEEK: "113", ALL_EVER: "900"}
    assert (town.reconcile().common, read_drift().common) == (0, 0)
    town.client.set(keys.total(ALL_WEEK), "many")
    town.client.delete(keys.total(ALL_EVER))
    assert (town.reconcile(mends=False).common, totals_said(town)) == (2, [b"many", None])
    assert (town.reconcile().common, totals(town)) == (2, right)


def totals_said(town: Town) -> list[bytes | None]:
    return [town.client.get(keys.total(name)) for name in (ALL_WEEK, ALL_EVER)]


def test_counters_of_everybody_are_mended_while_others_count(town: Town) -> None:
    town.client.decrby(keys.total(ALL_EVER), 50)
    town.client.incrby(keys.total(ALL_WEEK), 50)
    shown = 0

    def meanwhile() -> None:
        nonlocal shown
        show(town, town.id(town.people[shown % 60]))
        shown += 1

    assert town.reconcile(meanwhile).common == 2
    town.engine.run()
    town.reconcile()
    assert shown and totals(town) == [120 + shown, 120 + shown]


def test_what_was_erased_may_have_counted(town: Town) -> None:
    """Nobody is shown more for having forgotten somebody."""
    id = town.id(town.people[3])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM rules_decision WHERE profile_id = %s", [UUID(id)])
    Erasure.objects.create(
        profile="digest", requested=timezone.now(), by="olga", done=timezone.now(), counts={"decisions": 2}
    )
    town.client.delete(keys.tally(id))
    assert (town.reconcile().common, totals(town)) == (0, [120, 120])
    town.client.incr(keys.total(ALL_EVER))
    assert (town.reconcile().common, totals(town)) == (1, [120, 120])


def test_a_code_that_was_granted_is_nobody_elses(town: Town) -> None:
    offer = Offer.objects.create(slug="ten", name="Ten")
    for code, granted in (("CODE-0", None), ("CODE-1", timezone.now()), ("FREE", None)):
        OfferCode.objects.create(offer=offer, code=code, handed=timezone.now(), granted=granted)
    town.client.rpush(keys.codes("ten"), "CODE-0", "FREE")
    run = town.reconcile()
    [drift] = run.drifts.all()
    assert run.common == 1 and list(drift.aspects) == ["codes"] and "CODE-0" not in str(drift.aspects)
    assert set(OfferCode.objects.filter(granted=None).values_list("code", flat=True)) == {"FREE"}
    assert town.client.lrange(keys.codes("ten"), 0, -1) == [b"FREE"]
    assert town.reconcile().common == 0


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


def test_the_tallies_and_lists_of_those_who_were_parted_are_left_alone(town: Town) -> None:
    ids = [town.id(person) for person in town.people[10:12]]
    MergeRecord.objects.create(
        loser_id=ids[0], winner_id=ids[1], state=b"", because="m1", at=timezone.now(), undone=timezone.now()
    )
    for id in ids:
        town.client.delete(keys.tally(id))
        profile = unpack(town.client.get(keys.profile(id)))
        kept = {key: at for key, at in profile.segments.items() if key not in ("vip@1", "invited@1")}
        state = pack_profile(replace(profile, segments=kept))
        town.client.set(keys.profile(id), state)
        StoredProfile.objects.filter(pk=id).update(state=state, segments=kept)
    assert town.reconcile().differing == 0
