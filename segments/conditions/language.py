"""The condition language: parses a JSON tree into typed nodes, or says per node what is wrong and how to mend it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from profiles.profile import DAY_MS, MAX_TEXT, Scalar

VERSION = 1
MAX_DEPTH = 5
MAX_NODES = 50
MAX_LIST = 200  # values of one `in`
RETENTION_DAYS = 180
HISTORY_LIMIT = 500

Measure = Literal["count", "sum", "distinct"]

# Operators on a value: what their operand has to be.
VALUE_OPERATORS: dict[str, str] = {
    "is": "scalar",
    "is_not": "scalar",
    "in": "list",
    "contains": "text",
    "starts_with": "text",
    "exists": "nothing",
    "at_least": "number",
    "at_most": "number",
    "more_than": "number",
    "less_than": "number",
}
NUMBER_OPERATORS = ("at_least", "at_most", "exactly", "more_than", "less_than")
UNITS: dict[str, int] = {"minutes": 60_000, "hours": 3_600_000, "days": DAY_MS}


@dataclass(frozen=True)
class Problem:
    """What is wrong at one node (by its id, or by its place when it has none), and how to mend it."""

    node: str
    message: str


class BadCondition(ValueError):
    """The tree is not a condition; `problems` lists every reason found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.node}: {problem.message}" for problem in problems))


@dataclass(frozen=True)
class Test:
    """One operator applied to one value: a property, a trait or a context field."""

    name: str
    op: str
    value: Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True)
class Group:
    id: str
    kind: Literal["and", "or", "not"]
    children: tuple["Node", ...]


@dataclass(frozen=True)
class Did:
    """Events of one name, filtered by `where`, measured inside a window (None: ever), compared with `value`."""

    id: str
    event: str
    did: bool
    where: tuple[Test, ...]
    measure: Measure
    of: str | None
    op: str
    value: float
    window_ms: int | None


@dataclass(frozen=True)
class HasTrait:
    id: str
    test: Test


@dataclass(frozen=True)
class InContext:
    id: str
    test: Test


@dataclass(frozen=True)
class InSegment:
    id: str
    segment: str


Node = Group | Did | HasTrait | InContext | InSegment


def parse_condition(tree: object) -> Node:
    """The root node of `{"v": 1, "root": …}`; raises BadCondition with every problem of the tree."""
    if not isinstance(tree, Mapping):
        raise BadCondition([Problem("condition", 'must be an object: {"v": 1, "root": {…}}')])
    if tree.get("v") != VERSION:
        raise BadCondition([Problem("condition", f'"v" must be {VERSION}, the version of the language')])
    parser = _Parser()
    parser.keys(tree, "condition", ("v", "root"))
    root = parser.node(tree.get("root"), place="root", depth=1)
    if parser.problems or root is None:
        raise BadCondition(parser.problems)
    return root


class _Parser:
    """Walks the tree once, collecting problems; bounded by depth and number of nodes before it recurses."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._ids: set[str] = set()
        self._nodes = 0

    def node(self, raw: object, place: str, depth: int) -> Node | None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(place, f"the condition has more than {MAX_NODES} nodes; split it into segments")
            return None
        if depth > MAX_DEPTH:
            self._refuse(place, f"groups are nested more than {MAX_DEPTH} deep; make the inner part a segment")
            return None
        if not isinstance(raw, Mapping):
            self._refuse(place, "must be an object with a kind")
            return None
        id = raw.get("id")
        if not isinstance(id, str) or not 0 < len(id) <= 64:
            self._refuse(place, '"id" must be a text of 1 to 64 characters')
            return None
        if id in self._ids:
            self._refuse(id, "another node has the same id; give each its own")
            return None
        self._ids.add(id)
        kind = raw.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            self._refuse(id, f"unknown kind {_show(kind)}; use one of {', '.join(_KINDS)}")
            return None
        self.keys(raw, id, ("id", "kind", *_KEYS[kind]))
        return _KINDS[kind](self, raw, id, depth)

    def keys(self, raw: Mapping[str, Any], id: str, known: Sequence[str]) -> None:
        """Refuses keys that mean nothing: a mistyped "window" would silently ask for ever."""
        if unknown := [key for key in raw if key not in known]:
            self._refuse(id, f"unknown key {_show(unknown[0])}; use {', '.join(known)}")

    def group(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        children = raw.get("children")
        if not isinstance(children, list) or not children:
            self._refuse(id, "a group needs at least one child")
            return None
        if raw["kind"] == "not" and len(children) != 1:
            self._refuse(id, '"not" takes exactly one child; put an "or" inside for none of several')
            return None
        nodes: list[Node] = []
        for number, child in enumerate(children):
            if self._nodes > MAX_NODES:
                break  # said once; a tree of a million nodes costs no more than one of fifty
            node = self.node(child, f"{id}[{number}]", depth + 1)
            if node is not None:
                nodes.append(node)
        return Group(id, raw["kind"], tuple(nodes))

    def did(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        event, measure, of = raw.get("event"), raw.get("measure", "count"), raw.get("of")
        op, value, where = raw.get("op", "at_least"), raw.get("value", 1), raw.get("where") or []
        before = len(self.problems)
        if not isinstance(event, str) or not event:
            self._refuse(id, '"event" must be the name of an event')
        if measure not in ("count", "sum", "distinct"):
            self._refuse(id, f"unknown measure {_show(measure)}; use count, sum or distinct")
        if measure in ("sum", "distinct") and not _is_name(of):
            self._refuse(id, f'"of" must name the property to take the {measure} of')
        if op not in NUMBER_OPERATORS:
            self._refuse(id, f"unknown operator {_show(op)}; use one of {', '.join(NUMBER_OPERATORS)}")
        if not _is_number(value):
            self._refuse(id, f'"value" must be a number, not {_show(value)}')
        did = raw.get("did", True)
        if not isinstance(did, bool):
            self._refuse(id, '"did" must be true or false')
        if not isinstance(where, list) or len(where) > MAX_NODES:
            self._refuse(id, f'"where" must be a list of at most {MAX_NODES} tests')
            where = []
        for item in where:
            if isinstance(item, Mapping):
                self.keys(item, id, ("property", "op", "value"))
        tests = [self.test(item, id, "property") for item in where]
        window = self.window(raw.get("window"), id)
        if window is None and (tests or measure == "distinct" or (measure == "sum" and of != "value")):
            self._refuse(id, f"this counts remembered events, so it needs a window of at most {RETENTION_DAYS} days")
        remembered = window is not None or tests
        if remembered and measure == "count" and _is_number(value) and value >= HISTORY_LIMIT:
            self._refuse(id, f"only the newest {HISTORY_LIMIT} events are remembered; use a value below that")
        if len(self.problems) > before:
            return None
        known = tuple(test for test in tests if test is not None)
        return Did(id, str(event), did, known, measure, of, op, float(value), window)

    def window(self, raw: object, id: str) -> int | None:
        if raw is None:
            return None
        if not isinstance(raw, Mapping) or raw.get("unit") not in UNITS or not _is_number(raw.get("last")):
            form = f'{{"last": number, "unit": one of {", ".join(UNITS)}}}'
            self._refuse(id, f'"window" must be {form}, or null for ever')
            return None
        self.keys(raw, id, ("last", "unit"))
        length = raw["last"] * UNITS[raw["unit"]]
        if not 0 < length <= RETENTION_DAYS * DAY_MS:
            self._refuse(id, f"a window is longer than nothing and at most {RETENTION_DAYS} days")
            return None
        return int(length)

    def trait(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        test = self.test(raw, id, "trait")
        return None if test is None else HasTrait(id, test)

    def context(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        test = self.test(raw, id, "field")
        return None if test is None else InContext(id, test)

    def segment(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        slug = raw.get("segment")
        if not _is_name(slug):
            self._refuse(id, '"segment" must be the slug of a segment')
            return None
        return InSegment(id, str(slug))

    def test(self, raw: object, id: str, subject: str) -> Test | None:
        if not isinstance(raw, Mapping) or not _is_name(raw.get(subject)):
            self._refuse(id, f'"{subject}" must be a name of 1 to {MAX_TEXT} characters')
            return None
        op, value = raw.get("op"), raw.get("value")
        operand = VALUE_OPERATORS.get(op) if isinstance(op, str) else None
        if operand is None:
            self._refuse(id, f"unknown operator {_show(op)}; use one of {', '.join(VALUE_OPERATORS)}")
            return None
        if not _OPERANDS[operand](value):
            self._refuse(id, f'"value" of {op} must be {_CALLED[operand]}, not {_show(value)}')
            return None
        if isinstance(value, list):
            value = tuple(value)
        return Test(raw[subject], str(op), value)

    def _refuse(self, node: str, message: str) -> None:
        self.problems.append(Problem(node, message))


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool) or _is_number(value) or (isinstance(value, str) and len(value) <= MAX_TEXT)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT


def _show(value: object) -> str:
    shown = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
    return shown[:40]


_CALLED = {
    "scalar": f"a number, true, false or a text of at most {MAX_TEXT} characters",
    "list": f"a list of 1 to {MAX_LIST} texts or numbers",
    "text": f"a text of 1 to {MAX_TEXT} characters",
    "nothing": "left out",
    "number": "a number",
}

_OPERANDS: dict[str, Callable[[object], bool]] = {
    "scalar": _is_scalar,
    "list": lambda value: isinstance(value, list) and 0 < len(value) <= MAX_LIST and all(map(_is_scalar, value)),
    "text": lambda value: isinstance(value, str) and 0 < len(value) <= MAX_TEXT,
    "nothing": lambda value: value is None,
    "number": _is_number,
}

_KINDS: dict[str, Callable[[_Parser, Mapping[str, Any], str, int], Node | None]] = {
    "and": _Parser.group,
    "or": _Parser.group,
    "not": _Parser.group,
    "event": _Parser.did,
    "trait": _Parser.trait,
    "context": _Parser.context,
    "segment": _Parser.segment,
}

_KEYS: dict[str, tuple[str, ...]] = {
    "and": ("children",),
    "or": ("children",),
    "not": ("children",),
    "event": ("event", "did", "where", "measure", "of", "op", "value", "window"),
    "trait": ("trait", "op", "value"),
    "context": ("field", "op", "value"),
    "segment": ("segment",),
}
