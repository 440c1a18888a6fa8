"""The stream's evaluator: compiles a condition once into closures over profile, segments, context and clock."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from profiles.profile import History, Moment, Profile, moment_time
from segments.conditions.language import Did, Group, HasTrait, InContext, InSegment, Node, Test

# (profile, segments the person is in, context, now in Unix milliseconds) -> does the condition hold?
Matches = Callable[[Profile, Container[str], Mapping[str, Any], int], bool]
# (profile, now) -> the next moment at which a part of the condition could turn without a new event, None for never
Flips = Callable[[Profile, int], int | None]


@dataclass(frozen=True)
class Compiled:
    """A condition ready to run, and what it depends on. `flips` are its parts that time alone can turn, by event.

    `only_fades`: while no event is dated ahead, time alone can end it but never begin it."""

    matches: Matches
    flips: tuple[tuple[str, Flips], ...]
    events: frozenset[str]
    traits: frozenset[str]
    segments: frozenset[str]
    has_context: bool
    only_fades: bool

    def next_flip(self, profile: Profile, now: int, changed: Container[str] | None = None) -> int | None:
        """The next moment the condition could turn without a new event; of its parts about `changed` events only,
        when the others' moments are known from before."""
        soonest: int | None = None
        for name, flips_at in self.flips:
            if changed is None or name in changed:
                at = flips_at(profile, now)
                if at is not None and (soonest is None or at < soonest):
                    soonest = at
        return soonest


def compile_condition(root: Node) -> Compiled:
    leaves = list(_leaves(root))
    return Compiled(
        matches=_compile(root),
        flips=tuple((leaf.event, _compile_flips(leaf)) for leaf in leaves if isinstance(leaf, Did)),
        events=frozenset(leaf.event for leaf in leaves if isinstance(leaf, Did)),
        traits=frozenset(leaf.test.name for leaf in leaves if isinstance(leaf, HasTrait)),
        segments=frozenset(leaf.segment for leaf in leaves if isinstance(leaf, InSegment)),
        has_context=any(isinstance(leaf, InContext) for leaf in leaves),
        only_fades=_only_fades(root),
    )


def _only_fades(node: Node) -> bool:
    match node:
        case Group(kind="not", children=(child,)):
            return not any(isinstance(leaf, Did) for leaf in _leaves(child))
        case Group(children=children):
            return all(map(_only_fades, children))
        case Did(did=did, op=op, measure=measure):
            return did and op in ("at_least", "more_than") and measure != "sum"  # a refund may leave the window
        case _:
            return True


def _leaves(node: Node) -> Iterable[Node]:
    if isinstance(node, Group):
        for child in node.children:
            yield from _leaves(child)
    else:
        yield node


def _compile(node: Node) -> Matches:
    match node:
        case Group(kind="not", children=(child,)):
            inner = _compile(child)
            return lambda profile, segments, context, now: not inner(profile, segments, context, now)
        case Group(kind="and", children=children):
            return _compile_all(tuple(map(_compile, children)))
        case Group(children=children):
            return _compile_any(tuple(map(_compile, children)))
        case Did():
            return _compile_did(node)
        case HasTrait(test=test):
            return _compile_trait(test)
        case InContext(test=test):
            return _compile_context(test)
        case InSegment(segment=slug):
            return lambda profile, segments, context, now: slug in segments


def _compile_all(parts: tuple[Matches, ...]) -> Matches:
    def matches(profile: Profile, segments: Container[str], context: Mapping[str, Any], now: int) -> bool:
        for part in parts:  # noqa: SIM110  # a generator for every call costs more than the loop
            if not part(profile, segments, context, now):
                return False
        return True

    return matches


def _compile_any(parts: tuple[Matches, ...]) -> Matches:
    def matches(profile: Profile, segments: Container[str], context: Mapping[str, Any], now: int) -> bool:
        for part in parts:  # noqa: SIM110
            if part(profile, segments, context, now):
                return True
        return False

    return matches


def _compile_did(node: Did) -> Matches:
    name, wanted, value, compare = node.event, node.did, node.value, _COMPARE[node.op]
    measure = _compile_measure(node)

    def matches(profile: Profile, segments: Container[str], context: Mapping[str, Any], now: int) -> bool:
        history = profile.events.get(name)
        observed = 0 if history is None else measure(history, now)
        return compare(observed, value) is wanted

    return matches


def _compile_measure(node: Did) -> Callable[[History, int], float]:
    if node.window_ms is None:  # the language allows lifetime totals only
        if node.measure == "sum":
            return lambda history, now: history.total - sum(moment.value for moment in _ahead(history, now))
        return lambda history, now: history.count - len(_ahead(history, now))
    select = _compile_select(node)
    if node.measure == "count":
        if not node.where:
            return _compile_count(node.window_ms)
        return lambda history, now: len(select(history, now))
    of = node.of or ""
    if node.measure == "sum":
        return lambda history, now: sum(_number_of(moment, of) for moment in select(history, now))
    # A truth value is not the number it equals, so each value is told apart with its kind.
    return lambda history, now: len(
        {(isinstance(v, bool), v) for moment in select(history, now) for v in _values_of(moment, of)}
    )


def _ahead(history: History, now: int) -> list[Moment]:
    """Moments dated after `now`: they count only when their time has come."""
    recent = history.recent
    if not recent or recent[-1].at <= now:
        return []
    return recent[bisect_right(recent, now, key=moment_time) :]


def _compile_count(window_ms: int) -> Callable[[History, int], float]:
    def count(history: History, now: int) -> float:
        low, high = _inside(history.recent, now - window_ms, now)
        return high - low

    return count


def _compile_select(node: Did) -> Callable[[History, int], list[Moment]]:
    """The moments inside `now - window <= at <= now` that pass every test of `where`."""
    window_ms = node.window_ms or 0
    tests = tuple((test.name, _compile_test(test)) for test in node.where)

    def select(history: History, now: int) -> list[Moment]:
        low, high = _inside(history.recent, now - window_ms, now)
        found = history.recent[low:high]
        for name, passes in tests:
            found = [moment for moment in found if passes(moment.properties.get(name))]
        return found

    return select


def _inside(moments: list[Moment], start: int, end: int) -> tuple[int, int]:
    """The slice of sorted `moments` with `start <= at <= end`."""
    if not moments or moments[-1].at < start:
        return 0, 0
    low = 0 if moments[0].at >= start else bisect_left(moments, start, key=moment_time)
    high = len(moments) if moments[-1].at <= end else bisect_right(moments, end, key=moment_time)
    return low, high


def _compile_flips(node: Did) -> Flips:
    """When a count could change by itself: a moment leaves the window, or one dated ahead enters it."""
    name, window_ms = node.event, node.window_ms
    select = _compile_select(node)
    threshold = _threshold(node)

    def flips(profile: Profile, now: int) -> int | None:
        history = profile.events.get(name)
        if history is None:
            return None
        ahead = _ahead(history, now)
        enters = ahead[0].at if ahead else None
        if window_ms is None:
            return enters
        inside = select(history, now)
        if not inside or (threshold is not None and not 0 < threshold <= len(inside)):
            return enters
        leaves = inside[-threshold if threshold else 0].at + window_ms + 1
        return leaves if enters is None else min(enters, leaves)

    return flips


def _threshold(node: Did) -> int | None:
    """The number of events at which a count condition flips, None when any change of the window may flip it."""
    if node.measure != "count" or node.op == "exactly" or node.value < 0:
        return None
    whole = int(node.value)
    if node.op in ("at_least", "less_than"):
        return whole if whole == node.value else whole + 1
    return whole + 1


def _compile_trait(test: Test) -> Matches:
    name, passes = test.name, _compile_test(test)

    def matches(profile: Profile, segments: Container[str], context: Mapping[str, Any], now: int) -> bool:
        trait = profile.traits.get(name)
        return passes(None if trait is None else trait.value)

    return matches


def _compile_context(test: Test) -> Matches:
    path, passes = tuple(test.name.split(".")), _compile_test(test)

    def matches(profile: Profile, segments: Container[str], context: Mapping[str, Any], now: int) -> bool:
        value: Any = context
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return passes(value)

    return matches


def _compile_test(test: Test) -> Callable[[Any], bool]:
    """A value's test; a missing value never matches; a list matches by any of its values, `is_not` by all."""
    check = _OPERATORS[test.op](test.value)
    over = all if test.op == "is_not" else any

    def passes(value: Any) -> bool:
        if value is None:
            return False
        if isinstance(value, list):
            return over(check(item) for item in value)
        return check(value)

    return passes


def _same(a: Any, b: Any) -> bool:
    """Equality without coercion: 1 is not true, "1" is not 1, 1 is 1.0."""
    return a == b and isinstance(a, bool) is isinstance(b, bool)


def _number(compare: Callable[[float, float], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def bind(wanted: Any) -> Callable[[Any], bool]:
        return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and compare(value, wanted)

    return bind


def _number_of(moment: Moment, name: str) -> float:
    if name == "value":
        return moment.value
    return sum(v for v in _values_of(moment, name) if isinstance(v, (int, float)) and not isinstance(v, bool))


def _values_of(moment: Moment, name: str) -> list[Any]:
    value = moment.properties.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "at_least": lambda a, b: a >= b,
    "at_most": lambda a, b: a <= b,
    "exactly": lambda a, b: a == b,
    "more_than": lambda a, b: a > b,
    "less_than": lambda a, b: a < b,
}

_OPERATORS: dict[str, Callable[[Any], Callable[[Any], bool]]] = {
    "is": lambda wanted: lambda value: _same(value, wanted),
    "is_not": lambda wanted: lambda value: not _same(value, wanted),
    "in": lambda wanted: lambda value: any(_same(value, one) for one in wanted),
    "contains": lambda wanted: lambda value: isinstance(value, str) and wanted in value,
    "starts_with": lambda wanted: lambda value: isinstance(value, str) and value.startswith(wanted),
    "exists": lambda wanted: lambda value: True,
    "at_least": _number(_COMPARE["at_least"]),
    "at_most": _number(_COMPARE["at_most"]),
    "more_than": _number(_COMPARE["more_than"]),
    "less_than": _number(_COMPARE["less_than"]),
}
