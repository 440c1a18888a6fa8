"""The page of conditions has the whole language: every kind, field, measure, operator, window and bound, each shown."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from profiles import profile
from segments.conditions import language
from segments.conditions.parse import KINDS, parse_condition
from tests.docs.pages import ROOT, fences, prose, spans, table_cells

PAGE = ROOT / "docs/reference/conditions.md"
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in prose(PAGE).splitlines() if line[:1] == "|"]
EXAMPLES = [json.loads(fence.body) for fence in fences(PAGE) if fence.info.startswith("json")]

# Where an operator may stand, as its row says it.
OPERATORS: dict[str, tuple[str, ...]] = {
    "values": tuple(language.VALUE_OPERATORS),
    "measures": language.NUMBER_OPERATORS,
    "times": language.TIME_OPERATORS,
    "clusters": language.CLUSTER_OPERATORS,
    "scores": language.SCORE_OPERATORS,
}
BOUNDS = {
    **{name: value for name, value in vars(language).items() if re.fullmatch(r"MAX_\w+|\w+_DAYS|\w+_LIMIT", name)},
    **{
        name: vars(profile)[name]
        for name in ("MAX_TEXT", "MAX_VALUES", "MAX_AMOUNT", "MAX_NAMES", "MAX_TRAITS", "PARTS")
    },
}


def list_objects(value: Any) -> list[dict[str, Any]]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict) else []
    return own + [found for item in items for found in list_objects(item)]


OBJECTS = list_objects(EXAMPLES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_row_its_fields_and_an_example(kind: str) -> None:
    assert any(re.match(rf"\[`{kind}`\]", row[0]) for row in ROWS)
    assert set(KINDS[kind][1]) - table_cells(PAGE) == set()
    assert [each for each in OBJECTS if each.get("kind") == kind]


@pytest.mark.parametrize("operator", dict.fromkeys(name for names in OPERATORS.values() for name in names))
def test_every_operator_has_its_row_that_says_where_it_may_stand(operator: str) -> None:
    [row] = [row for row in ROWS if row[0] == f"`{operator}`" and len(row) == 4]
    assert row[-1].split(", ") == [where for where, names in OPERATORS.items() if operator in names]


def test_every_operator_is_shown_wherever_it_may_stand() -> None:
    shown = {
        "values": names_of("op", lambda each: "passes" in each),
        "measures": names_of("op", lambda each: each.get("kind") == "event" and not is_time(each)),
        "times": names_of("op", is_time),
        "clusters": names_of("op", lambda each: each.get("kind") == "cluster"),
        "scores": names_of("op", lambda each: each.get("kind") in ("score", "lookalike")),
    }
    assert shown == {where: set(names) for where, names in OPERATORS.items()}


def is_time(each: Mapping[str, Any]) -> bool:
    return each.get("measure") in ("first", "last")


def names_of(key: str, chosen: Any) -> set[str]:
    return {each[key] for each in OBJECTS if key in each and chosen(each)}


@pytest.mark.parametrize("measure", language.MEASURES)
def test_every_measure_has_its_row_and_an_example(measure: str) -> None:
    assert any(row[0] == f"`{measure}`" for row in ROWS)
    # What is not said is a count.
    assert [each for each in OBJECTS if each.get("kind") == "event" and each.get("measure", "count") == measure]


@pytest.mark.parametrize("unit", [*language.UNITS, *language.CALENDAR_UNITS])
def test_every_unit_is_named_and_shown(unit: str) -> None:
    assert unit in spans(PAGE)
    assert [each for each in OBJECTS if unit in (each.get("unit"), each.get("this"))]


@pytest.mark.parametrize("key", ["last", "this", "from", "to"])
def test_every_window_has_its_row_and_an_example(key: str) -> None:
    assert any(row[0].startswith("`{") and f'"{key}"' in row[0] for row in ROWS)
    assert [each for each in OBJECTS if key in (each.get("window") or {})]


@pytest.mark.parametrize("name", BOUNDS)
def test_every_bound_has_its_row_with_its_value(name: str) -> None:
    [row] = [row for row in ROWS if f"`{name}`" in row[0]]
    value = BOUNDS[name] / profile.DAY_MS if name.endswith("_MS") else BOUNDS[name]
    assert row[1] == f"{value:,.0f}"


def test_there_are_as_many_bounds_as_we_think() -> None:
    assert len(BOUNDS) >= 18


def test_the_refusal_it_shows_is_one() -> None:
    steps = [{"event": "a"}, {"event": "b", "within": {"amount": 1, "unit": "days"}, "where": [BAD]}]
    tree = {"id": "abandoned", "kind": "sequence", "window": {"this": "day"}, "steps": steps}
    with pytest.raises(language.BadCondition) as refused:
        parse_condition({"v": language.VERSION, "root": tree})
    assert str(refused.value) in [fence.body.strip() for fence in fences(PAGE)]


BAD = {"property": "price", "op": "at_least", "value": "50"}
