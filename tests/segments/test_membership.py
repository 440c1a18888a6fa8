"""Which segments a profile is in: in order of dependency, by the keys and the calendar of a roster."""

from typing import Any

import pytest

from profiles.profile import History, Moment, Profile, Trait
from segments.conditions.language import BadCondition
from segments.membership import SegmentCycle, compile_segments
from segments.roster import Roster, Version, compile_roster, name_segments

NOW = 1_800_000_000_000
GOLD = Profile(id="1", traits={"plan": Trait("gold", NOW)}, first_seen=NOW, last_seen=NOW)


def tree(**root: Any) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "root", **root}}


def has(plan: str) -> dict[str, Any]:
    return tree(kind="trait", trait="plan", op="is", value=plan)


def member(slug: str) -> dict[str, Any]:
    return tree(kind="segment", segment=slug)


def version(segment: str, number: int, condition: Any = None, kind: str = "condition", **refers: str) -> Version:
    return Version(segment=segment, version=number, kind=kind, condition=condition, refers=refers)


def test_a_segment_of_segments_is_decided_after_them() -> None:
    segments = compile_segments({"a": member("z"), "z": has("gold"), "m": member("a")})
    assert [key for key, _ in segments.ordered] == ["z", "a", "m"]
    assert segments.evaluate(GOLD, NOW).entered == ("z", "a", "m")
    assert segments.affected(traits=("plan",)) == [0, 1, 2]
    assert segments.affected(keys=("a",)) == [2]


def test_segments_that_ask_for_each_other_are_refused() -> None:
    with pytest.raises(SegmentCycle, match="refer to each other"):
        compile_segments({"a": member("b"), "b": member("c"), "c": member("a")})


def test_a_segment_cannot_ask_for_the_context() -> None:
    with pytest.raises(BadCondition, match="ask for it in a rule"):
        compile_segments({"here": tree(kind="context", field="page.path", op="is", value="/")})


def test_two_versions_stand_side_by_side_and_one_answers() -> None:
    roster = Roster(
        number=2,
        versions=(version("vips", 1, has("gold")), version("vips", 2, has("silver"))),
        answers={"vips": "vips@1"},
        coming={"vips": "vips@2"},
    )
    segments = compile_roster(roster)
    membership = segments.evaluate(GOLD, NOW)
    assert membership.segments == {"vips@1": NOW}
    assert segments.say(membership.entered) == ("vips",)
    silver = Profile(id="2", traits={"plan": Trait("silver", NOW)})
    assert segments.say(segments.evaluate(silver, NOW).entered) == ()  # it does not answer yet


def test_a_reference_is_to_the_version_it_was_made_for() -> None:
    versions = (
        version("vips", 1, has("gold")),
        version("vips", 2, has("silver")),
        version("guests", 1, member("vips"), vips="vips@1"),
        version("guests", 2, member("vips"), vips="vips@2"),
        version("lonely", 1, member("nobody-made-it")),
    )
    segments = compile_roster(Roster(versions=versions))
    assert segments.evaluate(GOLD, NOW).segments.keys() == {"vips@1", "guests@1"}


def test_people_of_a_list_stay_in_it_and_whoever_asks_for_it_follows() -> None:
    versions = (
        version("staff", 1, kind="list"),
        version(
            "others",
            1,
            tree(kind="not", children=[{"id": "in", "kind": "segment", "segment": "staff"}]),
            staff="staff@1",
        ),
    )
    segments = compile_roster(Roster(versions=versions, answers={"staff": "staff@1", "others": "others@1"}))
    clerk = Profile(id="3", segments={"staff@1": 5})
    assert segments.evaluate(clerk, NOW).segments == {"staff@1": 5}
    assert segments.evaluate(GOLD, NOW).segments == {"others@1": NOW}
    assert segments.affected(keys=("staff@1",)) == [0]


def test_what_nobody_defines_any_more_is_forgotten_and_what_is_retired_is_kept_until_it_is_settled() -> None:
    segments = compile_roster(Roster(versions=(version("a", 2, has("gold")),), retired={"a@1": "a@2"}))
    carrying = Profile(id="4", segments={"a@1": 1, "b@1": 2})
    membership = segments.evaluate(carrying, NOW)
    assert (membership.segments, membership.left) == ({"a@1": 1}, ("b@1",))


def test_a_profile_is_shown_by_the_segments_that_answer() -> None:
    carrying = Profile(id="5", segments={"a@1": 1, "a@2": 2, "b@7": 3})
    assert name_segments(carrying, {"a": "a@2", "c": "c@1"}).segments == {"a": 2}


def test_days_are_those_of_the_rosters_zone() -> None:
    """At 14:30 UTC of one day it is the next day in Auckland: an event of 13 hours ago is yesterday's there."""
    today = tree(kind="event", event="Page Viewed", window={"this": "day"})
    now = 1_781_706_600_000  # 2026-06-17T14:30Z
    at = now - 13 * 3_600_000
    person = Profile(id="6", events={"Page Viewed": History(1, 0, at, at, [Moment(at, 0, {})])}, last_seen=at)
    for zone, held in (("UTC", True), ("Pacific/Auckland", False)):
        segments = compile_roster(Roster(zone=zone, versions=(version("today", 1, today),)))
        assert bool(segments.evaluate(person, now).segments) is held


def test_whoever_comes_in_by_one_part_of_a_condition_leaves_when_another_part_ends() -> None:
    visit = {"id": "visit", "kind": "event", "event": "Visited", "value": 1, "window": {"last": 7, "unit": "days"}}
    pay = {"id": "pay", "kind": "event", "event": "Paid", "value": 1}
    segments = compile_segments({"both": tree(kind="and", children=[visit, pay])})
    visited, paid = History(1, 0, 100, 100, [Moment(100, 0, {})]), History(1, 0, 200, 200, [Moment(200, 0, {})])
    visitor = Profile(id="p", events={"Visited": visited})
    assert segments.evaluate(visitor, 100, segments.affected(("Visited",)), ("Visited",)).flips_at is None
    payer = Profile(id="p", events={"Visited": visited, "Paid": paid})
    membership = segments.evaluate(payer, 200, segments.affected(("Paid",)), ("Paid",))
    assert membership.entered == ("both",)
    assert membership.flips_at == 100 + 7 * 86_400_000 + 1
