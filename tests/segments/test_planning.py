"""From one roster to the next: what stays, what is filled, what comes into force together."""

from typing import Any

from segments.planning import call_off, cut_over, forget, plan_roster
from segments.roster import NO_ROSTER, Roster, Version


def define(segment: str, value: str = "gold", *, kind: str = "condition", number: int = 0, asks: str = "") -> Version:
    root: dict[str, Any] = {"id": "r", "kind": "trait", "trait": "plan", "op": "is", "value": value}
    if asks:
        root = {"id": "r", "kind": "segment", "segment": asks}
    condition = None if kind == "list" else {"v": 1, "root": root}
    return Version(segment=segment, version=number, kind=kind, condition=condition)


def newest(roster: Roster) -> dict[str, int]:
    """As the stored versions have it, which are never forgotten."""
    return {each.segment: each.version for each in sorted(roster.versions, key=lambda each: each.version)}


def publish(roster: Roster, *wanted: Version, zone: str = "UTC") -> Roster:
    """The roster after what is wanted has been filled."""
    plan = plan_roster(wanted, roster, newest(roster), zone=zone)
    return roster if plan is None else cut_over(plan.roster)


def test_what_is_new_does_not_answer_before_it_is_filled() -> None:
    plan = plan_roster([define("vips")], NO_ROSTER, {}, zone="UTC")
    assert plan is not None
    assert (plan.filling, plan.roster.answers, plan.roster.coming) == (("vips@1",), {}, {"vips": "vips@1"})
    assert cut_over(plan.roster).answers == {"vips": "vips@1"}


def test_what_says_the_same_stays_with_its_people() -> None:
    before = publish(NO_ROSTER, define("vips"), define("staff", "staff"))
    assert plan_roster([define("vips"), define("staff", "staff")], before, newest(before), zone="UTC") is None
    plan = plan_roster([define("vips"), define("staff", "all")], before, newest(before), zone="UTC")
    assert plan is not None
    assert plan.filling == ("staff@2",)
    assert plan.roster.answers == before.answers  # the old one goes on meanwhile
    assert [each.key for each in plan.roster.versions] == ["staff@1", "vips@1", "staff@2"]
    after = cut_over(plan.roster)
    assert after.answers == {"vips": "vips@1", "staff": "staff@2"}
    assert after.retired == {"staff@1": "staff@2"}
    assert forget(after, ["staff@1"]).retired == {}


def test_whoever_asks_for_what_changes_changes_with_it() -> None:
    before = publish(NO_ROSTER, define("vips"), define("guests", asks="vips"), define("friends", asks="guests"))
    plan = plan_roster(
        [define("vips", "silver"), define("guests", asks="vips"), define("friends", asks="guests")],
        before,
        newest(before),
        zone="UTC",
    )
    assert plan is not None
    assert set(plan.filling) == {"vips@2", "guests@2", "friends@2"}
    friends = plan.roster.find("friends@2")
    assert friends is not None
    assert friends.refers == {"guests": "guests@2"}


def test_a_segment_that_is_withdrawn_stops_at_once_and_is_kept_while_somebody_asks_for_it() -> None:
    before = publish(NO_ROSTER, define("vips"), define("guests", asks="vips"))
    plan = plan_roster([define("guests", asks="vips")], before, newest(before), zone="UTC")
    assert plan is not None
    assert plan.roster.answers == {"guests": "guests@1"}
    assert plan.filling == ("guests@2",)  # asks for a segment that has nobody in it now
    assert plan.roster.find("vips@1") is not None
    after = cut_over(plan.roster)
    assert [each.key for each in after.versions] == ["guests@2"]
    assert after.retired == {"vips@1": "", "guests@1": "guests@2"}


def test_publishing_again_before_it_is_in_force_goes_on_with_what_says_the_same() -> None:
    before = publish(NO_ROSTER, define("vips"))
    first = plan_roster([define("vips", "silver"), define("staff")], before, newest(before), zone="UTC")
    assert first is not None
    again = [define("vips", "silver"), define("staff", "all")]
    second = plan_roster(again, first.roster, newest(first.roster), zone="UTC")
    assert second is not None
    assert second.filling == ("staff@2", "vips@2")
    assert [each.key for each in second.fresh] == ["staff@2"]
    back = plan_roster([define("vips")], first.roster, newest(first.roster), zone="UTC")
    assert back is not None
    assert (back.filling, back.roster.coming) == ((), {"vips": "vips@1"})


def test_what_is_called_off_leaves_what_answers() -> None:
    before = publish(NO_ROSTER, define("vips"))
    plan = plan_roster([define("vips", "silver")], before, newest(before), zone="UTC")
    assert plan is not None
    after = call_off(plan.roster)
    assert (after.answers, after.coming) == (before.answers, before.answers)
    assert after.versions == before.versions
    assert after.number == before.number + 2


def test_going_back_is_a_version_of_its_own() -> None:
    """What was replaced is no longer kept up to date."""
    first = publish(NO_ROSTER, define("vips"))
    second = publish(first, define("vips", "silver"))
    third = plan_roster([define("vips")], second, {"vips": 2}, zone="UTC")
    assert third is not None
    assert third.filling == ("vips@3",)


def test_another_time_zone_is_another_definition_of_whatever_has_days() -> None:
    before = publish(NO_ROSTER, define("vips"), define("team", kind="list", number=1))
    plan = plan_roster(
        [define("vips"), define("team", kind="list", number=1)], before, newest(before), zone="Europe/Dublin"
    )
    assert plan is not None
    assert plan.filling == ("vips@2",)


def test_a_list_has_the_number_of_its_upload() -> None:
    before = publish(NO_ROSTER, define("team", kind="list", number=1))
    assert before.answers == {"team": "team@1"}
    after = publish(before, define("team", kind="list", number=4))
    assert after.answers == {"team": "team@4"}


def test_a_list_that_comes_back_is_not_among_what_everybody_leaves() -> None:
    before = publish(NO_ROSTER, define("team", kind="list", number=1))
    withdrawn = plan_roster([], before, newest(before), zone="UTC")
    assert withdrawn is not None
    assert withdrawn.roster.retired == {"team@1": ""}
    back = plan_roster([define("team", kind="list", number=1)], withdrawn.roster, {"team": 1}, zone="UTC")
    assert back is not None
    assert (back.filling, back.roster.retired) == (("team@1",), {})
