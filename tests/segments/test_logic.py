"""What is concluded from conditions is true of everybody, by chance and on the edges; and plain cases are seen.
FUZZ_EXAMPLES says of how many conditions."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.profile import Profile
from segments.conditions.logic import Form, Logic, to_form
from segments.conditions.parse import parse_condition
from segments.conditions.python import compile_condition
from tests.segments.cases import Case, calendar_of, with_ids
from tests.segments.strategies import Chance, Drawn, Seeded, _Maker

PAIRS = int(os.environ.get("FUZZ_EXAMPLES", "500"))
PEOPLE = 12
NUMBERS = {"at_least", "at_most", "exactly", "more_than", "less_than"}
BIGGER = {"minutes": "hours", "hours": "days", "days": "days"}


class Asker:
    """One question by chance, others near it, and people on their edges."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.maker = _Maker(chance)
        self.told = self.maker.make().told
        self.calendar = calendar_of(self.told["zone"])

    def vary(self, node: dict[str, Any]) -> dict[str, Any]:
        """A condition that asks nearly the same: more or less of it, more, or the opposite."""
        pick = self.chance.pick
        way = self.chance.number(1, 10)
        if way <= 2:
            return {"kind": pick(("or", "and")), "children": [node, self.maker.node(4)]}
        if way == 3:
            return {"kind": "not", "children": [node]}
        if "children" in node and way <= 9:
            children = list(node["children"])
            place = self.chance.number(0, len(children) - 1)
            if way == 9 and len(children) > 1:
                del children[place]
            else:
                children[place] = self.vary(children[place])
            return {**node, "children": children}
        return self.vary_leaf(dict(node))

    def vary_leaf(self, leaf: dict[str, Any]) -> dict[str, Any]:
        pick, number = self.chance.pick, self.chance.number
        ways = ["same"]
        if isinstance(leaf.get("value"), (int, float)) and not isinstance(leaf["value"], bool):
            ways += ["value", "value"]
        if leaf.get("op") in NUMBERS:
            ways += ["op"] if leaf["op"] != "exactly" or leaf["kind"] == "event" else []
        if isinstance(leaf.get("window"), dict):
            ways += ["window", "window"]
        if leaf.get("where"):
            ways += ["where", "where"]
        if leaf["kind"] in ("event", "sequence"):
            ways += ["did"]
        if leaf.get("steps"):
            ways += ["steps"]
        if isinstance(leaf.get("value"), (str, bool)) and leaf.get("op") in ("is", "is_not"):
            ways += ["text", "text"]
        if isinstance(leaf.get("value"), dict):
            ways += ["length", "length"]
        match pick(ways):
            case "value":
                leaf["value"] += pick((1, -1, 0.5))
            case "op":
                leaf["op"] = pick(("at_least", "at_most", "more_than", "less_than"))
            case "window":
                leaf["window"] = self.vary_window(leaf["window"])
            case "where":
                leaf["where"] = pick((leaf["where"][1:], leaf["where"] + self.maker.where()))
                if not leaf["where"]:
                    del leaf["where"]
            case "did":
                leaf["did"] = not leaf.get("did", True)
            case "steps":
                steps = [dict(step) for step in leaf["steps"]]
                steps[1]["within"] = {**steps[1]["within"], "amount": steps[1]["within"]["amount"] * pick((1, 2, 0.5))}
                leaf["steps"] = steps
            case "text":
                leaf["op"] = pick(("is", "is_not", "exists", "in"))
                if leaf["op"] == "exists":
                    del leaf["value"]
                elif leaf["op"] == "in":
                    leaf["value"] = [leaf["value"], "Home"]
            case "length":
                leaf["value"] = {**leaf["value"], "amount": leaf["value"]["amount"] * pick((2, 0.5, 1))}
                if leaf["op"] in ("within_last", "longer_ago_than"):
                    leaf["op"] = pick(("within_last", "longer_ago_than"))
        return leaf if number(1, 3) > 1 or leaf["kind"] != "event" else self.vary_leaf(leaf)

    def vary_window(self, window: dict[str, Any]) -> dict[str, Any]:
        if "last" in window:
            wider = {"last": window["last"], "unit": BIGGER[window["unit"]]}
            return self.chance.pick((wider, {"this": "day"}, {"last": 2, "unit": "days"}, {"last": 40, "unit": "days"}))
        if "this" in window:
            longer = [{"last": days, "unit": "days"} for days in (1, 2, 7, 8, 30, 33)]
            return self.chance.pick(({"this": "week"}, {"this": "month"}, *longer))
        return self.chance.pick(({**window, "to": self.maker.date()}, {"last": 180, "unit": "days"}))

    def people(self, chance: Chance) -> Iterator[tuple[Profile, Case]]:
        maker = self.maker
        maker.pick, maker.number = chance.pick, chance.number
        for _ in range(PEOPLE):
            told = {
                **self.told,
                "events": maker.events(),
                "traits": maker.traits(),
                "context": maker.context(),
                "cluster": maker.pick((None, "Outdoor", "Home")),
                "scores": {name: maker.number(0, 4) / 4 for name in ("churn", "lookalike:vips") if maker.chance(70)},
                "segments": [slug for slug in ("gold", "keen") if maker.chance(50)],
            }
            case = Case("chance", "by chance", told)
            yield case.profile, case


def read(node: dict[str, Any]) -> Any:
    return parse_condition({"v": 1, "root": with_ids(node)})


def has_lists(case: Case) -> bool:
    return any(isinstance(value, list) for value in case.told["traits"].values()) or "[" in str(case.told["context"])


def check(asker: Asker, a: dict[str, Any], b: dict[str, Any], chance: Chance) -> tuple[bool, bool]:
    """Every conclusion about two conditions is asked of people; returns which were made."""
    one, other = read(a), read(b)
    forms = to_form(one), to_form(other)
    logic, single = Logic(asker.calendar, nobody=("staff",)), Logic(asker.calendar, nobody=("staff",), is_single=True)
    follows = logic.implies(*forms)
    clash, single_clash = logic.find_contradiction(*forms), single.find_contradiction(*forms)
    alone = logic.find_contradiction(forms[0])
    if not (follows or clash or single_clash):
        return False, False
    first, second = compile_condition(one, asker.calendar), compile_condition(other, asker.calendar)
    for profile, case in asker.people(chance):
        for now in (case.now, case.now + 1, case.now + 3_600_000):
            asked = (profile, case.segments, case.context, now)
            holds, holds_too = first.matches(*asked), second.matches(*asked)
            assert not (follows and holds and not holds_too), f"{a} does not lead to {b}: {case.told}"
            assert not (clash and holds and holds_too), f"{a} goes together with {b}: {case.told}"
            assert not (alone and holds), f"somebody meets {a}: {case.told}"
            if single_clash and holds and holds_too:
                assert has_lists(case), f"{a} goes together with {b}: {case.told}"
    return follows, clash is not None


@given(data=st.data())
@settings(max_examples=50)
def test_a_wrong_conclusion_is_found_and_made_small(data: st.DataObject) -> None:
    chance = Drawn(data.draw)
    asker = Asker(chance)
    condition = asker.told["condition"]
    try:
        other = asker.vary(condition)
        read(other)
    except ValueError:
        return  # too deep, or a number that is none
    check(asker, condition, other, chance)


def test_what_is_concluded_is_true_of_everybody() -> None:
    concluded = clashing = asked = 0
    for number in range(PAIRS):
        chance = Seeded(7, number)
        asker = Asker(chance)
        condition = asker.told["condition"]
        try:
            other = asker.vary(condition)
            read(other)
        except ValueError:
            continue
        for a, b in ((condition, other), (other, condition)):
            asked += 1
            follows, clashes = check(asker, a, b, Seeded(8, number))
            concluded += follows
            clashing += clashes
    # Without conclusions nothing would be proved.
    assert concluded / asked > 0.2
    assert clashing / asked > 0.05


def event(**said: Any) -> dict[str, Any]:
    return {"kind": "event", "event": "Order Completed", **said}


def days(number: float) -> dict[str, Any]:
    return {"last": number, "unit": "days"}


def ago(op: str, number: float, **said: Any) -> dict[str, Any]:
    return {"op": op, "value": {"amount": number, "unit": "days"}, **said}


def trait(op: str, value: Any = None, name: str = "plan", kind: str = "trait") -> dict[str, Any]:
    subject = {"trait": "trait", "context": "field", "score": "score"}.get(kind)
    return {
        "kind": kind,
        "op": op,
        **({subject: name} if subject else {}),
        **({} if value is None else {"value": value}),
    }


def chain(*events: str, within: float = 1, window: Any = None, **said: Any) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"event": name} for name in events]
    for step in steps[1:]:
        step["within"] = {"amount": within, "unit": "days"}
    return {"kind": "sequence", "steps": steps, "window": window or days(7), **said}


def group(kind: str, *children: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "children": list(children)}


def not_followed(within: float) -> dict[str, Any]:
    waited = chain("A", "B", within=within)
    waited["steps"][1]["did"] = False
    return waited


MARCH = {"from": "2026-03-01", "to": "2026-03-31"}
GOLD, OLD = trait("is", "gold"), trait("at_least", 18, "age")
HATS = [{"property": "category", "op": "is", "value": "Hats"}]

LEADS = [
    (GOLD, GOLD),
    (GOLD, trait("in", ["gold", "silver"])),
    (trait("in", ["gold", "silver"]), trait("in", ["silver", "gold", 1])),
    (GOLD, trait("exists")),
    (trait("is_not", "gold"), trait("exists")),
    (GOLD, trait("starts_with", "go")),
    (trait("starts_with", "gold"), trait("contains", "ol")),
    (trait("at_least", 21, "age"), OLD),
    (trait("between", [20, 30], "age"), trait("less_than", 31, "age")),
    (trait("more_than", 18, "age"), OLD),
    (trait("before", "2026-01-01"), trait("before", "2026-02-01")),
    ({**GOLD, **ago("within_last", 3)}, {**GOLD, **ago("within_last", 4)}),
    (event(value=3, window=days(7)), event(value=2, window=days(30))),
    (event(value=3, window=days(7)), event()),
    (event(value=3, window=days(7), where=HATS), event(window=days(7))),
    (event(op="at_most", value=2, window=days(30)), event(op="less_than", value=3, window=days(7))),
    (event(did=False, window=days(30)), event(did=False, window={"this": "day"})),
    (event(did=False, window=days(30)), event(op="at_most", value=0, window=days(29))),
    (event(window={"this": "day"}), event(window={"this": "month"})),
    (event(op="exactly", value=2, window=days(7)), event(op="between", value=[1, 3], window=days(7))),
    (event(measure="first", **ago("within_last", 7)), event(measure="last", **ago("within_last", 8))),
    (event(measure="last", **ago("longer_ago_than", 7)), event()),
    (chain("A", "B", within=1), chain("A", "B", within=2, window=days(8))),
    (chain("A", "Order Completed"), event(window=days(8))),
    (group("and", GOLD, OLD), GOLD),
    (group("and", OLD, group("and", GOLD)), group("or", event(), GOLD)),
    (group("or", trait("is", 1), GOLD), trait("in", [1, "gold"])),
    (group("not", trait("in", ["gold", 1]), OLD), group("not", GOLD)),
    (group("not", group("or", GOLD, OLD)), group("not", OLD)),
    (trait("between", [9, 11], "time.hour", "context"), trait("less_than", 12, "time.hour", "context")),
    (GOLD, group("not", trait("is_not", "gold"))),
    (GOLD, event(op="at_least", value=0, window=days(3))),
]

DOES_NOT_LEAD = [
    (trait("exists"), GOLD),
    (GOLD, trait("is", "Gold")),
    (trait("is", 1), trait("is", True)),
    (GOLD, trait("is", "gold", "tags")),
    (GOLD, trait("is_not", "silver")),  # the plan may be a list of both
    (OLD, trait("more_than", 18, "age")),
    (event(value=2, window=days(30)), event(value=2, window=days(7))),
    (event(window=days(7)), event(window=days(7), where=HATS)),
    (event(window={"this": "week"}), event(window={"this": "month"})),
    (event(window={"this": "day"}), event(window=days(1))),  # a day may have 25 hours
    (event(measure="sum", of="value", value=9, window=days(7)), event(measure="sum", of="value", value=9)),
    (event(measure="last", **ago("within_last", 7)), event(measure="first", **ago("within_last", 7))),
    (chain("A", "B", within=2), chain("A", "B", within=1)),
    (chain("A", "B"), chain("A", "C")),
    (chain("A", "Order Completed", window=MARCH), event(window=MARCH)),  # that one may come later
    (not_followed(1), not_followed(2)),
    (not_followed(2), not_followed(1)),
    (
        event(measure="sum", of="value", value=9, window=days(7)),
        event(measure="sum", of="value", value=9, window=days(9)),
    ),
    (group("or", GOLD, OLD), GOLD),
    (group("not", GOLD), trait("is_not", "gold")),  # it may be missing
    ({"kind": "segment", "segment": "gold"}, {"kind": "segment", "segment": "keen"}),
]

NEVER = [
    group("and", GOLD, group("not", GOLD)),
    group("and", GOLD, trait("is_not", "gold")),
    group("and", event(value=3, window=days(7)), event(did=False, window=days(7))),
    group("and", event(value=3, window=days(7)), event(did=False, window=days(30))),
    group("and", event(value=5, window=days(7)), event(op="at_most", value=4)),
    group("and", OLD, group("or", group("not", OLD), group("and", GOLD, group("not", GOLD)))),
    group("and", {"kind": "segment", "segment": "a"}, group("not", {"kind": "segment", "segment": "a"})),
    {"kind": "segment", "segment": "nobody-is-here"},
    event(window={"from": "2026-02-01", "to": "2026-01-01"}),
    event(op="exactly", value=1.5, window=days(1)),
    event(op="less_than", value=0, window=days(1)),
    event(op="at_least", value=0, did=False),
    trait("between", ["2026-02-01", "2026-01-01"], "birthday"),
    trait("at_least", 24, "time.hour", "context"),
    group("and", trait("is", 1, "time.weekday", "context"), trait("is", 2, "time.weekday", "context")),
    group("and", trait("is", "a", kind="cluster"), trait("is", "b", kind="cluster")),
    group("and", trait("at_least", 0.5, "churn", "score"), trait("less_than", 0.5, "churn", "score")),
    group("and", event(measure="first", **ago("within_last", 7)), event(measure="first", **ago("longer_ago_than", 7))),
    group("and", event(measure="last", **ago("longer_ago_than", 7)), event(op="exactly", value=0)),
    group("and", chain("A", "B"), chain("A", "B", did=False)),
    group("and", chain("A", "B"), {**event(did=False, window=days(7)), "event": "A"}),
    event(window=days(7), where=[*HATS, {"property": "category", "op": "is_not", "value": "Hats"}]),
]


@pytest.mark.parametrize(("a", "b"), LEADS)
def test_a_condition_leads_to_a_weaker_one(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert Logic().implies(form(a), form(b))


@pytest.mark.parametrize(("a", "b"), DOES_NOT_LEAD)
def test_a_condition_does_not_lead_to_another_one(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert not Logic().implies(form(a), form(b))


@pytest.mark.parametrize("condition", NEVER)
def test_a_condition_that_nobody_can_meet_is_seen(condition: dict[str, Any]) -> None:
    assert Logic(nobody=["nobody-is-here"]).find_contradiction(form(condition)) is not None


@pytest.mark.parametrize("condition", [a for a, _ in LEADS] + [b for pair in DOES_NOT_LEAD for b in pair])
def test_a_condition_that_somebody_can_meet_is_none(condition: dict[str, Any]) -> None:
    assert Logic().find_contradiction(form(condition)) is None


def test_two_values_of_one_fact_go_together_only_in_a_list() -> None:
    both = form(group("and", GOLD, trait("is", "silver")))
    assert Logic().find_contradiction(both) is None
    assert Logic(is_single=True).find_contradiction(both) is not None


def form(node: dict[str, Any]) -> Form:
    return to_form(read(node))


def test_the_largest_conditions_are_compared_in_bounded_steps() -> None:
    """Every leaf of one with every leaf of the other, and no more, however they are nested."""
    wide = group("and", *(group("or", *(trait("is", f"{a}{b}") for b in range(6))) for a in range(7)))
    deep = group("or", *(group("and", *(trait("is", f"x{a}{b}") for b in range(6))) for a in range(7)))
    assert not Logic().implies(form(wide), form(deep))
    assert Logic(is_single=True).find_contradiction(form(wide), form(deep)) is not None
