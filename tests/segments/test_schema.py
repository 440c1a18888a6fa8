"""The JSON Schema says what the parser does: it lets through every condition, and little that is none."""

import json
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from segments.conditions import schema
from segments.conditions.language import BadCondition
from segments.conditions.parse import KINDS, parse_condition
from tests.docs.pages import ROOT
from tests.segments.cases import FOLDER, Case, load_cases
from tests.segments.strategies import Seeded, cases, draw_case
from tests.segments.test_hostile import HOSTILE, JUNK, mutate

FILE = ROOT / "static" / "condition.schema.json"
SCHEMA = schema.make_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
REFUSED = json.loads((FOLDER / "refused.json").read_text())["cases"]

# What the parser says of trees that a schema cannot refuse.
UNSAYABLE = (
    *("another node has the same id", "the condition has more than 50 nodes"),
    *("the lower one first", "must be a date, such as", '"from" and "to" must be dates', "longer than nothing"),
)


def is_unsayable(refused: BadCondition) -> bool:
    return all(any(said in problem.message for said in UNSAYABLE) for problem in refused.problems)


def find_refusal(tree: object) -> BadCondition | None:
    try:
        parse_condition(tree)
    except BadCondition as refused:
        return refused
    return None


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_the_one_in_the_repository_is_the_one_that_is_made() -> None:
    assert json.loads(FILE.read_text()) == SCHEMA, "make schema"


def test_every_site_serves_it() -> None:
    assert finders.find("condition.schema.json") == str(FILE)


def test_every_part_is_used_and_every_kind_is_there() -> None:
    asked = {ref.removeprefix("#/$defs/") for ref in re.findall(r'"\$ref": "([^"]+)"', json.dumps(SCHEMA))}
    assert asked == SCHEMA["$defs"].keys()
    kinds = {each["const"] for each in SCHEMA["$defs"]["node_1"]["properties"]["kind"]["oneOf"]}
    assert kinds == KINDS.keys()
    for kind, (_, keys) in KINDS.items():
        made = SCHEMA["$defs"].get(kind) or SCHEMA["$defs"][f"{kind}_1"]
        assert made["properties"].keys() == {"id", "kind", *keys}
        assert made["properties"]["kind"]["const"] == kind


def test_everything_an_editor_offers_is_explained() -> None:
    choices = [each for part in list_objects(SCHEMA) for each in part.get("oneOf", [])]
    assert len(choices) > 50
    assert [each for each in choices if not each["description"].endswith(".")] == []


def list_objects(value: Any) -> list[dict[str, Any]]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict) else []
    return own + [found for item in items for found in list_objects(item)]


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: f"{case.table}: {case.name}")
def test_every_condition_of_the_cases_fits(case: Case) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(case.tree)] == []


@given(cases())
@settings(max_examples=100)
def test_every_condition_by_chance_fits(case: Case) -> None:
    assert VALIDATOR.is_valid(case.tree)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_what_the_parser_refuses_does_not_fit_unless_no_schema_can_say_so(case: dict[str, Any]) -> None:
    refused = find_refusal(case["tree"])
    assert refused is not None
    assert VALIDATOR.is_valid(case["tree"]) is (case["name"] in UNSAID)
    assert not VALIDATOR.is_valid(case["tree"]) or is_unsayable(refused)


TOO_MUCH = re.compile("million|deep|lists in lists")  # for the validator of the tests, which goes round in itself

UNSAID = {
    "the same id twice",
    "between the wrong way round",
    "a window shorter than a millisecond",
    "a window from what is no date",
    "a day that does not exist",
    "an hour that does not exist",
}


def test_those_that_no_schema_can_refuse_are_cases() -> None:
    assert UNSAID - {case["name"] for case in REFUSED} == set()


def test_one_thing_wrong_is_judged_as_the_parser_does() -> None:
    """Of every tree that can be written as JSON."""
    refusals = 0
    for number in range(1_500):
        chance = Seeded(13, number)
        tree = mutate(draw_case(chance).tree, chance, chance.pick(JUNK))
        if "NaN" in json.dumps(tree) or "Infinity" in json.dumps(tree):
            continue
        refused = find_refusal(tree)
        refusals += refused is not None
        if VALIDATOR.is_valid(tree):
            assert refused is None or is_unsayable(refused), tree
        else:
            assert refused is not None, tree
    assert refusals > 800


@pytest.mark.parametrize("name", [name for name in HOSTILE if not TOO_MUCH.search(name)])
def test_what_is_meant_to_break_it_does_not_fit_either(name: str) -> None:
    tree, _ = HOSTILE[name]
    refused = find_refusal(tree)
    assert refused is not None
    assert not VALIDATOR.is_valid(tree) or is_unsayable(refused) or "nan" in str(refused)


def test_a_mistake_is_said_where_it_is() -> None:
    """Not as one of eleven kinds that a node could be."""
    leaf = {"id": "b", "kind": "trait", "trait": "age", "op": "at_least", "value": "18"}
    tree = {"v": 1, "root": {"id": "a", "kind": "or", "children": [leaf]}}
    [error] = VALIDATOR.iter_errors(tree)
    assert list(error.absolute_path) == ["root", "children", 0, "value"]
    assert error.message == "'18' is not of type 'number'"
