"""What is no condition is refused, by the case table of refusals: why, and how to mend it."""

import json
from typing import Any

import pytest

from segments.conditions.language import BadCondition
from segments.conditions.parse import parse_condition
from tests.segments.cases import FOLDER

REFUSED = [pytest.param(case, id=case["name"]) for case in json.loads((FOLDER / "refused.json").read_text())["cases"]]


def test_there_are_as_many_refusals_as_we_think() -> None:
    assert len(REFUSED) >= 95


@pytest.mark.parametrize("case", REFUSED)
def test_a_malformed_tree_is_refused_with_its_reason(case: dict[str, Any]) -> None:
    with pytest.raises(BadCondition) as refused:
        parse_condition(case["tree"])
    assert any(case["says"] in problem.message for problem in refused.value.problems), refused.value


def test_a_tree_of_a_million_nodes_is_refused_after_fifty() -> None:
    leaf = {"kind": "trait", "trait": "a", "op": "exists"}
    tree = {"v": 1, "root": {"id": "r", "kind": "or", "children": [leaf] * 1_000_000}}
    with pytest.raises(BadCondition) as refused:
        parse_condition(tree)
    assert len(refused.value.problems) < 60


def test_a_tree_ten_thousand_deep_is_refused() -> None:
    node: dict[str, Any] = {"id": "leaf", "kind": "trait", "trait": "a", "op": "exists"}
    for number in range(10_000):
        node = {"id": f"n{number}", "kind": "not", "children": [node]}
    with pytest.raises(BadCondition, match="more than 5 deep"):
        parse_condition({"v": 1, "root": node})
