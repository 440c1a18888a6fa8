"""Parses a JSON tree into the nodes of the language, or says per node what is wrong and how to mend it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from profiles.profile import MAX_TEXT
from segments.conditions.language import (
    CALENDAR_UNITS,
    CLUSTER_OPERATORS,
    HISTORY_LIMIT,
    LOOKALIKE,
    MAX_DEPTH,
    MAX_NODES,
    MAX_STEPS,
    MAX_TESTS,
    NUMBER_OPERATORS,
    RETENTION_DAYS,
    SCORE_OPERATORS,
    TIME_OPERATORS,
    UNITS,
    VALUE_OPERATORS,
    VERSION,
    BadCondition,
    Dates,
    Did,
    DidWhen,
    Group,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Last,
    Node,
    Problem,
    Step,
    Test,
    This,
    Window,
)
from segments.conditions.language import Sequence as SequenceNode
from segments.conditions.operands import (
    CALLED,
    DATE_FORM,
    DURATION_FORM,
    OPERANDS,
    is_date,
    is_name,
    is_number,
    is_text,
    read_duration,
    read_retained,
    show,
)

MEASURES = ("count", "sum", "distinct", "first", "last")
WINDOW_FORM = (
    f'{{"last": number, "unit": one of {", ".join(UNITS)}}}, {{"this": one of {", ".join(CALENDAR_UNITS)}}} '
    'or {"from": date, "to": date}'
)


def parse_condition(tree: object) -> Node:
    """The root node of `{"v": 1, "root": …}`; raises BadCondition with every problem of the tree."""
    if not isinstance(tree, Mapping):
        raise BadCondition([Problem("condition", 'must be an object: {"v": 1, "root": {…}}')])
    version = tree.get("v")
    if isinstance(version, bool) or version != VERSION:
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
        if not is_text(id, 64):
            self._refuse(place, '"id" must be a text of 1 to 64 characters')
            return None
        if id in self._ids:
            self._refuse(id, "another node has the same id; give each its own")
            return None
        self._ids.add(id)
        kind = raw.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            self._refuse(id, f"unknown kind {show(kind)}; use one of {', '.join(KINDS)}")
            return None
        parse, keys = KINDS[kind]
        self.keys(raw, id, ("id", "kind", *keys))
        before = len(self.problems)
        node = parse(self, raw, id, depth)
        return node if len(self.problems) == before else None

    def keys(self, raw: Mapping[str, Any], id: str, known: Sequence[str]) -> None:
        """Refuses keys that mean nothing: a mistyped "window" would silently ask for ever."""
        unknown = next((key for key in raw if key not in known), None)
        if unknown is not None:
            self._refuse(id, f"unknown key {show(unknown)}; use {', '.join(known)}")

    def group(self, raw: Mapping[str, Any], id: str, depth: int) -> Node:
        children = raw.get("children")
        if not isinstance(children, list) or not children:
            self._refuse(id, "a group needs at least one child; add one, or remove the group")
            children = []
        nodes: list[Node] = []
        for number, child in enumerate(children):
            if self._nodes > MAX_NODES:
                break  # said once; a tree of a million nodes costs no more than one of fifty
            node = self.node(child, f"{id}[{number}]", depth + 1)
            if node is not None:
                nodes.append(node)
        return Group(id, raw["kind"], tuple(nodes))

    def event(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        name, did, measure = self.event_name(raw, id), self.did(raw, id), raw.get("measure", "count")
        if measure in ("first", "last"):
            return self.did_when(raw, id, name, did)
        if measure not in ("count", "sum", "distinct"):
            self._refuse(id, f"unknown measure {show(measure)}; use {', '.join(MEASURES)}")
            return None
        of, op, value = raw.get("of"), raw.get("op", "at_least"), raw.get("value", 1)
        if measure == "count" and of is not None:
            self._refuse(id, 'a count is of events; leave "of" out, or use "measure": "sum" or "distinct"')
        elif measure != "count" and not is_name(of):
            self._refuse(id, f'"of" must name the property to take the {measure} of')
        tests = self.where(raw, id)
        window = self.window(raw.get("window"), id)
        is_remembered = window is not None or bool(tests)
        number = self.number(op, value, id)
        if window is None and (tests or measure == "distinct" or (measure == "sum" and of != "value")):
            message = f"this counts remembered events, so it needs a window of at most {RETENTION_DAYS} days"
            self._refuse(id, message)
        largest = max(number) if isinstance(number, tuple) else number
        if is_remembered and measure != "sum" and largest is not None and largest >= HISTORY_LIMIT:
            self._refuse(id, f"only the newest {HISTORY_LIMIT} events are remembered; use a value below that")
        if number is None:
            return None
        return Did(id, name, did, tests, measure, of, op, number, window)

    def did_when(self, raw: Mapping[str, Any], id: str, event: str, did: bool) -> Node | None:
        which = raw["measure"]
        for key in ("of", "where", "window"):
            if raw.get(key):
                message = f'the {which} time is of all a person\'s events of the name; leave "{key}" out'
                self._refuse(id, f'{message}, or count them with "measure": "count"')
        test = self.operand(raw, id, which, TIME_OPERATORS)
        if test is not None and test.op == "between" and not test.asks_date:
            self._refuse(id, f'"value" of between must be a list of two dates, {DATE_FORM}')
        return None if test is None else DidWhen(id, event, did, which, test)

    def sequence(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        steps, did = raw.get("steps"), self.did(raw, id)
        if not isinstance(steps, list) or not 2 <= len(steps) <= MAX_STEPS:
            self._refuse(id, f'"steps" must be a list of 2 to {MAX_STEPS} events')
            steps = []
        parsed = tuple(
            self.step(step, id, number, is_last=number == len(steps)) for number, step in enumerate(steps, start=1)
        )
        window = self.window(raw.get("window"), id)
        if window is None:
            message = f'a sequence is about remembered events, so it needs a "window" of at most {RETENTION_DAYS} days'
            self._refuse(id, f"{message} for its first step")
            return None
        return SequenceNode(id, parsed, window, did)

    def step(self, raw: object, id: str, number: int, *, is_last: bool) -> Step:
        if not isinstance(raw, Mapping):
            self._refuse(id, f"step {number} must be an object with an event")
            return Step("", (), None, True)
        self.keys(raw, id, ("event", "where", "within", "did"))
        within = read_retained(raw.get("within"))
        if number == 1 and "within" in raw:
            self._refuse(id, 'the first step has no step before it; leave its "within" out, the "window" is about it')
        if number > 1 and within is None:
            form = f"{DURATION_FORM}, longer than nothing and at most {RETENTION_DAYS} days"
            self._refuse(id, f'"within" of step {number} must be {form}')
        did = self.did(raw, id)
        if not did and not is_last:
            self._refuse(id, f'only the last step can be "did": false; step {number} is followed by others')
        if not did and number == 1:
            self._refuse(id, 'the first step must have happened; leave its "did" out')
        return Step(self.event_name(raw, id), self.where(raw, id), within, did)

    def event_name(self, raw: Mapping[str, Any], id: str) -> str:
        name = raw.get("event")
        if not is_text(name, MAX_TEXT):
            self._refuse(id, f'"event" must be the name of an event, 1 to {MAX_TEXT} characters')
            return ""
        return str(name)

    def did(self, raw: Mapping[str, Any], id: str) -> bool:
        did = raw.get("did", True)
        if not isinstance(did, bool):
            self._refuse(id, '"did" must be true or false')
            return True
        return did

    def where(self, raw: Mapping[str, Any], id: str) -> tuple[Test, ...]:
        tests = raw.get("where") or []
        if not isinstance(tests, list) or len(tests) > MAX_TESTS:
            self._refuse(id, f'"where" must be a list of at most {MAX_TESTS} tests')
            return ()
        for item in tests:
            if isinstance(item, Mapping):
                self.keys(item, id, ("property", "op", "value"))
        parsed = [self.test(item, id, "property") for item in tests]
        return tuple(test for test in parsed if test is not None)

    def number(self, op: object, value: object, id: str) -> float | tuple[float, float] | None:
        """What a measure is compared with: a number, or two for `between`."""
        if op not in NUMBER_OPERATORS:
            self._refuse(id, f"unknown operator {show(op)}; use one of {', '.join(NUMBER_OPERATORS)}")
            return None
        if op != "between":
            if not is_number(value):
                self._refuse(id, f'"value" must be a number, not {show(value)}')
                return None
            return float(value)
        if not isinstance(value, list) or len(value) != 2 or not all(map(is_number, value)) or value[0] > value[1]:
            self._refuse(id, f'"value" of between must be two numbers, the lower one first, not {show(value)}')
            return None
        return float(value[0]), float(value[1])

    def window(self, raw: object, id: str) -> Window | None:
        if raw is None:
            return None
        if isinstance(raw, Mapping) and "last" in raw:
            self.keys(raw, id, ("last", "unit"))
            length = read_duration(raw.get("last"), raw.get("unit"))
            if length is not None:
                if read_retained({"amount": raw["last"], "unit": raw["unit"]}) is not None:
                    return Last(length)
                self._refuse(id, f"a window is longer than nothing and at most {RETENTION_DAYS} days")
                return None
        elif isinstance(raw, Mapping) and "this" in raw:
            self.keys(raw, id, ("this",))
            if raw["this"] in CALENDAR_UNITS:
                return This(raw["this"])
        elif isinstance(raw, Mapping) and ("from" in raw or "to" in raw):
            self.keys(raw, id, ("from", "to"))
            start, end = raw.get("from"), raw.get("to")
            if (start is not None or end is not None) and all(date is None or is_date(date) for date in (start, end)):
                return Dates(start, end)
            self._refuse(id, f'"from" and "to" of a window must be dates, {DATE_FORM}; one of them may be left out')
            return None
        self._refuse(id, f'"window" must be {WINDOW_FORM}, or null for ever')
        return None

    def trait(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        test = self.test(raw, id, "trait")
        return None if test is None else HasTrait(id, test)

    def context(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        test = self.test(raw, id, "field")
        return None if test is None else InContext(id, test)

    def segment(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        slug = raw.get("segment")
        if not is_name(slug):
            self._refuse(id, '"segment" must be the slug of a segment')
            return None
        return InSegment(id, str(slug))

    def cluster(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        test = self.operand(raw, id, "cluster", CLUSTER_OPERATORS)
        return None if test is None else InCluster(id, test)

    def score(self, raw: Mapping[str, Any], id: str, depth: int) -> Node | None:
        test = self.test(raw, id, raw["kind"], SCORE_OPERATORS)
        if test is None:
            return None
        return HasScore(id, Test(LOOKALIKE + test.name, test.op, test.value) if raw["kind"] == "lookalike" else test)

    def test(self, raw: object, id: str, subject: str, operators: Collection[str] = VALUE_OPERATORS) -> Test | None:
        if not isinstance(raw, Mapping) or not is_name(raw.get(subject)):
            self._refuse(id, f'"{subject}" must be a name of 1 to {MAX_TEXT} characters')
            return None
        return self.operand(raw, id, raw[subject], operators)

    def operand(self, raw: Mapping[str, Any], id: str, name: str, operators: Collection[str]) -> Test | None:
        op, value = raw.get("op"), raw.get("value")
        if not isinstance(op, str) or op not in operators:
            self._refuse(id, f"unknown operator {show(op)}; use one of {', '.join(operators)}")
            return None
        operand = VALUE_OPERATORS[op]
        read = OPERANDS[operand](value)
        if read is None:
            self._refuse(id, f'"value" of {op} must be {CALLED[operand]}, not {show(value)}')
            return None
        return Test(name, op, read[0])

    def _refuse(self, node: str, message: str) -> None:
        self.problems.append(Problem(node, message))


_Parse = Callable[[_Parser, Mapping[str, Any], str, int], Node | None]

# Every kind: how it is parsed, and the keys it has beside `id` and `kind`.
KINDS: dict[str, tuple[_Parse, tuple[str, ...]]] = {
    "and": (_Parser.group, ("children",)),
    "or": (_Parser.group, ("children",)),
    "not": (_Parser.group, ("children",)),
    "event": (_Parser.event, ("event", "did", "where", "measure", "of", "op", "value", "window")),
    "sequence": (_Parser.sequence, ("steps", "window", "did")),
    "trait": (_Parser.trait, ("trait", "op", "value")),
    "context": (_Parser.context, ("field", "op", "value")),
    "segment": (_Parser.segment, ("segment",)),
    "cluster": (_Parser.cluster, ("op", "value")),
    "score": (_Parser.score, ("score", "op", "value")),
    "lookalike": (_Parser.score, ("lookalike", "op", "value")),
}
