"""A schema that cannot be is refused with the place and the way to mend it; one that can be is what the doors read."""

from typing import Any

import msgspec
import pytest

from ingestion.parse_schema import Schema, read_schema
from ingestion.schema_review import EXPECTED, find_schema_problem


def test_every_keyword_has_its_words() -> None:
    assert set(EXPECTED) == {field.encode_name for field in msgspec.structs.fields(Schema)}


def test_a_whole_schema_has_no_problem() -> None:
    price = {"type": "number", "minimum": 0, "maximum": 9.5, "title": "Price", "description": "In euros."}
    document = {"strict": True, "required": ["price"], "properties": {"price": price, "size": {"enum": ["S", 1, None]}}}
    assert find_schema_problem(document) is None
    read_schema(document)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "The schema must be an object"),
        ({"maxlength": 3}, "“maxlength” is not understood; use maxLength."),
        ({"pattern": "x"}, "“pattern” is not understood; use one of type, required"),
        ({"required": "a"}, "The schema: “required” must be a list of property names."),
        ({"properties": []}, "“properties” must be an object"),
        ({"properties": {"cart": {"properties": {"n": {"type": "int"}}}}}, "properties.cart.n: “type” must be one of"),
        ({"properties": {"n": 3}}, "properties.n must be an object"),
        ({"properties": {"n": {"strict": True}}}, "properties.n: “strict” counts at the top only"),
        ({"minimum": 3, "maximum": 2}, "“minimum” is above “maximum”"),
        ({"enum": []}, "nothing fits an empty “enum”"),
        ({"enum": [{}]}, "“enum” must be a list of"),
        ({"maxLength": 1.5}, "“maxLength” must be a whole number"),
    ],
)
def test_a_problem_has_its_place(document: Any, says: str) -> None:
    assert says in (find_schema_problem(document) or "")
