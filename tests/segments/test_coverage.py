"""Nothing of the language is left out: every part of it is in the tables of cases, and comes up by chance."""

import ast
import inspect
import json
import sys
from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from segments.conditions import language, parse, problems
from segments.conditions.parse import KINDS, parse_condition
from segments.conditions.problems import Place, Problems
from tests.segments.cases import FOLDER, load_cases
from tests.segments.strategies import Seeded, draw_case

PARTS: dict[str, Iterable[str]] = {
    "kind": KINDS,
    "measure": language.MEASURES,
    "unit": language.UNITS,
    "this": language.CALENDAR_UNITS,
    "tests": language.VALUE_OPERATORS,
    "measures": language.NUMBER_OPERATORS,
    "times": language.TIME_OPERATORS,
    "clusters": language.CLUSTER_OPERATORS,
    "scores": language.SCORE_OPERATORS,
}


def list_cases() -> list[Any]:
    return [case.told["condition"] for case in load_cases()]


@cache
def list_chance() -> list[Any]:
    return [draw_case(Seeded(1, number)).told["condition"] for number in range(3_000)]


def list_parts(value: Any) -> Iterable[tuple[str, str]]:
    """(what it is, its word) of everything in a condition."""
    if isinstance(value, list):
        for item in value:
            yield from list_parts(item)
    if isinstance(value, dict):
        for key in ("kind", "unit", "this"):
            if key in value:
                yield key, str(value[key])
        if value.get("kind") == "event":
            yield "measure", value.get("measure", "count")
        if "op" in value:
            yield place_of(value), value["op"]
        for item in value.values():
            yield from list_parts(item)


def place_of(node: dict[str, Any]) -> str:
    if node.get("kind") == "event":
        return "times" if node.get("measure") in ("first", "last") else "measures"
    return {"cluster": "clusters", "score": "scores", "lookalike": "scores"}.get(node.get("kind", ""), "tests")


@pytest.mark.parametrize("asked", [list_cases, list_chance], ids=["cases", "chance"])
@pytest.mark.parametrize("part", PARTS)
def test_every_word_is_asked(asked: Callable[[], list[Any]], part: str) -> None:
    assert set(PARTS[part]) - {word for what, word in list_parts(asked()) if what == part} == set()


def test_every_window_is_asked() -> None:
    for asked in (list_cases, list_chance):
        keys = {key for each in list_objects(asked()) for key in each.get("window") or {}}
        assert keys == {"last", "unit", "this", "from", "to"}


def list_objects(value: Any) -> Iterable[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from list_objects(item)


def test_every_refusal_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that no case asks for has never been read."""
    met: set[tuple[str, int]] = set()
    refuse = Problems.refuse

    def noting(problems: Problems, at: Place, message: str) -> None:
        caller = sys._getframe(1)
        met.add((caller.f_globals["__name__"], caller.f_lineno))
        refuse(problems, at, message)

    monkeypatch.setattr(Problems, "refuse", noting)
    for case in json.loads((FOLDER / "refused.json").read_text())["cases"]:
        with pytest.raises(language.BadCondition):
            parse_condition(case["tree"])
    calls = [(module.__name__, call) for module in (parse, problems) for call in list_refusals(module)]
    assert len(calls) >= 25
    assert [
        f"{name}:{call.lineno}"
        for name, call in calls
        if not any(name == where and call.lineno <= line <= (call.end_lineno or 0) for where, line in met)
    ] == []


def list_refusals(module: ModuleType) -> list[ast.Call]:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "refuse"]
