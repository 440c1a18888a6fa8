"""What devices may evaluate, by the case table of the edge; the form they get, the rights, and the facts."""

import json
from typing import Any

import pytest

from profiles.profile import History, Moment, Profile, Trait
from segments.conditions.calendar import UTC_CALENDAR
from segments.conditions.edge import Device, ServerOnly, find_server_only, to_edge, to_facts, to_rights
from segments.conditions.edge_form import write_form
from segments.conditions.language import Node
from segments.conditions.parse import parse_condition
from tests.segments import browser
from tests.segments.cases import FOLDER, calendar_of, with_ids

TABLE = json.loads((FOLDER.parent / "edge.json").read_text())
GIVEN = TABLE["given"]
CASES: list[dict[str, Any]] = [{**GIVEN, **case} for case in TABLE["cases"]]
ALL = Device(frozenset({"plan"}), frozenset({"Product Viewed"}), frozenset({"category"}))


def parse(node: dict[str, Any]) -> Node:
    return parse_condition({"v": 1, "root": with_ids(node)})


DEFINITIONS = {slug: parse(node) for slug, node in GIVEN["segments"].items()}


def device_of(case: dict[str, Any]) -> Device:
    return Device(**{name: frozenset(names) for name, names in case["device"].items()})


def test_there_are_as_many_cases_as_we_think() -> None:
    assert len(CASES) >= 39


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_what_stays_on_the_server_is_told_with_its_reason(case: dict[str, Any]) -> None:
    root, device = parse(case["condition"]), device_of(case)
    problems = find_server_only(root, device, DEFINITIONS)
    assert {problem.node for problem in problems} == case["kept"].keys()
    assert len(problems) == len(case["kept"])
    for problem in problems:
        assert case["kept"][problem.node] in problem.message
    if problems:
        with pytest.raises(ServerOnly, match="server"):
            to_edge(root, device, DEFINITIONS, UTC_CALENDAR)
    else:
        assert to_edge(root, device, DEFINITIONS, UTC_CALENDAR)["v"] == 1


def test_the_browser_takes_what_it_is_given_and_refuses_the_rest() -> None:
    """Every condition of the table, with the rights of its device: the two judges agree."""
    asked = []
    for case in CASES:
        root, device = parse(case["condition"]), device_of(case)
        known = [slug for slug, node in DEFINITIONS.items() if not find_server_only(node, device, DEFINITIONS)]
        told = {"transitions": UTC_CALENDAR.transitions, "may": to_rights(device, known)}
        asked.append({"condition": write_form(root, UTC_CALENDAR), "device": told})
    said = browser.evaluate(
        """text => JSON.parse(text).map(({ condition, device }) => {
            try { compile(condition, device); return null; } catch (error) { return error.message; }
        })""",
        asked,
    )
    for case, message in zip(CASES, said, strict=True):
        is_agent = any("the server reads" in reason for reason in case["kept"].values())  # the context is the page's
        assert (message is not None) is (bool(case["kept"]) and not is_agent), (case["name"], message)
        assert message is None or "is not for this device: ask the server" in message


def test_a_long_chain_of_segments_is_followed_to_its_end() -> None:
    chain = {f"s{number}": parse({"kind": "segment", "segment": f"s{number + 1}"}) for number in range(5_000)}
    root = parse({"kind": "segment", "segment": "s0"})
    assert (
        find_server_only(root, ALL, {**chain, "s5000": parse({"kind": "trait", "trait": "plan", "op": "exists"})}) == []
    )
    [problem] = find_server_only(root, ALL, {**chain, "s5000": parse({"kind": "cluster", "op": "exists"})})
    assert problem.node == "root"


def test_the_form_leaves_nothing_to_be_read_but_facts() -> None:
    """Lengths in milliseconds, days as moments of the zone, amounts in ten-thousandths; no ids."""
    condition = {
        "kind": "and",
        "children": [
            {
                "kind": "event",
                "event": "Product Viewed",
                "measure": "sum",
                "of": "category",
                "op": "at_least",
                "value": 2.5,
                "window": {"from": "2026-03-29", "to": "2026-03-29"},
                "where": [{"property": "category", "op": "within_last", "value": {"amount": 90, "unit": "minutes"}}],
            },
            {"kind": "trait", "trait": "plan", "op": "before", "value": "2026-03-29"},
            {"kind": "event", "event": "Product Viewed", "did": False, "window": {"last": 1.5, "unit": "hours"}},
        ],
    }
    written = to_edge(parse(condition), ALL, {}, calendar_of("Europe/Dublin"))
    start = 1_774_742_400_000
    assert written == {
        "v": 1,
        "root": {
            "kind": "and",
            "children": [
                {
                    "kind": "event",
                    "event": "Product Viewed",
                    "measure": "sum",
                    "of": "category",
                    "op": "at_least",
                    "value": 25_000,
                    "window": {"from": start, "to": start + 23 * 3_600_000 - 1},
                    "where": [{"name": "category", "op": "within_last", "value": 5_400_000}],
                },
                {
                    "kind": "trait",
                    "name": "plan",
                    "op": "lies_in",
                    "value": [-(10**15), start - 1, "0000-00-00", "2026-03-28"],
                },
                {
                    "kind": "event",
                    "event": "Product Viewed",
                    "measure": "count",
                    "op": "at_least",
                    "value": 1,
                    "window": {"last": 5_400_000},
                    "did": False,
                },
            ],
        },
    }


def test_a_device_is_told_what_is_named_and_nothing_else() -> None:
    history = History(2, 990_000.0, 1, 2, [Moment(1, 99.0, {"category": "Outdoor", "margin": 0.4}), Moment(2, 0.0, {})])
    profile = Profile(
        id="1",
        user_id="ann",
        identifiers=("u:ann",),
        traits={"plan": Trait("gold", 1), "income": Trait(200_000, 1)},
        events={"Product Viewed": history, "Loan Refused": history},
        segments={"rich": 1},
        cluster="rich",
        scores={"churn": 0.9},
    )
    events = {"Product Viewed": [2, 0, 1, 2, [[1, 0, {"category": "Outdoor"}], [2, 0, {}]]]}
    assert to_facts(profile, ALL) == {"traits": {"plan": "gold"}, "events": events}
    assert to_facts(profile, Device()) == {"traits": {}, "events": {}}
    worth = Device(events=frozenset({"Product Viewed"}), properties=frozenset({"value"}))
    assert to_facts(profile, worth)["events"] == {"Product Viewed": [2, 990_000.0, 1, 2, [[1, 99.0, {}], [2, 0.0, {}]]]}
