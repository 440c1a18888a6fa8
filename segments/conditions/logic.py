"""What follows from a condition: that another one holds as well, or that nobody can ever meet it. Pure.

Every answer is sound and none is complete. What is said to follow is proved for every person, context and moment; what
is not said may be true all the same."""

from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace

from segments.conditions.calendar import UTC_CALENDAR, Calendar
from segments.conditions.language import (
    HOUR,
    WEEKDAY,
    Did,
    DidWhen,
    Group,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Leaf,
    Node,
    Sequence,
)
from segments.conditions.logic_events import (
    find_domain,
    find_reach,
    is_impossible_chain,
    is_known,
    is_part,
    is_rarer,
    list_pieces,
)
from segments.conditions.logic_tests import (
    excludes_date,
    excludes_test,
    implies_date,
    implies_test,
    is_impossible_test,
    list_passing,
)

# Fields of the context that have one of a few numbers.
NUMBERS = {HOUR: frozenset(range(24)), WEEKDAY: frozenset(range(1, 8))}
LATER = ("after", "within_last")  # what holds for a first time holds for the last one
EARLIER = ("before", "longer_ago_than")


@dataclass(frozen=True, eq=False)
class Literal:
    """A leaf that holds, or one that does not."""

    leaf: Leaf
    holds: bool


@dataclass(frozen=True, eq=False)
class All:
    parts: tuple["Form", ...]


@dataclass(frozen=True, eq=False)
class Either:
    parts: tuple["Form", ...]


Form = Literal | All | Either
Clash = tuple[Literal, ...]  # one literal that nobody meets, or two that nobody meets together


def to_form(node: Node, holds: bool = True) -> Form:
    """The condition, or its opposite, with every `not` at a leaf."""
    if not isinstance(node, Group):
        return Literal(node, holds)
    if node.kind == "not":
        return to_form(Group(node.id, "or", node.children), not holds)
    parts = tuple(to_form(child, holds) for child in node.children)
    return All(parts) if (node.kind == "and") is holds else Either(parts)


class Logic:
    """Conclusions about conditions whose days are those of `calendar`.

    `nobody` are segments that nobody is in. `is_single`: traits and fields of the context are taken to be no lists, of
    which one value may pass one test and another value another one."""

    def __init__(
        self,
        calendar: Calendar = UTC_CALENDAR,
        *,
        nobody: Iterable[str] = (),
        is_single: bool = False,
    ) -> None:
        self._calendar = calendar
        self._nobody = frozenset(nobody)
        self._is_single = is_single

    def implies(self, a: Form, b: Form) -> bool:
        """Whether `b` holds whenever `a` does."""
        return self._implies(a, b, {})

    def find_contradiction(self, *forms: Form) -> Clash | None:
        """Why nobody can meet all of the forms at once; None where somebody may."""
        return self._clash([], forms)

    def _implies(self, a: Form, b: Form, known: dict[tuple[int, int], bool]) -> bool:
        pair = (id(a), id(b))
        if pair not in known:
            known[pair] = self._conclude(a, b, known)
        return known[pair]

    def _conclude(self, a: Form, b: Form, known: dict[tuple[int, int], bool]) -> bool:
        if isinstance(b, All):
            return all(self._implies(a, part, known) for part in b.parts)
        if isinstance(a, Either):
            return all(self._implies(part, b, known) for part in a.parts)
        if isinstance(b, Either) and any(self._implies(a, part, known) for part in b.parts):
            return True
        if isinstance(a, All):
            return any(self._implies(part, b, known) for part in a.parts)
        return isinstance(b, Literal) and self._implies_literal(a, b)

    def _clash(self, known: Ordered[Literal], forms: Iterable[Form]) -> Clash | None:
        fresh: list[Literal] = []
        choices: list[Either] = []
        waiting = list(forms)
        while waiting:
            form = waiting.pop(0)
            if isinstance(form, All):
                waiting = [*form.parts, *waiting]
            elif isinstance(form, Either):
                choices.append(form)
            else:
                fresh.append(form)
        literals = list(known)
        for literal in fresh:
            if self._is_impossible(literal):
                return (literal,)
            for other in literals:
                if self._implies_literal(other, _deny(literal)):
                    return other, literal
            literals.append(literal)
        for choice in choices:
            clashes = [self._clash(literals, (part,)) for part in choice.parts]
            if all(clashes):
                return clashes[0]
        return None

    def _implies_literal(self, a: Literal, b: Literal) -> bool:
        if self._is_impossible(a) or self._is_impossible(_deny(b)):
            return True
        return self._leads_to(a, b) or self._leads_to(_deny(b), _deny(a))

    def _is_impossible(self, literal: Literal) -> bool:
        """Whether nobody meets it."""
        leaf, holds = literal.leaf, literal.holds
        match leaf:
            case Did():
                return is_known(leaf) and not list_pieces(leaf, holds, self._calendar)
            case DidWhen():
                return leaf.did is holds and is_impossible_test(leaf.test, self._calendar)
            case Sequence():
                return leaf.did is holds and is_impossible_chain(leaf, self._calendar)
            case InSegment():
                return holds and leaf.segment in self._nobody
            case InContext() if leaf.test.name in NUMBERS:
                return not self._list_numbers(literal)
            case HasTrait() | InContext() | InCluster() | HasScore():
                return holds and is_impossible_test(leaf.test, self._calendar)
        return False

    def _leads_to(self, a: Literal, b: Literal) -> bool:
        """What can be seen from `a` towards `b`; the other way round is asked as well."""
        one, other = a.leaf, b.leaf
        match one, other:
            case Did(), Did():
                return self._measures_lead(one, a.holds, other, b.holds)
            case DidWhen(), Did() if one.did is a.holds:
                ever = other.window is None and other.measure == "count" and not other.where
                return ever and one.event == other.event and self._takes_one(other, b.holds)
            case Sequence(), Did() if one.did is a.holds:
                return is_part(other, one, self._calendar) and self._takes_one(other, b.holds)
            case DidWhen(), DidWhen() if one.did is a.holds and one.event == other.event:
                return self._times_lead(one, other, holds=other.did is b.holds)
            case Sequence(), Sequence() if one.did is a.holds and other.did is b.holds:
                return is_rarer(one, other, self._calendar)
            case InSegment(), InSegment():
                return a.holds and b.holds and one.segment == other.segment
        return self._facts_lead(a, b)

    def _measures_lead(self, a: Did, a_holds: bool, b: Did, b_holds: bool) -> bool:
        if not is_known(a) or not is_known(b):
            return False
        allowed = list_pieces(b, b_holds, self._calendar)
        low, high = find_domain(b, self._calendar)
        for piece in list_pieces(a, a_holds, self._calendar):
            reach = find_reach(a, piece, b, self._calendar)
            if reach is None:
                return False
            start, end = max(reach[0], low), min(reach[1], high)
            if start <= end and not any(first <= start and end <= last for first, last in allowed):
                return False
        return True

    def _takes_one(self, node: Did, holds: bool) -> bool:
        """Whether it is met by everybody with at least one event."""
        pieces = list_pieces(node, holds, self._calendar) if is_known(node) else []
        return any(low <= 1 and high == float("inf") for low, high in pieces)

    def _times_lead(self, a: DidWhen, b: DidWhen, *, holds: bool) -> bool:
        if not holds:
            return a.which == b.which and excludes_date(a.test, b.test, self._calendar)
        if not implies_date(a.test, b.test, self._calendar):
            return False
        return a.which == b.which or a.test.op in (LATER if a.which == "first" else EARLIER)

    def _facts_lead(self, a: Literal, b: Literal) -> bool:
        one, other = a.leaf, b.leaf
        match one, other:
            case (
                (HasTrait(test=first), HasTrait(test=second))
                | (InContext(test=first), InContext(test=second))
                | (InCluster(test=first), InCluster(test=second))
                | (HasScore(test=first), HasScore(test=second))
            ) if first.name == second.name:
                pass
            case _:
                return False
        if first.name in NUMBERS and isinstance(one, InContext):
            return self._list_numbers(a) <= self._list_numbers(b)
        if not a.holds:
            return False
        is_single = self._is_single or isinstance(one, InCluster | HasScore)
        follows = implies_test if b.holds else excludes_test
        return follows(first, second, self._calendar, is_single=is_single)

    def _list_numbers(self, literal: Literal) -> frozenset[int]:
        """The hours or weekdays at which a literal holds."""
        assert isinstance(literal.leaf, InContext)
        numbers = NUMBERS[literal.leaf.test.name]
        passing = list_passing(literal.leaf.test, numbers, self._calendar)
        return passing if literal.holds else numbers - passing


def _deny(literal: Literal) -> Literal:
    return Literal(literal.leaf, not literal.holds)


def tell_literal(literal: Literal) -> Node:
    """The node that says what a literal says."""
    leaf = literal.leaf
    if literal.holds:
        return leaf
    if isinstance(leaf, Did | DidWhen | Sequence):
        return replace(leaf, did=not leaf.did)
    return Group(leaf.id, "not", (leaf,))
