"""What keeps a rule back that holds: schedules, consent, caps and offers, told with its reason and never overshot."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from profiles import keys
from profiles.event import derive_profile_id
from profiles.profile import Trait, pack, unpack
from rules.models import Decision, Grant, PointsEntry
from tests.decisions.conftest import Deciding, cap, rule
from tests.processing.harness import HOUR

DAY = 24 * HOUR


def shown(answer: Any, slot: str = "hero") -> str | None:
    found: str | None = answer.slots[slot].rule
    return found


def kept(answer: Any, slot: str = "hero") -> dict[str, str]:
    return {each.rule: each.why for each in answer.slots[slot].suppressed}


def test_a_rule_is_shown_from_its_start_to_the_millisecond_before_its_end(deciding: Deciding) -> None:
    start = deciding.now + 5_000
    moments = [datetime.fromtimestamp(at / 1_000, UTC).isoformat() for at in (start, start + 10_000)]
    deciding.publish([rule("sale", 9, starts=moments[0], ends=moments[1]), rule("usual")])
    found = []
    for at in (start - 1, start, start + 9_999, start + 10_000):
        deciding.now = at
        answer = deciding.decide("a:anna")
        found.append((shown(answer), kept(answer)))
    held_back = ("usual", {"sale": "outside_schedule"})
    assert found == [held_back, ("sale", {}), ("sale", {}), held_back]


@pytest.mark.parametrize(("said", "expected"), [(None, "usual"), (False, "usual"), (True, "letter")])
def test_a_rule_with_a_purpose_needs_consent_that_was_given(
    deciding: Deciding, said: bool | None, expected: str
) -> None:
    deciding.publish([rule("letter", 9, purpose="marketing"), rule("usual")])
    deciding.send(deciding.event())
    deciding.work()
    name = keys.profile(derive_profile_id("a:anna"))
    if said is not None:
        profile = unpack(deciding.client.get(name))
        profile.consent["marketing"] = Trait(said, deciding.now)
        deciding.client.set(name, pack(profile))
    answer = deciding.decide("a:anna")
    assert shown(answer) == expected
    assert kept(answer) == ({} if said else {"letter": "no_consent"})


@pytest.mark.parametrize(("per", "until"), [("hour", HOUR), ("day", DAY), ("week", 7 * DAY)])
def test_a_cap_per_person_counts_each_period_anew(deciding: Deciding, per: str, until: int) -> None:
    deciding.now -= deciding.now % (7 * DAY)  # a Thursday, at midnight
    deciding.now += 4 * DAY  # so that a week begins
    deciding.publish([rule("teaser", 9, caps=[cap(2, per)]), rule("usual")])
    answers = [deciding.decide("a:anna") for _ in range(3)]
    assert [shown(each) for each in answers] == ["teaser", "teaser", "usual"]
    assert kept(answers[2]) == {"teaser": "cap_reached"}
    assert shown(deciding.decide("a:bob")) == "teaser"  # everybody has a count of their own
    deciding.now += until - 1
    assert shown(deciding.decide("a:anna")) == "usual"
    deciding.now += 1
    assert shown(deciding.decide("a:anna")) == "teaser"


def test_a_campaign_counts_for_ever_and_what_is_over_is_forgotten(deciding: Deciding) -> None:
    deciding.publish([rule("teaser", 9, caps=[cap(2, "campaign"), cap(1, "day")]), rule("usual")])
    found = []
    for _ in range(4):
        found.append(shown(deciding.decide("a:anna")))
        deciding.now += DAY
    assert found == ["teaser", "teaser", "usual", "usual"]
    tally = deciding.client.hgetall(keys.tally(derive_profile_id("a:anna")))
    assert sorted(name.decode().split(":")[2] for name in tally) == ["campaign", "day"]


def test_many_who_ask_at_once_do_not_overshoot_a_cap_of_everybody(deciding: Deciding) -> None:
    deciding.publish([rule("rare", 9, caps=[cap(7, "hour", "everybody")]), rule("usual")])
    answers = deciding.decide_at_once([f"a:{number}" for number in range(60)], "hero")
    assert Counter(map(shown, answers)) == {"rare": 7, "usual": 53}
    deciding.archive()
    recorded = [each["rule"] for decision in Decision.objects.all() for each in decision.answers]
    assert Counter(recorded) == {"rare": 7, "usual": 53}
    late = deciding.decide("a:late", "hero")
    assert kept(late) == {"rare": "total_cap_reached"}


def test_one_person_in_many_windows_does_not_overshoot_a_cap_either(deciding: Deciding) -> None:
    deciding.publish([rule("teaser", 9, caps=[cap(3)]), rule("usual")])
    answers = deciding.decide_at_once(["a:anna"] * 40, "hero")
    assert Counter(map(shown, answers)) == {"teaser": 3, "usual": 37}


def test_a_block_that_is_shown_already_is_not_counted_again(deciding: Deciding) -> None:
    deciding.publish([rule("teaser", 9, caps=[cap(1)]), rule("usual")])
    assert shown(deciding.decide("a:anna")) == "teaser"
    assert shown(deciding.decide("a:anna", held={"hero": "teaser"})) == "teaser"
    assert shown(deciding.decide("a:anna")) == "usual"


def test_what_two_profiles_counted_counts_for_the_person_they_become(deciding: Deciding) -> None:
    deciding.publish(
        [rule("teaser", 9, caps=[cap(3, "campaign")]), rule("gift", slot="footer", offer="gift"), rule("usual")],
        offers={"gift": {"kind": "code"}},
    )
    deciding.add_codes("gift", "A", "B", "C")
    deciding.send(deciding.event(anonymous_id="laptop", user_id="u1"), deciding.event(anonymous_id="phone"))
    deciding.work()
    codes = {deciding.decide(device).slots["footer"].offer.code for device in ("a:laptop", "a:phone")}  # type: ignore[union-attr]
    deciding.decide("a:phone", "hero")
    deciding.send(deciding.event(type="identify", name="Identified", anonymous_id="phone", user_id="u1"))
    deciding.work()
    answer = deciding.decide("u:u1")
    assert (codes, shown(answer)) == ({"A", "B"}, "usual")
    assert answer.slots["footer"].offer is not None and answer.slots["footer"].offer.code == "A"
    assert deciding.client.exists(keys.tally(derive_profile_id("a:phone"))) == 0


def test_a_code_is_one_persons_however_often_and_by_how_many_it_is_asked_for(deciding: Deciding) -> None:
    deciding.publish([rule("sale", 9, offer="ten"), rule("usual")], offers={"ten": {"kind": "code", "name": "10% off"}})
    deciding.add_codes("ten", *(f"CODE{number}" for number in range(5)))
    answers = deciding.decide_at_once([f"a:{number % 8}" for number in range(80)], "hero")
    codes: dict[str, set[str]] = {}
    for number, answer in enumerate(answers):
        offered = answer.slots["hero"].offer
        if offered is not None:
            codes.setdefault(f"a:{number % 8}", set()).add(offered.code)
        else:
            assert kept(answer) == {"sale": "codes_exhausted"}
    assert sorted(code for each in codes.values() for code in each) == [f"CODE{number}" for number in range(5)]
    deciding.archive()
    assert sorted(Grant.objects.values_list("code", flat=True)) == [f"CODE{number}" for number in range(5)]
    person = next(iter(codes))
    assert deciding.decide(person, "hero").slots["hero"].offer.code in codes[person]  # type: ignore[union-attr]


def test_a_block_shows_the_code_that_was_granted_with_it(deciding: Deciding) -> None:
    source = "{% if offer %}<b>{{ offer.code }}</b>{% endif %}"
    deciding.publish(
        [rule("sale", offer="ten")],
        offers={"ten": {"kind": "code"}},
        blocks={"sale-block": {"kind": "html", "source": source}},
    )
    deciding.add_codes("ten", "WELCOME")
    assert b"<b>WELCOME</b>" in bytes(deciding.decide("a:anna").slots["hero"].block or b"")


def test_points_are_granted_once_in_each_period_and_stand_in_the_ledger(deciding: Deciding) -> None:
    deciding.publish(
        [rule("thanks", offer="points")], offers={"points": {"kind": "points", "points": 50, "every": "day"}}
    )
    for _ in range(2):
        for _ in range(3):
            assert deciding.decide("a:anna").slots["hero"].offer.points == 50  # type: ignore[union-attr]
        deciding.now += DAY
    deciding.archive()
    assert list(PointsEntry.objects.values_list("points", flat=True)) == [50, 50]


def test_who_is_not_to_be_known_gets_neither_codes_nor_what_is_counted_for_a_person(deciding: Deciding) -> None:
    deciding.publish(
        [
            rule("code", 9, offer="ten"),
            rule("teaser", 8, caps=[cap(5)]),
            rule("letter", 7, purpose="marketing"),
            rule("new", 6, root={"id": "n", "kind": "event", "event": "Product Viewed", "did": False}),
            rule("sun", 5, root={"id": "c", "kind": "context", "field": "locale", "op": "is", "value": "es"}),
            rule("all", 1),
        ],
        offers={"ten": {"kind": "code"}},
    )
    deciding.add_codes("ten", "A")
    answer = deciding.decide(None)
    assert (shown(answer), kept(answer)) == (
        "all",
        {"code": "unknown_person", "teaser": "unknown_person", "letter": "no_consent"},
    )
    assert shown(deciding.decide(None, context={"locale": "es"})) == "sun"
    assert shown(deciding.decide("a:first-visit")) == "code"
    assert deciding.client.llen(keys.codes("ten")) == 0


def test_rules_of_one_priority_share_people_by_their_weights_and_each_person_keeps_theirs(deciding: Deciding) -> None:
    deciding.publish([rule("a", 5, weight=3), rule("b", 5, weight=1), rule("never", 1)])
    people = [f"a:{number}" for number in range(400)]
    first = [shown(answer) for answer in deciding.decide_at_once(people, "hero")]
    assert [shown(answer) for answer in deciding.decide_at_once(people, "hero")] == first
    assert 260 <= first.count("a") <= 340 and first.count("a") + first.count("b") == 400
    deciding.publish([rule("a", 5, weight=3), rule("b", 5, weight=1), rule("c", 5, weight=4)])
    second = [shown(answer) for answer in deciding.decide_at_once(people, "hero")]
    assert {(one, two) for one, two in zip(first, second, strict=True) if one != two} == {("a", "c"), ("b", "c")}


def test_who_reached_the_cap_of_one_gets_the_other_of_the_same_priority(deciding: Deciding) -> None:
    deciding.publish([rule("a", 5, weight=1, caps=[cap(1)]), rule("b", 5, weight=1, caps=[cap(1)]), rule("usual")])
    found = [shown(deciding.decide("a:anna")) for _ in range(3)]
    assert sorted(found[:2]) == ["a", "b"] and found[2] == "usual"  # type: ignore[type-var]


def test_whoever_wants_to_know_it_all_is_told_of_the_rules_behind_the_shown_one(deciding: Deciding) -> None:
    never = {"id": "c", "kind": "context", "field": "locale", "op": "is", "value": "es"}
    deciding.publish(
        [
            rule("letter", 9, purpose="marketing"),
            rule("sale", 8),
            rule("other", 7),
            rule("spanish", 6, root=never),
            rule("capped", 5, caps=[cap(0)]),
        ]
    )
    assert kept(deciding.decide("a:anna", "hero")) == {"letter": "no_consent"}
    assert kept(deciding.decide("a:anna", "hero", explain=True)) == {
        "letter": "no_consent",
        "other": "lower_priority",
        "capped": "cap_reached",
    }
