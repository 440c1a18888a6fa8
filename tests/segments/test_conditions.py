"""The condition language by its case tables: what matches, what is refused, and why."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from profiles.event import Event
from profiles.profile import Memory, Profile, Trait, fold
from segments.conditions.language import BadCondition
from segments.conditions.parse import parse_condition
from segments.conditions.python import compile_condition

CASES = Path(__file__).parent.parent / "cases" / "conditions"
NOW = 1_800_000_000_000
PATHS = ("category", "price", "products.category")
MEMORY = Memory(otherwise=PATHS)


def load(*, refused: bool) -> list[Any]:
    tables = sorted(path for path in CASES.glob("*.json") if (path.stem == "refused") is refused)
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in tables
        for case in json.loads(path.read_text())["cases"]
    ]


def with_ids(node: dict[str, Any], id: str = "n") -> dict[str, Any]:
    """The tables leave ids out for the reader's sake."""
    children = [with_ids(child, f"{id}.{number}") for number, child in enumerate(node.get("children", []))]
    return {"id": id, **node, **({"children": children} if children else {})}


def milliseconds(text: str) -> int:
    """`3 days`, or `5 minutes -1 ms`: a number and a unit, any number of times."""
    words = text.split()
    units = {"ms": "milliseconds"}
    pairs = zip(words[::2], words[1::2], strict=True)
    return sum(int(timedelta(**{units.get(unit, unit): float(n)}) / timedelta(milliseconds=1)) for n, unit in pairs)


def profile_of(case: dict[str, Any]) -> Profile:
    profile = Profile(
        id="0" * 32,
        traits={name: Trait(value, NOW) for name, value in case.get("traits", {}).items()},
        segments=dict.fromkeys(case.get("segments", ()), NOW),
    )
    for number, (name, ago, properties) in enumerate(case.get("events", [])):
        at = NOW - milliseconds(ago)
        event = Event(id=str(number), source="s", type="track", name=name, at=at, received=NOW, properties=properties)
        profile = fold(profile, event, MEMORY)
    return profile


def test_there_are_as_many_cases_as_we_think() -> None:
    assert len(load(refused=False)) >= 110
    assert len(load(refused=True)) >= 26


@pytest.mark.parametrize("case", load(refused=False))
def test_a_condition_matches_as_its_case_says(case: dict[str, Any]) -> None:
    condition = compile_condition(parse_condition({"v": 1, "root": with_ids(case["when"])}))
    profile = profile_of(case)
    assert condition.matches(profile, profile.segments, case.get("context", {}), NOW) is case["matches"]


@pytest.mark.parametrize("case", load(refused=False))
def test_the_next_flip_is_never_late(case: dict[str, Any]) -> None:
    """Between now and the announced moment nothing changes: looked at one millisecond before it."""
    condition = compile_condition(parse_condition({"v": 1, "root": with_ids(case["when"])}))
    profile = profile_of(case)
    now = NOW
    for _ in range(10):
        before = condition.matches(profile, profile.segments, case.get("context", {}), now)
        flips_at = condition.next_flip(profile, now)
        until = flips_at - 1 if flips_at is not None else now + 400 * 86_400_000
        assert until >= now
        assert condition.matches(profile, profile.segments, case.get("context", {}), until) is before
        if flips_at is None:
            break
        now = flips_at


@pytest.mark.parametrize("case", load(refused=True))
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
