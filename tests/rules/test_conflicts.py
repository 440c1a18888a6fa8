"""What rules do to each other and to themselves is said before publishing, with their names, and only what is true."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest

from rules.conflicts import MOST_TOLD, find_conflicts
from rules.definitions import BookPayload
from rules.engine import NOBODY, Facts, Reason, choose, compile_book
from tests.segments.cases import Case, with_ids
from tests.segments.strategies import Seeded, _Maker

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
HTML = {"kind": "html", "source": "<p>"}
GOLD = {"kind": "trait", "trait": "plan", "op": "is", "value": "gold"}
ADULT = {"kind": "trait", "trait": "age", "op": "at_least", "value": 18}
SALE = {"kind": "context", "field": "page.path", "op": "is", "value": "/sale"}
ANYWHERE: dict[str, Any] = {"kind": "or", "children": [SALE, GOLD]}
NO = {"kind": "not", "children": [GOLD]}


def both(*children: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "and", "children": list(children)}


def segment(slug: str) -> dict[str, Any]:
    return {"kind": "segment", "segment": slug}


def tree(node: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if node is None else {"v": 1, "root": with_ids(node)}


def rule(slug: str, condition: dict[str, Any] | None = None, priority: int = 0, **said: Any) -> dict[str, Any]:
    base = {"slug": slug, "name": slug.title(), "slot": "hero", "block": "banner", "priority": priority}
    return {**base, "condition": tree(condition), **said}


def book(*rules: dict[str, Any], **said: Any) -> BookPayload:
    payload: dict[str, Any] = {"v": 1, "number": 1, "slots": {"hero": {}, "bar": {}}, "blocks": {"banner": HTML}}
    return msgspec.convert({**payload, "rules": rules, **said}, BookPayload)


def conflicts(*rules: dict[str, Any], **said: Any) -> list[str]:
    asked = {name: said.pop(name) for name in ("exhausted", "empty_lists") if name in said}
    return find_conflicts(book(*rules, **said), at=AT, **asked)


def test_a_rule_below_one_for_everybody_is_always_hidden() -> None:
    assert conflicts(rule("all", priority=2), rule("gold", GOLD, 1)) == [
        "Rule “Gold” is always hidden: “All” comes before it in hero, and holds for everybody"
    ]


def test_a_rule_below_one_that_asks_for_less_is_always_hidden() -> None:
    assert conflicts(rule("gold", GOLD, 5), rule("rich", both(ADULT, GOLD), 1)) == [
        "Rule “Rich” is always hidden: “Gold” comes before it in hero, and holds whenever it does"
    ]


def test_a_hidden_rule_is_told_once_with_the_first_that_hides_it() -> None:
    said = conflicts(rule("all", priority=9), rule("gold", GOLD, 5), rule("rich", both(ADULT, GOLD), 1))
    assert [line.split(":")[0] for line in said] == ["Rule “Gold” is always hidden", "Rule “Rich” is always hidden"]
    assert all("“All”" in line for line in said)


@pytest.mark.parametrize(
    "higher",
    [
        rule("all", priority=0),
        rule("all", priority=5, slot="bar"),
        rule("all", priority=5, caps=[{"most": 3, "per": "day"}]),
        rule("all", priority=5, purpose="marketing"),
        rule("all", priority=5, weight=0),
        rule("all", priority=5, offer="summer"),
        rule("all", priority=5, starts="2026-06-18T00:00:00+00:00"),
        rule("all", priority=5, ends="2026-06-18T00:00:00+00:00"),
        rule("all", ADULT, priority=5),
    ],
)
def test_a_higher_rule_that_may_step_back_hides_nothing(higher: dict[str, Any]) -> None:
    offers = {"summer": {"kind": "code"}}
    assert conflicts(higher, rule("gold", GOLD, 1), offers=offers) == []


@pytest.mark.parametrize(
    ("higher", "lower"),
    [
        ({"starts": "2026-06-17T12:00:00+00:00"}, {}),  # from now on, it is on
        ({"ends": "2026-07-01T00:00:00+02:00"}, {"ends": "2026-06-30T22:00:00+00:00"}),
        ({"starts": "2026-07-01T00:00:00+00:00"}, {"starts": "2026-07-01T00:00:00+00:00"}),
        ({"offer": "thanks"}, {}),
        ({}, {"caps": [{"most": 1, "per": "day"}], "purpose": "marketing", "weight": 3}),
    ],
)
def test_a_higher_rule_hides_what_is_on_while_it_is(higher: dict[str, Any], lower: dict[str, Any]) -> None:
    offers = {"thanks": {"kind": "points", "points": 5}}
    [said] = conflicts(rule("all", priority=5, **higher), rule("gold", GOLD, 1, **lower), offers=offers)
    assert "always hidden" in said


@pytest.mark.parametrize("higher", [{"offer": "thanks"}, {"condition": tree(ANYWHERE)}])
def test_a_rule_for_people_who_are_known_hides_nothing_from_the_others(higher: dict[str, Any]) -> None:
    offers = {"thanks": {"kind": "points", "points": 5}}
    first = {**rule("first", SALE, 5), **higher}
    assert conflicts(first, rule("sale", SALE, 1), offers=offers) == []
    assert len(conflicts(first, rule("gold", both(GOLD, SALE), 1), offers=offers)) == 1


def test_two_rules_on_a_level_that_may_both_hold() -> None:
    assert conflicts(rule("gold", GOLD, 3), rule("adult", ADULT, 3)) == [
        "Rules “Adult” and “Gold” have the same priority in hero, and both may hold; "
        "give them different priorities, or weights"
    ]


@pytest.mark.parametrize(
    "other",
    [
        rule("other", ADULT, 4),
        rule("other", ADULT, 3, slot="bar"),
        rule("other", ADULT, 3, weight=1),
        rule("other", NO, 3),
        rule("other", both(ADULT, NO), 3),
        rule("other", ADULT, 3, starts="2026-06-20T00:00:00+00:00"),
    ],
)
def test_rules_that_are_never_on_a_level(other: dict[str, Any]) -> None:
    first = rule("gold", GOLD, 3, ends="2026-06-20T00:00:00+00:00")
    assert conflicts(first, other) == []


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        (both(GOLD, NO), "“plan is “gold”” and “not (plan is “gold”)” never hold together"),
        (both(GOLD, {**GOLD, "op": "is_not"}), "“plan is “gold”” and “plan is not “gold”” never hold together"),
        (
            both(
                {"kind": "event", "event": "Order Completed", "value": 3, "window": {"last": 7, "unit": "days"}},
                {"kind": "event", "event": "Order Completed", "did": False, "window": {"last": 7, "unit": "days"}},
            ),
            "“bought at least 3 times in the last 7 days” and “did not buy in the last 7 days” never hold together",
        ),
        (
            {"kind": "context", "field": "time.hour", "op": "at_least", "value": 24},
            "“the hour is at least 24” never holds",
        ),
        (segment("nobody"), "nobody is in the segment nobody"),
        (segment("fair"), "nobody is in the segment fair"),
        (segment("gone"), "nobody is in the segment gone"),
        (segment("within"), "nobody is in the segment within"),
        (
            both(GOLD, segment("all"), {"kind": "not", "children": [segment("all")]}),
            "“is in all” and “not (is in all)”",
        ),
    ],
)
def test_a_rule_whose_condition_nobody_can_meet(condition: dict[str, Any], why: str) -> None:
    segments = [
        {"slug": "all", "name": "All", "condition": tree(ADULT)},
        {"slug": "nobody", "name": "Nobody", "condition": tree(both(GOLD, NO))},
        {"slug": "within", "name": "Within", "condition": tree(both(GOLD, segment("nobody")))},
        {"slug": "fair", "name": "Fair", "kind": "list"},
    ]
    [said] = conflicts(rule("vip", condition), segments=segments, empty_lists={"fair"})
    assert said.startswith("Rule “Vip” cannot be shown: ")
    assert why in said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"ends": "2026-06-17T12:00:00+00:00"}, "its time was over on 17 Jun 2026"),
        (
            {"starts": "2026-07-02T00:00:00+00:00", "ends": "2026-07-01T00:00:00+00:00"},
            "it ends before it starts",
        ),
        ({"caps": [{"most": 5, "per": "day"}, {"most": 0, "per": "week"}]}, "one of its caps is 0 times"),
        ({"offer": "summer"}, "the offer “Summer sale” has no codes left"),
    ],
)
def test_a_rule_that_cannot_be_shown_for_what_it_has(said: dict[str, Any], why: str) -> None:
    offers = {"summer": {"kind": "code", "name": "Summer sale"}}
    told = conflicts(rule("vip", **said), offers=offers, exhausted={"summer"})
    assert len(told) == 1
    assert told[0].startswith(f"Rule “Vip” cannot be shown: {why}")


def test_a_rule_that_cannot_be_shown_hides_nothing_and_is_on_no_level() -> None:
    dead = rule("dead", priority=3, ends="2026-06-01T00:00:00+00:00")
    assert len(conflicts(dead, rule("gold", GOLD, 1), rule("adult", ADULT, 3))) == 1


def test_two_values_of_one_trait_are_told_to_need_a_list() -> None:
    [said] = conflicts(rule("vip", both(GOLD, {**GOLD, "value": "silver"})))
    assert said.startswith("Rule “Vip” is only for facts of several values: “plan is “gold”” and “plan is “silver””")


def test_rules_of_one_name_are_told_apart() -> None:
    same: dict[str, Any] = {"name": "Banner"}
    [said] = conflicts(rule("one", priority=2, **same), rule("two", GOLD, 1, **same))
    assert (
        said == "Rule “Banner” (two) is always hidden: “Banner” (one) comes before it in hero, and holds for everybody"
    )


def test_conditions_that_cannot_be_read_are_left_to_others() -> None:
    broken = {**rule("broken"), "condition": {"v": 1, "root": {"kind": "video"}}}
    assert conflicts(broken, rule("gold", GOLD, 1)) == []


def test_what_is_told_is_bounded_however_many_rules_there_are() -> None:
    told = conflicts(*(rule(f"r{number}", priority=3) for number in range(300)))
    assert len(told) == MOST_TOLD + 2
    assert "more of this kind" in told[-2]
    assert told[-1].startswith("Only 20,000 pairs of rules were compared")


def test_no_rule_that_somebody_is_shown_is_said_to_be_hidden_or_never_shown() -> None:
    """Books by chance, of rules near each other, and people on the edges of what they ask."""
    hidden = dead = 0
    for number in range(250):
        chance, order = Seeded(11, number), Random(number)
        maker = _Maker(chance)
        told = maker.make().told
        nodes = [told["condition"]]
        while len(nodes) < 5:
            node = order.choice(nodes)
            other = order.choice([*nodes, maker.node(4)])
            nodes.append({"kind": order.choice(("and", "or", "not")), "children": [node, other][: order.randint(1, 2)]})
        rules = [rule(f"r{place}", node, order.randint(0, 9)) for place, node in enumerate(nodes)]
        try:
            payload = book(
                *rules, zone=told["zone"], segments=[{"slug": "gold", "name": ""}, {"slug": "keen", "name": ""}]
            )
            compiled = compile_book(payload)
        except ValueError:
            continue  # nested too deep
        said = find_conflicts(payload, at=AT)
        wrong = {line.split("“")[1].split("”")[0].lower() for line in said if "always hidden" in line}
        never = {line.split("“")[1].split("”")[0].lower() for line in said if "cannot be shown" in line}
        hidden += len(wrong)
        dead += len(never)
        for _ in range(15):
            person = Case(
                "chance", "", {**told, "events": maker.events(), "traits": maker.traits(), "context": maker.context()}
            )
            for known in (True, False):
                facts = Facts(person.profile if known else NOBODY, person.context, person.now, known=known)
                choice = choose(compiled, "hero", facts)
                if choice.reason is Reason.RULE_MATCHED:
                    assert choice.rule not in wrong | never, said
    assert hidden > 100
    assert dead > 10
