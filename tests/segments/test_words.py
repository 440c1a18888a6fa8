"""Conditions in plain words, as a marketer reads them."""

import ast
import inspect
import json
import re
from typing import Any

import pytest
from django.utils import translation

from segments.conditions import words
from segments.conditions.parse import KINDS, parse_condition
from segments.conditions.words import say_condition
from tests.segments.cases import FOLDER, Case, load_cases, with_ids

TOLD = json.loads((FOLDER.parent / "words.json").read_text())["cases"]


def calls_of(*names: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(words))) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "id", "") in names]


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case["name"])
def test_a_condition_reads_as_a_sentence(case: dict[str, Any]) -> None:
    assert say_condition(parse_condition({"v": 1, "root": with_ids(case["condition"])})) == case["words"]


def test_there_are_words_for_every_kind() -> None:
    assert {kind for kind in KINDS if f'"kind": "{kind}"' in json.dumps(TOLD)} == KINDS.keys()


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
def test_every_condition_can_be_said(case: Case) -> None:
    assert say_condition(case.root)


def test_phrases_are_whole_and_have_named_places() -> None:
    """What a translator is given: no place that depends on the order of words, and the same ones in both forms."""
    plurals = calls_of("ngettext")
    assert len(plurals) >= 15
    for call in plurals:
        one, many = (ast.literal_eval(argument) for argument in call.args[:2])
        assert set(re.findall(r"%\(\w+\)s", one)) == set(re.findall(r"%\(\w+\)s", many)) != set()
    first = [call.args[0] for call in calls_of("gettext", "_", "ngettext")]
    texts = [str(argument.value) for argument in first if isinstance(argument, ast.Constant)]
    assert len(texts) >= 70
    assert [text for text in texts if re.search(r"%[^(]|\{", re.sub(r"%\(\w+\)s", "", text))] == []


def test_words_that_django_knows_are_in_the_readers_language() -> None:
    case = {"kind": "context", "field": "time.weekday", "op": "is", "value": 6}
    with translation.override("de"):
        assert say_condition(parse_condition({"v": 1, "root": with_ids(case)})).endswith("Samstag")
