"""New versions of segments are filled beside live events: nobody is missed, and nobody is told before they answer."""

from typing import Any

import pytest

from ingestion.accepted import Cause, Filled, SegmentEntered, SegmentLeft
from ingestion.steps import Definitions
from profiles import keys
from profiles.event import Enrol, Fill, Record, Settle, anonymous_key, derive_profile_id, pack, partition_of, user_key
from profiles.identity import retired_key
from profiles.profile import Profile
from segments.membership import Membership, Segments
from segments.roster import Roster, Version, compile_roster
from tests.processing.harness import HOUR, MEMORY, START, Harness

VIEWED = {
    "v": 1,
    "root": {"id": "v", "kind": "event", "event": "Product Viewed", "window": {"last": 1, "unit": "hours"}},
}
NOT_ORDERED = {"v": 1, "root": {"id": "o", "kind": "event", "event": "Order Completed", "did": False}}
ON_THE_LIST = {"v": 1, "root": {"id": "l", "kind": "segment", "segment": "team"}}
ANNA = derive_profile_id("a:anna")


def condition(segment: str, number: int, tree: Any, **refers: str) -> Version:
    return Version(segment=segment, version=number, condition=tree, refers=refers)


def put(harness: Harness, roster: Roster) -> None:
    """In force from the next batch on."""
    harness.store.in_force = {keys.ROSTER: roster.number}
    harness.definitions = Definitions(MEMORY, compile_roster(roster), dict(harness.store.in_force))


def ask(harness: Harness, record: Record, profile_id: str = ANNA) -> None:
    harness.log.append({partition_of(profile_id, harness.partitions): [pack(record)]})
    harness.run()


def changes(harness: Harness) -> list[tuple[str, str]]:
    return [
        (type(record).__name__, slug)
        for record in harness.accepted()
        if isinstance(record, SegmentEntered | SegmentLeft)
        for slug in record.segments
    ]


@pytest.fixture
def harness() -> Harness:
    """Somebody who has viewed a product, before any segment was defined."""
    harness = Harness()
    harness.send(harness.event())
    harness.run()
    return harness


def test_what_is_being_filled_is_carried_and_not_spoken_of(harness: Harness) -> None:
    put(harness, Roster(number=1, versions=(condition("keen", 1, VIEWED),), coming={"keen": "keen@1"}))
    ask(harness, Fill(build=1, keys=("keen@1",), profiles=(ANNA, "f" * 32)))
    assert harness.profile("a:anna").segments == {"keen@1": START}
    assert changes(harness) == []
    assert [record.profiles for record in harness.accepted() if isinstance(record, Filled)] == [(ANNA,)]


def test_a_filled_window_ends_on_time(harness: Harness) -> None:
    roster = Roster(number=1, versions=(condition("keen", 1, VIEWED),), answers={"keen": "keen@1"})
    put(harness, roster)
    ask(harness, Fill(build=1, keys=("keen@1",), profiles=(ANNA,)))
    harness.now = START + HOUR
    harness.run()
    assert harness.profile("a:anna").segments.keys() == {"keen@1"}
    harness.now += 1
    harness.run()
    assert harness.profile("a:anna").segments == {}
    left = [record for record in harness.accepted() if isinstance(record, SegmentLeft)]
    assert [(each.segments, each.at, each.cause) for each in left] == [(("keen",), START + HOUR + 1, Cause.TIME)]


def test_somebody_new_is_evaluated_whole_at_the_first_event() -> None:
    """Whoever has not ordered has not ordered from the first page on, and no event will ever say so."""
    harness = Harness({"no-order": NOT_ORDERED})
    harness.send(harness.event("Page Viewed"))
    harness.run()
    assert harness.profile("a:anna").segments == {"no-order": START}
    assert changes(harness) == [("SegmentEntered", "no-order")]


def test_a_batch_computed_with_an_older_roster_is_computed_anew(harness: Harness) -> None:
    put(harness, Roster(number=1, versions=(condition("keen", 1, VIEWED),)))
    older, harness.definitions = harness.definitions, Definitions(MEMORY, compile_roster(Roster()), {keys.ROSTER: 0})
    asked: list[bool] = []

    def look(*, anew: bool = False) -> Definitions:
        asked.append(anew)
        if anew:
            harness.definitions = older
        return harness.definitions

    harness.processor = harness.start_processor(look)
    harness.send(harness.event())
    assert harness.run() == 0
    assert harness.run() == 1
    assert True in asked
    assert harness.profile("a:anna").segments == {"keen@1": START}
    assert harness.profile("a:anna").events["Product Viewed"].count == 2


def test_timers_wait_for_the_newer_roster_too(harness: Harness) -> None:
    put(harness, Roster(number=1, versions=(condition("keen", 1, VIEWED),), answers={"keen": "keen@1"}))
    ask(harness, Fill(build=1, keys=("keen@1",), profiles=(ANNA,)))
    harness.now = START + HOUR + 1
    harness.store.in_force = {keys.ROSTER: 2}
    harness.run()
    assert harness.profile("a:anna").segments.keys() == {"keen@1"}
    put(harness, Roster(number=2, versions=(condition("keen", 1, VIEWED),), answers={"keen": "keen@1"}))
    harness.run()
    assert harness.profile("a:anna").segments == {}


def test_people_are_put_into_a_list_and_whoever_asks_for_it_follows(harness: Harness) -> None:
    versions = (Version(segment="team", version=1, kind="list"), condition("guests", 1, ON_THE_LIST, team="team@1"))
    answers = {"team": "team@1", "guests": "guests@1"}
    put(harness, Roster(number=1, versions=versions, answers=answers))
    for _ in range(2):  # asking again changes nothing
        ask(harness, Enrol(build=1, key="team@1", people=(("a:anna", ANNA),)))
    assert harness.profile("a:anna").segments == {"team@1": START, "guests@1": START}
    assert sorted(changes(harness)) == [("SegmentEntered", "guests"), ("SegmentEntered", "team")]


def test_somebody_on_a_list_who_was_never_seen_is_known_from_then_on_and_keeps_it() -> None:
    """As a customer of the back end, who then comes to the site: by user id, and on a device that was there before."""
    harness = Harness()
    put(
        harness,
        Roster(
            number=1,
            versions=(Version(segment="team", version=1, kind="list"), condition("quiet", 1, NOT_ORDERED)),
            answers={"team": "team@1", "quiet": "quiet@1"},
        ),
    )
    id = derive_profile_id(user_key("42"))
    ask(harness, Enrol(build=1, key="team@1", people=((user_key("42"), id),)), id)
    listed = harness.profile("u:42")
    assert (listed.user_id, set(listed.segments)) == ("42", {"team@1", "quiet@1"})
    harness.send(harness.event(anonymous_id="phone"))
    harness.run()
    harness.send(harness.event(anonymous_id="phone", user_id="42"))
    harness.run()
    assert harness.profile("a:phone").id == id
    assert harness.profile("u:42").segments.keys() == {"team@1", "quiet@1"}
    assert harness.profile("u:42").events["Product Viewed"].count == 2


def test_a_list_follows_people_into_the_profile_that_took_theirs_over(harness: Harness) -> None:
    put(harness, Roster(number=1, versions=(Version(segment="team", version=1, kind="list"),)))
    harness.send(harness.event(user_id="1"))
    harness.run()
    harness.send(harness.event(anonymous_id="anna", user_id="1"))
    harness.run()
    assert retired_key(ANNA) in harness.store.links
    ask(harness, Enrol(build=1, key="team@1", people=(("", ANNA),)))
    harness.run()
    assert harness.profile("u:1").segments == {"team@1": START}


def test_what_came_into_force_is_told_once_to_whom_it_changes_something() -> None:
    """Anna was and is, Bob was and is not, Cleo was not and is, Dora came in by an event afterwards."""
    harness = Harness()
    old = condition("keen", 1, NOT_ORDERED)
    new = condition("keen", 2, VIEWED)
    put(harness, Roster(number=1, versions=(old,), answers={"keen": "keen@1"}))
    ids = {name: derive_profile_id(anonymous_key(name)) for name in ("anna", "bob", "cleo", "dora")}
    harness.send(*(harness.event("Page Viewed", anonymous_id=name) for name in ("anna", "bob")))
    harness.send(*(harness.event("Order Completed", anonymous_id=name) for name in ("cleo", "dora")))
    harness.run()
    harness.send(harness.event(anonymous_id="anna"), harness.event(anonymous_id="cleo"))
    harness.run()
    told = len(changes(harness))

    harness.now = since = START + 1_000
    put(harness, Roster(number=2, versions=(old, new), answers={"keen": "keen@1"}, coming={"keen": "keen@2"}))
    for id in ids.values():
        ask(harness, Fill(build=7, keys=("keen@2",), profiles=(id,)), id)
    assert len(changes(harness)) == told

    harness.now = at = START + 2_000
    put(harness, Roster(number=3, versions=(new,), answers={"keen": "keen@2"}, retired={"keen@1": "keen@2"}))
    harness.now += 1
    harness.send(harness.event(anonymous_id="dora"))
    harness.run()
    for id in ids.values():
        request = Settle(build=7, keys=("keen@2",), retired=(("keen@1", "keen@2"),), since=since, at=at, profiles=(id,))
        ask(harness, request, id)
    people = {name: harness.profile(anonymous_key(name)).segments for name in ids}
    assert people == {"anna": {"keen@2": START}, "bob": {}, "cleo": {"keen@2": since}, "dora": {"keen@2": at + 1}}
    news = [
        (type(record).__name__, record.profile, record.at, record.because)
        for record in harness.accepted()
        if isinstance(record, SegmentEntered | SegmentLeft) and record.at > START
    ]
    assert sorted(news) == sorted(
        [
            ("SegmentEntered", ids["cleo"], since, "7"),
            ("SegmentEntered", ids["dora"], at + 1, "m7"),
            ("SegmentLeft", ids["bob"], at, "7"),
        ]
    )


def test_whoever_was_in_a_segment_that_is_withdrawn_has_left_it(harness: Harness) -> None:
    put(harness, Roster(number=1, versions=(condition("keen", 1, VIEWED),), answers={"keen": "keen@1"}))
    ask(harness, Fill(build=1, keys=("keen@1",), profiles=(ANNA,)))
    put(harness, Roster(number=2, retired={"keen@1": ""}))
    ask(harness, Settle(build=2, keys=(), retired=(("keen@1", ""),), since=0, at=START + 5, profiles=(ANNA,)))
    assert harness.profile("a:anna").segments == {}
    assert changes(harness) == [("SegmentLeft", "keen")]


def test_a_profile_that_breaks_keeps_nobody_else_out(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness(partitions=1)
    names = ("anna", "bob", "cleo")
    ids = tuple(derive_profile_id(anonymous_key(name)) for name in names)
    harness.send(*(harness.event(anonymous_id=name) for name in names))
    harness.run()
    put(harness, Roster(number=1, versions=(condition("keen", 1, VIEWED),)))
    evaluate = Segments.evaluate

    def fail_for_bob(self: Segments, profile: Profile, *rest: Any) -> Membership:
        if profile.id == ids[1]:
            raise ArithmeticError("of bob's")
        return evaluate(self, profile, *rest)

    monkeypatch.setattr(Segments, "evaluate", fail_for_bob)
    harness.log.append({0: [pack(Fill(build=1, keys=("keen@1",), profiles=ids))]})
    for _ in range(20):
        harness.run()
    assert [bool(harness.profile(anonymous_key(name)).segments) for name in names] == [True, False, True]
    assert [type(record).__name__ for record in harness.accepted()].count("Dead") == 1
