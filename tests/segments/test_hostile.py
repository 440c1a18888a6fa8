"""Whatever is given as a condition is one, or is refused: at once, with where and why, in few and short words."""

import json
import math
from collections.abc import Callable
from copy import deepcopy
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.conditions.explain import explain
from segments.conditions.language import MAX_PROBLEMS, BadCondition, Node, Problem
from segments.conditions.parse import KINDS, parse_condition
from segments.conditions.python import compile_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.conditions.words import say_condition
from segments.evaluation import find_matching
from segments.forms import BadJson, read_json
from tests.segments.cases import MEMORY, Case
from tests.segments.strategies import Chance, Drawn, Seeded, cases, draw_case

MILLION = 1_000_000
LONGEST = 1_000  # letters of one message
LETTERS = st.text(st.characters(exclude_categories=()), max_size=8)  # half surrogate pairs among them
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**18), 2**63, 1e308, 5e-324, -0.0])
WORDS = st.sampled_from(
    [*KINDS, "id", "kind", "v", "root", "children", "where", "steps", "op", "value", "window", "last"]
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | LETTERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | LETTERS, inner, max_size=5),
    max_leaves=20,
)
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**400, -(10**400), 1e308, 5e-324, -0.0, math.nan, math.inf, 2**63, 1e15),
    *("", " ", "x" * 300, "\0", "\ud800", "\u202e", "🧢", "<script>alert(1)</script>", "2026-02-30", "value", "event"),
    *([], [[]], [None], {}, {"id": "x"}, {"last": 1e308, "unit": "days"}, {"this": ["day"]}, {"from": []}, [1] * 300),
    *({"amount": 10**400, "unit": "days"}, {"amount": 1, "unit": {}}, {"id": "root", "kind": "and", "children": [0]}),
    # and what may well be right in another place
    *(1, 2, "at_least", "Outdoor", "2026-06-01", "2026-06-01T12:00:00Z", [0, 1], ["a"], ["2026-06-01", "2026-05-01"]),
    *({"this": "week"}, {"last": 1.5, "unit": "hours"}, {"amount": 1, "unit": "days"}, {"from": "1000-01-01"}, []),
    *("between", "exists", "within_last", "anniversary", "distinct", "first", "not", 365, False, None),
)


def refuse(tree: object) -> list[str]:
    """The problems of a tree that is no condition, as they are shown."""
    with pytest.raises(BadCondition) as refused:
        parse_condition(tree)
    return check(refused.value, tree)


def check(refused: BadCondition, tree: object) -> list[str]:
    """Each problem is short, can be sent anywhere, and names a node of the tree or where it is."""
    problems = refused.problems
    assert 1 <= len(problems) <= MAX_PROBLEMS + 1
    for problem in problems:
        assert is_place(problem, tree), problem
        assert problem.message.strip()
        assert len(str(problem)) < LONGEST
        assert str(problem).encode()
        assert str(problem).isprintable()
    return [str(problem) for problem in problems]


def is_place(problem: Problem, tree: object) -> bool:
    ids = list_ids(tree)
    _, is_child, parent = problem.node.partition(" of ")
    return problem.node in ("condition", "root", *ids) or (is_child != "" and parent in ids)


def list_ids(value: Any, depth: int = 0) -> list[Any]:
    """Those that can be met: of the first hundred children, some levels down."""
    if depth > 12 or not isinstance(value, (dict, list)):
        return []
    own = [value["id"]] if isinstance(value, dict) and "id" in value else []
    items = islice(value.values() if isinstance(value, dict) else value, 100)
    return own + [id for item in items for id in list_ids(item, depth + 1)]


def try_out(tree: Any, case: Case) -> Node | None:
    """The condition, once every evaluator has answered it about somebody; None if it is refused as it should be."""
    try:
        root = parse_condition(tree)
    except BadCondition as refused:
        check(refused, tree)
        return None
    facts = (case.profile, case.segments, case.context, case.now)
    compiled = compile_condition(root, case.calendar)
    assert compiled.matches(*facts) is explain(root, *facts, case.calendar).matched
    flip = compiled.next_flip(case.profile, case.now)
    assert flip is None or flip > case.now
    assert say_condition(root)
    return root


def mutate(tree: Any, chance: Chance, junk: Any) -> Any:
    """The tree with one thing wrong, perhaps: a key or item removed, one replaced, one added."""
    tree = deepcopy(tree)
    container = chance.pick(list_containers(tree))
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    way = chance.number(1, 3)
    if way == 1 and keys:
        del container[chance.pick(keys)]
    elif way == 2 and keys:
        container[chance.pick(keys)] = junk
    elif isinstance(container, dict):
        container[chance.pick(("of", "where", "window", "did", "within", "value", "unit", "colour"))] = junk
    else:
        container.insert(chance.number(0, len(container)), junk)
    return tree


def list_containers(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, (dict, list)) else []
    return own + [found for item in items for found in list_containers(item)]


@st.composite
def mutated(draw: Callable[[st.SearchStrategy[Any]], Any]) -> tuple[Any, Case]:
    case = draw(cases())
    return mutate(case.tree, Drawn(draw), draw(JSON)), case


@given(JSON)
@settings(max_examples=300)
def test_any_json_is_refused_or_a_condition(tree: Any) -> None:
    for whole in (tree, {"v": 1, "root": tree}, {"v": 1, "root": {"id": "a", "kind": "or", "children": [tree]}}):
        try:
            parse_condition(whole)
        except BadCondition as refused:
            check(refused, whole)


@given(
    st.sampled_from(sorted(KINDS)),
    st.dictionaries(st.sampled_from(sorted({k for _, ks in KINDS.values() for k in ks})), JSON),
)
@settings(max_examples=300)
def test_any_values_of_a_kind_are_refused_or_a_condition(kind: str, values: dict[str, Any]) -> None:
    tree = {"v": 1, "root": {"id": "a", "kind": kind, **values}}
    try:
        parse_condition(tree)
    except BadCondition as refused:
        check(refused, tree)


@given(mutated())
@settings(max_examples=300)
def test_a_condition_with_one_thing_wrong_is_refused_or_still_one(wrong: tuple[Any, Case]) -> None:
    try_out(*wrong)


@pytest.mark.django_db
def test_what_is_not_refused_can_be_asked_of_the_archive() -> None:
    asked = 0
    for number in range(1_500):
        chance = Seeded(7, number)
        case = draw_case(chance)
        root = try_out(mutate(case.tree, chance, chance.pick(JUNK)), case)
        if root is not None:
            asked += 1
            question = Question(case.now, case.calendar, MEMORY, frozenset(["Product Viewed"]))
            assert find_matching(compile_sql(root, question, case.context), []) == set()
    assert 80 < asked < 1_400  # some of both


def only(**root: Any) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "x", **root}}


def viewed(**said: Any) -> dict[str, Any]:
    return only(**{"kind": "event", "event": "Product Viewed", "window": {"last": 1, "unit": "days"}, **said})


def first(**said: Any) -> dict[str, Any]:
    return only(kind="event", event="a", measure="first", op="before", value="2026-01-01", **said)


def trait(op: Any, value: Any, name: str = "a") -> dict[str, Any]:
    return only(kind="trait", trait=name, op=op, value=value)


def group(children: list[Any]) -> dict[str, Any]:
    return only(kind="and", children=children)


def named(id: str) -> dict[str, Any]:
    return {"v": 1, "root": {"id": id, "kind": "xor"}}


def nest(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"id": "leaf", "kind": "segment", "segment": "gold"}
    for number in range(depth):
        node = {"id": f"n{number}", "kind": "not", "children": [node]}
    return {"v": 1, "root": node}


def nest_lists(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


LEAF = {"kind": "segment", "segment": "gold"}
TEST = {"property": "price", "op": "iss", "value": 1}
MANY_KEYS = {f"k{number}": 1 for number in range(100_000)}
HOSTILE: dict[str, tuple[Any, str]] = {
    "ten thousand deep": (nest(10_000), "child 1 of n9995: groups are nested more than 5 deep"),
    "a million nodes without an id": (group([LEAF] * MILLION), 'child 1 of x: every node needs an "id" of its own'),
    "a million nodes": (group([{**LEAF, "id": str(number)} for number in range(MILLION)]), "more than 50 nodes"),
    "a million nodes with one id": (group([{**LEAF, "id": "same"}] * MILLION), "another node has the same id"),
    "a million numbers for nodes": (group([0] * MILLION), "child 1 of x: must be an object"),
    "a million tests": (viewed(where=[TEST] * MILLION), "at most 50 tests"),
    "a million steps": (only(kind="sequence", steps=[{}] * MILLION, window={"this": "day"}), "2 to 5 events"),
    "one of a million": (trait("in", ["b"] * MILLION), '"value" of in must be a list of 1 to 200 values'),
    "one of a text": (trait("in", "b" * MILLION), "a text of 1000000 characters"),
    "many keys": (only(kind="segment", segment="a", **MANY_KEYS), "unknown key 'k0'"),
    "a long key": (only(**{**LEAF, "b" * MILLION: 1}), "unknown key a text of 1000000 characters"),
    "a long id": (named("y" * MILLION), 'root: every node needs an "id"'),
    "a long name": (trait("exists", None, "a" * MILLION), "not a text of 1000000 characters"),
    "a long kind": (only(kind="k" * MILLION), "unknown kind a text of 1000000 characters"),
    "lists in lists": (trait("is", nest_lists(10_000)), "not a list of 1"),
    "1e308": (trait("is", 1e308), "not a number of 1,000,000,000,000,000 or more"),
    "10**400": (viewed(value=10**400), "must be a number, not a number of 1,000"),
    "-10**400": (viewed(value=-(10**400)), "must be a number, not a number of 1,000"),
    "not a number": (viewed(value=math.nan), "must be a number, not nan"),
    "minus infinity": (viewed(value=-math.inf), "must be a number, not a number of 1,000"),
    "between infinities": (viewed(op="between", value=[-math.inf, math.inf]), "two numbers, the lower one first"),
    "a window of 10**400 days": (viewed(window={"last": 10**400, "unit": "days"}), '"window": must be'),
    "a window of 1e14 days": (viewed(window={"last": 1e14, "unit": "days"}), "at most 180 days"),
    "a window a little too long": (viewed(window={"last": 180.000001, "unit": "days"}), "at most 180 days"),
    "a window of nothing": (viewed(window={"last": 1e-9, "unit": "minutes"}), "longer than nothing"),
    "a window of true days": (viewed(window={"last": True, "unit": "days"}), '"window": must be'),
    "no duration": (trait("within_last", {"amount": math.nan, "unit": "days"}), "longer than nothing"),
    "a duration of ages": (trait("within_last", {"amount": 36_501, "unit": "days"}), "at most 36,500 days"),
    "1e308 days ahead": (trait("anniversary", 1e308), "a whole number of days from 0 to 365"),
    "half a day ahead": (trait("anniversary", 0.5), "a whole number of days"),
    "30 February": (trait("before", "2026-02-30"), '"value" of before must be a date'),
    "wide digits": (trait("before", "２０２６-01-01"), '"value" of before must be a date'),
    "NUL": (trait("is", "a\0b"), "cannot be stored"),
    "half a pair in a name": (trait("exists", None, "a\ud800"), "cannot be stored"),
    "half a pair in an id": (named("a\udfff"), 'root: every node needs an "id"'),
    "half a pair in a key": (only(**LEAF, **{"\ud800": 1}), "unknown key a text with a character that cannot"),
    "an id from right to left": (named("\u202eabc"), "'\\u202eabc': unknown kind"),
    "an id of a new line": (named("\n"), "'\\n': unknown kind"),
    "an id of emoji": (named("🧢" * 64), "🧢: unknown kind 'xor'"),
    "an id like HTML": (named("<img src=x>"), "<img src=x>: unknown kind"),
    "half a version": ({"v": 1.5, "root": {}}, '"v" must be 1'),
    "the version true": ({"v": True, "root": {**LEAF, "id": "x"}}, '"v" must be 1'),
    "a list of versions": ({"v": [1], "root": {}}, '"v" must be 1'),
    "tests in an object": (viewed(where={}), '"where" must be a list'),
    "a number of tests": (viewed(where=0), '"where" must be a list'),
    "first time of nothing": (first(of=""), 'leave "of" out'),
    "first time inside nothing": (first(window={}), 'leave "window" out'),
    "a measure that is an object": (viewed(measure={}), "unknown measure an object"),
    "an operator of values for a count": (
        viewed(op="contains"),
        "the operator 'contains' is not for this; use one of at",
    ),
    "an operator of counts for a value": (trait("exactly", 1), "the operator 'exactly' is not for this; use one of is"),
    "an operator that is a list": (viewed(op=[]), "unknown operator an empty list"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_meant_to_break_it_is_refused(name: str) -> None:
    tree, said = HOSTILE[name]
    assert [told for told in refuse(tree) if said in told]


def test_the_place_inside_a_node_is_named() -> None:
    test = {"property": "price", "op": "at_least"}
    steps = [{"event": "a"}, {"event": "b", "within": {"amount": 1, "unit": "days"}, "where": [test, {"op": "is"}]}]
    told = refuse(only(kind="sequence", steps=steps, window={"last": 1, "unit": "year"}))
    assert told[0] == 'x: step 2, test 1 of "where": "value" of at_least must be a number, but is missing'
    assert told[1].startswith('x: step 2, test 2 of "where": "property" must be a name')
    assert told[2].startswith('x: "window": must be {"last": number')
    assert len(told) == 3


def test_one_mistake_is_told_once() -> None:
    bad = {"last": 900, "unit": "days"}
    assert len(refuse(viewed(window=bad, where=[{"property": "a", "op": "exists"}]))) == 1
    assert len(refuse(only(kind="sequence", steps=[{"event": "a"}] * 2, window=bad))) == 2  # the second step's `within`
    assert len(refuse(viewed(measure="distinct", of="a", window=bad))) == 1


def test_thousands_of_problems_are_told_in_a_page() -> None:
    wrong = {"kind": "event", "event": "Product Viewed", "where": [TEST] * 50, "window": {"last": 1, "unit": "days"}}
    told = refuse(group([{**wrong, "id": f"n{number}"} for number in range(10_000)]))
    assert len(told) == MAX_PROBLEMS + 1
    assert told[-1] == f"condition: and {49 * 50 + 1 - MAX_PROBLEMS} more, which are listed once these are mended"
    assert len("".join(told)) < 10_000


def test_numbers_that_look_odd_are_numbers() -> None:
    for number in (-0.0, 5e-324, 999_999_999_999_999, -1e14):
        assert parse_condition(only(kind="trait", trait="a", op="is", value=number))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('{"v": NaN}', "NaN is no number in JSON"),
        ('{"v": -Infinity}', "-Infinity is no number in JSON"),
        ('{"v": 1e400}', "A number is too large"),
        (f'{{"v": {"9" * 5_000}}}', "a number is too long"),
        ("[" * 10_000 + "]" * 10_000, "nested too deep"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "nested too deep"),
        ('{"v": "\\u0000"}', "The character \\u0000 cannot be stored"),
        ('{"\\\\\\u0000": 1}', "The character \\u0000 cannot be stored"),
        ('{"v": "\\ud800"}', "surrogate"),
        ('{"v": "a\0b"}', "line 1, column 9"),
        ('{"v": 1, "root": {"window": null, "window": {}}}', "The key 'window' stands twice in one object"),
        ('{"\\u202e": 1, "\\u202e": 2}', "The key '\\u202e' stands twice"),
        ("{" + ", ".join(f'"k{number}": 1' for number in (*range(200_000), 199_999)) + "}", "The key 'k199999' stands"),
        ("", "line 1, column 1"),
        ("\ufeff{}", "line 1, column 1"),
        ("{'v': 1}", "line 1, column 2"),
    ],
)
def test_a_text_that_is_no_json_is_refused(typed: str, said: str) -> None:
    with pytest.raises(BadJson) as refused:
        read_json(typed)
    assert said in str(refused.value)
    assert len(str(refused.value)) < LONGEST


def test_the_letters_of_an_escape_are_letters() -> None:
    text = r"a\u0000 \\u0000"
    assert read_json(json.dumps({"a": text})) == {"a": text}


@given(JSON)
@settings(max_examples=200)
def test_any_json_is_read_as_it_was_written_or_refused(value: Any) -> None:
    try:
        assert read_json(json.dumps(value)) == value
    except BadJson as refused:
        assert str(refused).encode()
