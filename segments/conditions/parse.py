"""Parses a JSON tree into the nodes of the language, or says per node what is wrong and how to mend it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from profiles.profile import MAX_TEXT
from segments.conditions.language import (
    CALENDAR_UNITS,
    CLUSTER_OPERATORS,
    HISTORY_LIMIT,
    LOOKALIKE,
    MAX_DEPTH,
    MAX_ID,
    MAX_NODES,
    MAX_STEPS,
    MAX_TESTS,
    MEASURES,
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
    read_length,
    read_retained,
    tell,
)
from segments.conditions.problems import CONDITION, Place, Problems

NODE_FORM = '{"id": "gold", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}'
TEST_FORM = '{"property": "category", "op": "is", "value": "Outdoor"}'
WINDOW_FORM = (
    f'{{"last": number, "unit": one of {", ".join(UNITS)}}}, {{"this": one of {", ".join(CALENDAR_UNITS)}}} '
    'or {"from": date, "to": date}'
)
_TAKEN = {
    "sum": 'that is added up, such as "value" for what the events are worth',
    "distinct": 'whose different values are counted, such as "category"',
}


def parse_condition(tree: object) -> Node:
    """The root node of `{"v": 1, "root": …}`; raises BadCondition with the problems of the tree."""
    if not isinstance(tree, Mapping):
        raise BadCondition([Problem(CONDITION.node, f'must be an object: {{"v": {VERSION}, "root": {{…}}}}')])
    version = tree.get("v")
    if isinstance(version, bool) or version != VERSION:
        raise BadCondition([Problem(CONDITION.node, f'"v" must be {VERSION}, the version of the language')])
    parser = _Parser()
    parser.keys(tree, CONDITION, ("v", "root"))
    root = parser.node(tree.get("root"), Place("root"), depth=1)
    if parser.found or root is None:
        raise BadCondition(parser.list_problems())
    return root


class _Parser(Problems):
    """Walks the tree once, collecting problems; bounded by depth and number of nodes before it recurses."""

    def __init__(self) -> None:
        super().__init__()
        self._ids: set[str] = set()
        self._nodes = 0

    def node(self, raw: object, at: Place, depth: int) -> Node | None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self.refuse(at, f"the condition has more than {MAX_NODES} nodes; make some of them a segment of their own")
            return None
        if depth > MAX_DEPTH:
            message = f"groups are nested more than {MAX_DEPTH} deep; make the inner part a segment of its own"
            self.refuse(at, message)
            return None
        if not isinstance(raw, Mapping):
            self.refuse(at, f"must be an object with a kind, such as {NODE_FORM}")
            return None
        id = raw.get("id")
        if not is_text(id, MAX_ID):
            self.refuse(at, f'every node needs an "id" of its own, a text of 1 to {MAX_ID} characters')
            return None
        at = Place(id)
        if id in self._ids:
            self.refuse(at, "another node has the same id; give each its own")
            return None
        self._ids.add(id)
        kind = self.choice(raw, "kind", "kind", KINDS, at)
        if kind is None:
            return None
        parse, keys = KINDS[kind]
        self.keys(raw, at, ("id", "kind", *keys))
        before = self.found
        node = parse(self, raw, at, depth)
        return node if self.found == before else None

    def group(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node:
        children = raw.get("children")
        if not isinstance(children, list) or not children:
            self.refuse(at, 'a group needs at least one child in the list "children"; add one, or remove the group')
            children = []
        nodes: list[Node] = []
        for number, child in enumerate(children, start=1):
            if self._nodes > MAX_NODES:
                break  # said once; a tree of a million nodes costs no more than one of fifty
            node = self.node(child, Place(f"child {number} of {at.node}"), depth + 1)
            if node is not None:
                nodes.append(node)
        return Group(at.node, raw["kind"], tuple(nodes))

    def event(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        name, did = self.event_name(raw, at), self.did(raw, at)
        measure: Any = self.choice(raw, "measure", "measure", MEASURES, at, default="count")
        if measure is None:
            return None
        if measure in ("first", "last"):
            return self.did_when(raw, at, name, did)
        of = raw.get("of")
        if measure == "count" and of is not None:
            self.refuse(at, 'a count is of events; leave "of" out, or use "measure": "sum" or "distinct"')
        elif measure != "count" and not is_name(of):
            self.refuse(at, f'"of" must name the property {_TAKEN[measure]}{tell(raw, "of")}')
        tests, window = self.where(raw, at), self.window(raw, at)
        number = self.number(raw, at)
        is_for_ever = raw.get("window") is None
        if is_for_ever and (tests or measure == "distinct" or (measure == "sum" and of != "value")):
            asked = '"where"' if tests else f'"measure": "{measure}"'
            message = f"{asked} needs a window: single events are remembered for {RETENTION_DAYS} days"
            self.refuse(at, f'{message}; add one, such as "window": {{"last": 30, "unit": "days"}}')
        largest = max(number) if isinstance(number, tuple) else number
        if not is_for_ever and measure != "sum" and largest is not None and largest >= HISTORY_LIMIT:
            message = f'only the newest {HISTORY_LIMIT} events of a name are remembered; use a "value" below that'
            self.refuse(at, message)
        if number is None:
            return None
        return Did(at.node, name, did, tests, measure, of, raw.get("op", "at_least"), number, window)

    def did_when(self, raw: Mapping[str, Any], at: Place, event: str, did: bool) -> Node | None:
        which = raw["measure"]
        for key, nothing in (("of", None), ("where", []), ("window", None)):
            if raw.get(key) not in (None, nothing):
                message = f'the {which} time is of all events of the name; leave "{key}" out'
                self.refuse(at, f'{message}, or count the events with "measure": "count"')
        test = self.operand(raw, at, which, TIME_OPERATORS)
        if test is not None and test.op == "between" and not test.asks_date:
            self.refuse(at, f'"value" of between must be a list of two dates, {DATE_FORM}')
        return None if test is None else DidWhen(at.node, event, did, which, test)

    def sequence(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        steps, did = raw.get("steps"), self.did(raw, at)
        if not isinstance(steps, list) or not 2 <= len(steps) <= MAX_STEPS:
            self.refuse(at, f'"steps" must be a list of 2 to {MAX_STEPS} events, such as {{"event": "Product Viewed"}}')
            steps = []
        parsed = tuple(
            self.step(step, at.enter(f"step {number}"), is_first=number == 1, is_last=number == len(steps))
            for number, step in enumerate(steps, start=1)
        )
        window = self.window(raw, at)
        if raw.get("window") is None:
            message = f"a sequence needs a window for its first step: events are remembered for {RETENTION_DAYS} days"
            self.refuse(at, f'{message}; add one, such as "window": {{"last": 30, "unit": "days"}}')
        return None if window is None else SequenceNode(at.node, parsed, window, did)

    def step(self, raw: object, at: Place, *, is_first: bool, is_last: bool) -> Step:
        if not isinstance(raw, Mapping):
            self.refuse(at, 'must be an object with an event, such as {"event": "Product Viewed"}')
            return Step("", (), None, True)
        self.keys(raw, at, ("event", "where", "within", "did"))
        within = read_retained(raw.get("within"))
        if is_first and "within" in raw:
            self.refuse(at, 'no step is before the first one; leave its "within" out, the "window" is about it')
        if not is_first and within is None:
            form = f"{DURATION_FORM}, longer than nothing and at most {RETENTION_DAYS} days"
            self.refuse(at, f'"within" must be {form}{tell(raw, "within")}')
        did = self.did(raw, at)
        if not did and not is_last:
            self.refuse(at, 'only the last step can be "did": false; remove it here, or the steps after this one')
        return Step(self.event_name(raw, at), self.where(raw, at), within, did)

    def event_name(self, raw: Mapping[str, Any], at: Place) -> str:
        name = raw.get("event")
        if not is_text(name, MAX_TEXT):
            self.refuse(at, f'"event" must be the name of an event, 1 to {MAX_TEXT} characters{tell(raw, "event")}')
            return ""
        return name

    def did(self, raw: Mapping[str, Any], at: Place) -> bool:
        did = raw.get("did", True)
        if not isinstance(did, bool):
            self.refuse(at, f'"did" must be true or false{tell(raw, "did")}')
            return True
        return did

    def where(self, raw: Mapping[str, Any], at: Place) -> tuple[Test, ...]:
        tests = raw.get("where")
        if tests is None:
            return ()
        if not isinstance(tests, list) or len(tests) > MAX_TESTS:
            self.refuse(at, f'"where" must be a list of at most {MAX_TESTS} tests, such as {TEST_FORM}')
            return ()
        parsed = [self.property(item, at.enter(f'test {n} of "where"')) for n, item in enumerate(tests, start=1)]
        return tuple(test for test in parsed if test is not None)

    def property(self, raw: object, at: Place) -> Test | None:
        if not isinstance(raw, Mapping):
            self.refuse(at, f"must be an object, such as {TEST_FORM}")
            return None
        self.keys(raw, at, ("property", "op", "value"))
        return self.test(raw, at, "property")

    def number(self, raw: Mapping[str, Any], at: Place) -> float | tuple[float, float] | None:
        """What a measure is compared with: a number, or two for `between`."""
        op, value = self.choice(raw, "op", "operator", NUMBER_OPERATORS, at, default="at_least"), raw.get("value", 1)
        if op is None:
            return None
        if op != "between":
            if not is_number(value):
                self.refuse(at, f'"value" must be {CALLED["number"]}{tell(raw, "value")}')
                return None
            return float(value)
        if not isinstance(value, list) or len(value) != 2 or not all(map(is_number, value)) or value[0] > value[1]:
            self.refuse(
                at, f'"value" of between must be a list of two numbers, the lower one first{tell(raw, "value")}'
            )
            return None
        return float(value[0]), float(value[1])

    def window(self, raw: Mapping[str, Any], at: Place) -> Window | None:
        window, at = raw.get("window"), at.enter('"window"')
        if window is None:
            return None
        if isinstance(window, Mapping) and "last" in window:
            self.keys(window, at, ("last", "unit"))
            length = read_length(window["last"], window.get("unit"))
            if length is not None:
                if read_retained({"amount": window["last"], "unit": window["unit"]}) is not None:
                    return Last(int(length))
                self.refuse(at, f"must be longer than nothing and at most {RETENTION_DAYS} days")
                return None
        elif isinstance(window, Mapping) and "this" in window:
            self.keys(window, at, ("this",))
            if window["this"] in CALENDAR_UNITS:
                return This(window["this"])
        elif isinstance(window, Mapping) and ("from" in window or "to" in window):
            self.keys(window, at, ("from", "to"))
            start, end = window.get("from"), window.get("to")
            if (start is not None or end is not None) and all(date is None or is_date(date) for date in (start, end)):
                return Dates(start, end)
            self.refuse(at, f'"from" and "to" must be dates, {DATE_FORM}; one of them may be left out')
            return None
        self.refuse(at, f"must be {WINDOW_FORM}, or null for ever")
        return None

    def trait(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        test = self.test(raw, at, "trait")
        return None if test is None else HasTrait(at.node, test)

    def context(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        test = self.test(raw, at, "field")
        return None if test is None else InContext(at.node, test)

    def segment(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        slug = raw.get("segment")
        if not is_name(slug):
            self.refuse(at, f'"segment" must be the slug of a segment, such as "customers"{tell(raw, "segment")}')
            return None
        return InSegment(at.node, slug)

    def cluster(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        test = self.operand(raw, at, "cluster", CLUSTER_OPERATORS)
        return None if test is None else InCluster(at.node, test)

    def score(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        test = self.test(raw, at, "score", SCORE_OPERATORS)
        return None if test is None else HasScore(at.node, test)

    def lookalike(self, raw: Mapping[str, Any], at: Place, depth: int) -> Node | None:
        test = self.test(raw, at, "lookalike", SCORE_OPERATORS)
        return None if test is None else HasScore(at.node, Test(LOOKALIKE + test.name, test.op, test.value))

    def test(
        self, raw: Mapping[str, Any], at: Place, subject: str, operators: Collection[str] = VALUE_OPERATORS
    ) -> Test | None:
        name = raw.get(subject)
        if not is_name(name):
            self.refuse(at, f'"{subject}" must be a name of 1 to {MAX_TEXT} characters{tell(raw, subject)}')
            return None
        return self.operand(raw, at, name, operators)

    def operand(self, raw: Mapping[str, Any], at: Place, name: str, operators: Collection[str]) -> Test | None:
        op, value = self.choice(raw, "op", "operator", operators, at), raw.get("value")
        if op is None:
            return None
        operand = VALUE_OPERATORS[op]
        read = OPERANDS[operand](value)
        if read is None:
            self.refuse(at, f'"value" of {op} must be {CALLED[operand]}{tell(raw, "value")}')
            return None
        return Test(name, op, read[0])


_Parse = Callable[[_Parser, Mapping[str, Any], Place, int], Node | None]

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
    "lookalike": (_Parser.lookalike, ("lookalike", "op", "value")),
}
