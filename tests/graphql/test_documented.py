"""docs/reference/graphql.md: its examples run, and it names every code, scope, limit and root field there is."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingestion.append import Overloaded
from personalization.callers import UnknownKey
from personalization.doors import DOORS, ScopeMissing, SecretKeyNeeded
from personalization.errors import FAULT, PROBLEMS
from personalization.graphql import limits, problems, schema
from personalization.limits import TooManyCalls
from profiles.store import StoreUnavailable
from tests.docs.pages import ROOT, Fence, fences, spans, table_cells
from tests.graphql.conftest import Graph
from tests.graphql.test_customer import bought, signed_up, viewed

PAGE = ROOT / "docs/reference/graphql.md"
FENCES = list(fences(PAGE))
EXAMPLES = [fence for fence in FENCES if fence.info == "graphql"]


def variables_of(example: Fence) -> dict[str, Any]:
    """What stands right behind it."""
    following = next((fence for fence in FENCES if fence.number == example.number + 1), None)
    if following is None or following.info != "json graphql-variables":
        return {}
    variables: dict[str, Any] = json.loads(following.body)
    return variables


def test_there_are_as_many_examples_as_we_think() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda fence: fence.name)
def test_the_example_is_answered(graph: Graph, example: Fence) -> None:
    graph.send(viewed(second=1), viewed(second=2), bought(), signed_up(name="Anna", plan="pro"))
    data = graph.ask(example.body, **variables_of(example))
    assert all(value is not None for value in data.values())


def test_every_code_is_documented() -> None:
    package = Path(inspect.getfile(problems)).parent
    codes = {problems.BAD_QUERY, problems.BAD_REQUEST, problems.TIMEOUT}
    codes |= {
        PROBLEMS[kind].code for kind in (UnknownKey, ScopeMissing, SecretKeyNeeded, TooManyCalls, StoreUnavailable)
    }
    codes |= {FAULT.code, PROBLEMS[Overloaded].code}
    for file in package.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("BadCall", "say_problem"):
                code = node.args[0]
                codes |= {str(code.value)} if isinstance(code, ast.Constant) else set()
    assert len(codes) >= 13
    assert codes - table_cells(PAGE, 1) - table_cells(PAGE, 2) == set()


def test_every_scope_and_every_root_field_is_documented() -> None:
    doors = {name.split()[2]: door.scope for name, door in DOORS.items() if name.startswith("GRAPHQL ")}
    rows = [re.findall("`([^`]+)`", line) for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    said = {field: row[0] for row in rows for field in row[1:] if field in doors}
    assert said == doors
    asked = schema.schema.graphql_schema
    assert asked.query_type and asked.mutation_type
    assert {*asked.query_type.fields, *asked.mutation_type.fields} == {*doors}


def test_limits_and_costs_are_the_real_ones() -> None:
    text = PAGE.read_text()
    for number in (limits.MAX_QUERY, limits.MAX_FIELDS, limits.MAX_ALIASES, limits.MAX_DEPTH):
        assert f"| {number:,} |" in text
    said = re.findall(r"\d+", text.partition("A field costs 1;")[2].partition("What is inside")[0])
    assert {int(number) for number in said} == {*limits.WEIGHTS.values()} - {2}
    assert {name for _, name in limits.WEIGHTS} - {"size"} <= set(spans(PAGE))


def test_the_committed_schema_is_the_real_one() -> None:
    command = ["graphql_schema", "--schema", "personalization.graphql.schema.schema", "--out=-.graphql"]
    told = subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == (ROOT / "schema.graphql").read_text()
