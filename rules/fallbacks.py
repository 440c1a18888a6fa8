"""Whether each merge tag has something to say about everybody: a fallback, or a condition around it that holds only
where it is known. Decided once, from the parsed template."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from liquid import BoundTemplate, Expression
from liquid.ast import BlockNode, Node
from liquid.builtin.expressions import (
    FilteredExpression,
    Identifier,
    KeywordArgument,
    LoopExpression,
    Path,
    PositionalArgument,
    StringLiteral,
)
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import (
    BooleanExpression,
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import (
    Blank,
    Empty,
    FloatLiteral,
    IntegerLiteral,
    Nil,
    RangeLiteral,
    TrueLiteral,
)
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import LiquidError

from rules.filters import ANSWERS_MISSING, DATE_FORMAT, FILTERS, HTML_FILTERS, MAYBE_NOTHING
from rules.liquid import MAX_FILTERS, MAX_LOOPS, CapturedNode, Place, refuse

OF_PROFILE = ("user_id", "traits", "segments")
OF_OFFER = ("name", "kind", "code", "points")
ROOTS = {"profile", "context", "offer", "now", "data"}
MAIL_LINKS = frozenset({"unsubscribe_url", "view_url"})  # that every message has

Known = frozenset[tuple[object, ...]]  # paths that have a value

_NOTHING: Known = frozenset()
_FOR_VALUES = (GtExpression, GeExpression, LtExpression, LeExpression, ContainsExpression)
_SOMETHING = (IntegerLiteral, FloatLiteral, TrueLiteral)


class _State(NamedTuple):
    """What is known to have a value, the names that the template has made, and those of loops, of which all is its
    own affair."""

    known: Known
    made: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()


def check_fallbacks(template: BoundTemplate, *, html: bool, links: frozenset[str] = frozenset()) -> None:
    """Raises LiquidError for the first merge tag that would have nothing to say about some people, and for names,
    filters and ranges that lead nowhere. `html`: whether its text becomes HTML; `links`: names that always are
    addresses."""
    _Checker(html).walk(template.nodes, _State(frozenset((name,) for name in links), made=links))


def list_gaps(template: BoundTemplate, *, html: bool, links: frozenset[str] = frozenset()) -> list[LiquidError]:
    """Everything of which `check_fallbacks` says the first, in the order of the template; for whoever mends it."""
    checker = _Checker(html, found=[])
    with suppress(LiquidError):
        checker.walk(template.nodes, _State(frozenset((name,) for name in links), made=links))
    return checker.found or []


class _Checker:
    def __init__(self, html: bool, *, found: list[LiquidError] | None = None) -> None:
        self._html = html
        self.found = found  # None: the first mistake ends it
        self._loops = 0  # around what is being looked at

    def walk(self, nodes: Iterable[Node], state: _State) -> _State:
        for node in nodes:
            try:
                state = self._visit(node, state)
            except LiquidError as error:
                if self.found is None:
                    raise
                if all(each.token != error.token for each in self.found):  # a loop is walked twice
                    self.found.append(error)
        return state

    def _visit(self, node: Node, state: _State) -> _State:
        if isinstance(node, ForNode):
            return self._loop_over(node, state)
        for expression in node.expressions():
            self._check(expression, state)
        if isinstance(node, Place):
            self._require(node.expression, state)
        elif isinstance(node, AssignNode):
            known = _forget(state.known, node.name)
            if self._is_sure(node.expression, state):
                known |= {(str(node.name),)}
            return state._replace(known=known, made=state.made | {str(node.name)})
        elif isinstance(node, CapturedNode):
            state = self.walk(node.block.nodes, state)
            known = _forget(state.known, node.name) | {(str(node.name),)}
            return state._replace(known=known, made=state.made | {str(node.name)})
        elif isinstance(node, IfNode | UnlessNode):
            return self._branch(node, state)
        elif isinstance(node, CaseNode):
            return self._choose(node, state)
        return state

    def _branch(self, node: IfNode | UnlessNode, state: _State) -> _State:
        holds, fails = _learn(node.condition)
        if isinstance(node, UnlessNode):
            holds, fails = fails, holds
        ends = [self.walk(node.consequence.nodes, _add(state, holds))]
        state = _add(state, fails)
        for each in node.alternatives:
            self._check(each.expression, state)
            holds, fails = _learn(each.expression)
            ends.append(self.walk(each.block.nodes, _add(state, holds)))
            state = _add(state, fails)
        ends.append(state if node.default is None else self.walk(node.default.nodes, state))
        return _meet(ends)

    def _choose(self, node: CaseNode, state: _State) -> _State:
        ends = [state]
        for block in node.blocks:
            if isinstance(block, BlockNode):
                ends.append(self.walk(block.nodes, state))
                continue
            values = block.expression.expressions
            for value in values:
                self._check(value, state)
            learnt = _paths(node.expression) if all(map(_is_something, values)) else _NOTHING
            ends.append(self.walk(block.block.nodes, _add(state, learnt)))
        return _meet(ends)

    def _loop_over(self, node: ForNode, state: _State) -> _State:
        said = node.expression
        inner = said.iterable.children() if isinstance(said.iterable, RangeLiteral) else [said.iterable]
        for expression in (*inner, *(each for each in (said.limit, said.offset) if each is not None)):
            self._check(expression, state)
        name = str(said.identifier)
        self._loops += 1
        if self._loops > MAX_LOOPS:
            refuse(f"loops stand in each other at most {MAX_LOOPS} deep", node.token)
        for _ in range(2):  # the second time with what the first may have taken away
            begins = state._replace(known=_forget(state.known, name), loops=state.loops | {name, "forloop"})
            ends = self.walk(node.block.nodes, begins)
            before, state = state.known, _meet([state, ends])._replace(loops=state.loops)
            if state.known == before:
                break
        self._loops -= 1
        return state if node.default is None else _meet([state, self.walk(node.default.nodes, state)])

    def _check(self, expression: Expression, state: _State) -> None:
        """Names, filters and ranges are there, and what filters are given has a value."""
        if isinstance(expression, Path):
            _check_path(expression, state)
        if isinstance(expression, RangeLiteral):
            refuse("a range is for loops: {% for n in (1..3) %}", expression.token)
        if isinstance(expression, FilteredExpression):
            filters = expression.filters or ()
            if len(filters) > MAX_FILTERS:
                refuse(f"a tag has at most {MAX_FILTERS} filters", expression.token)
            for each in filters:
                self._check_filter(each, state)
        for child in [] if isinstance(expression, LoopExpression) else expression.children():
            self._check(child, state)

    def _check_filter(self, said: Filter, state: _State) -> None:
        if said.name not in FILTERS:
            refuse(f"there is no filter named {said.name}", said.token)
        if said.name in HTML_FILTERS and not self._html:
            refuse(f"the filter {said.name} makes HTML; this is text", said.token)
        if said.name == "date" and not _is_date(said.args):
            refuse('date needs its format in quotes, of %Y %m %d %B %H %M and the like: date: "%d %B %Y"', said.token)
        for argument in said.args:
            if said.name != "default" and not self._is_sure(argument.value, state):
                path = str(argument.value)
                refuse(
                    f"{path} may be unknown, and a filter cannot do without it; give it a name and a fallback before:"
                    f' {{% assign value = {path} | default: "…" %}}',
                    said.token,
                )

    def _require(self, expression: Expression, state: _State) -> None:
        if self._is_sure(expression, state):
            return
        said = str(expression)
        filters = getattr(expression, "filters", None) or ()
        if filters and filters[-1].name in MAYBE_NOTHING:
            refuse(f'{filters[-1].name} may answer nothing; write {{{{ {said} | default: "…" }}}}', expression.token)
        left = getattr(expression, "left", expression)
        around = f", or put it inside {{% if {left} %}}" if isinstance(left, Path) else ""
        refuse(
            f'{left} is not known of everybody; write {{{{ {said} | default: "…" }}}}{around}',
            expression.token,
        )

    def _is_sure(self, expression: Expression, state: _State) -> bool:
        """Whether it has a value for everybody."""
        if isinstance(expression, FilteredExpression):
            sure = self._is_sure(expression.left, state)
            for each in expression.filters or ():
                if each.name == "default":
                    sure = sure or (bool(each.args) and self._is_sure(each.args[0].value, state))
                elif each.name in ANSWERS_MISSING:
                    sure = True
                elif each.name in MAYBE_NOTHING:
                    sure = each.name == "date" and _is_now(expression.left)
            return sure
        if isinstance(expression, Path):
            return _has_value(expression.location(), state)
        return not isinstance(expression, Nil | Empty | Blank)


def _check_path(path: Path, state: _State) -> None:
    root, *rest = path.path
    if not isinstance(root, str):
        refuse("a path begins with a name", path.token)
    if root in state.made or root in state.loops:
        return
    if root == "slots":
        refuse('the place of a slot is {% slot "email-banner" %}', path.token)
    if root not in ROOTS:
        refuse(f"there is nothing named {root}; write profile.traits.{root} or context.{root}", path.token)
    if root == "now" and rest:
        refuse('now is a moment; write {{ now | date: "%d %B %Y" }}', path.token)
    for name, there in (("profile", OF_PROFILE), ("offer", OF_OFFER)):
        if root == name and rest and rest[0] not in there:
            refuse(f"{name} has {', '.join(there)}, and no {rest[0]}", path.token)


def _has_value(path: tuple[object, ...], state: _State) -> bool:
    if path in state.known or path == ("now",) or path[0] in state.loops:
        return True
    return path[0] == "offer" and len(path) > 1 and ("offer",) in state.known


def _learn(condition: Expression) -> tuple[Known, Known]:
    """Which paths have a value where the condition holds, and where it does not."""
    if isinstance(condition, BooleanExpression):
        return _learn(condition.expression)
    if isinstance(condition, Path):
        return _paths(condition), _NOTHING
    if isinstance(condition, LogicalAndExpression | LogicalOrExpression):
        (a, not_a), (b, not_b) = _learn(condition.left), _learn(condition.right)
        return (a | b, not_a & not_b) if isinstance(condition, LogicalAndExpression) else (a & b, not_a | not_b)
    if isinstance(condition, EqExpression | NeExpression):
        equal: Known = _NOTHING
        unequal: Known = _NOTHING
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            equal |= _paths(one) if _is_something(other) else _NOTHING
            unequal |= _paths(one) if isinstance(other, Nil) else _NOTHING
        return (equal, unequal) if isinstance(condition, EqExpression) else (unequal, equal)
    if isinstance(condition, _FOR_VALUES):
        return _paths(condition.left) | _paths(condition.right), _NOTHING
    return _NOTHING, _NOTHING


def _paths(expression: Expression) -> Known:
    """A path, and what it leads through."""
    if not isinstance(expression, Path):
        return _NOTHING
    place = expression.location()
    return frozenset(place[:length] for length in range(1, len(place) + 1))


def _is_something(expression: Expression) -> bool:
    """Whether it is a constant that nothing unknown is equal to."""
    if isinstance(expression, StringLiteral):
        return bool(expression.value.strip())
    return isinstance(expression, _SOMETHING)


def _is_now(expression: Expression) -> bool:
    if isinstance(expression, Path):
        return expression.location() == ("now",)
    return isinstance(expression, StringLiteral) and expression.value in ("now", "today")


def _is_date(arguments: Sequence[KeywordArgument | PositionalArgument]) -> bool:
    if len(arguments) != 1 or not isinstance(arguments[0].value, StringLiteral):
        return False
    return DATE_FORMAT.fullmatch(arguments[0].value.value) is not None


def _forget(known: Known, name: Identifier | str) -> Known:
    return frozenset(path for path in known if path[0] != name and not _leads_through(path, name))


def _leads_through(path: tuple[object, ...], name: Identifier | str) -> bool:
    return any(isinstance(each, tuple) and (each[0] == name or _leads_through(each, name)) for each in path)


def _add(state: _State, known: Known) -> _State:
    return state._replace(known=state.known | known)


def _meet(states: Sequence[_State]) -> _State:
    """What is known behind branches: what is known behind each of them. A name that only some have made is there."""
    known = frozenset.intersection(*(state.known for state in states))
    made = frozenset[str]().union(*(state.made for state in states))
    return _State(known, made, states[0].loops)
