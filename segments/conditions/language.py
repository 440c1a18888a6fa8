"""The nodes of the condition language, and its tables: every operator, unit and bound, each in one place."""

from dataclasses import dataclass
from typing import Literal

from profiles.profile import DAY_MS, Scalar

VERSION = 1
MAX_DEPTH = 5
MAX_NODES = 50
MAX_TESTS = 50  # of one `where`
MAX_STEPS = 5  # of one sequence
MAX_LIST = 200  # values of one `in`
MAX_ID = 64  # characters
MAX_PROBLEMS = 20  # of one tree that are told; the others are counted
RETENTION_DAYS = 180
RETENTION_MS = RETENTION_DAYS * DAY_MS
HISTORY_LIMIT = 500
MAX_DURATION_MS = 36_500 * DAY_MS  # of a date operator
MAX_DAYS_AHEAD = 365  # of `anniversary`
MAX_NUMBER = 1e15  # numbers below it are the same in every engine

MEASURES = ("count", "sum", "distinct", "first", "last")

Measure = Literal["count", "sum", "distinct"]
Unit = Literal["day", "week", "month"]

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
    "between": "range",
    "before": "date",
    "after": "date",
    "within_last": "duration",
    "longer_ago_than": "duration",
    "within_next": "duration",
    "anniversary": "days",
}
DATE_OPERATORS = ("before", "after", "within_last", "longer_ago_than", "within_next", "anniversary")
NUMBER_OPERATORS = ("at_least", "at_most", "exactly", "more_than", "less_than", "between")
TIME_OPERATORS = ("before", "after", "between", "within_last", "longer_ago_than")  # of first and last times
CLUSTER_OPERATORS = ("is", "is_not", "in", "exists")
SCORE_OPERATORS = ("at_least", "at_most", "more_than", "less_than", "between", "exists")

UNITS: dict[str, int] = {"minutes": 60_000, "hours": 3_600_000, "days": DAY_MS}
CALENDAR_UNITS: tuple[Unit, ...] = ("day", "week", "month")

# Fields of the context that follow from the moment of the question, in the organisation's time zone.
HOUR, WEEKDAY = "time.hour", "time.weekday"
AGENT_FIELDS = ("device.", "browser.", "os.")  # beginnings of those that the server reads out of the user agent
LOOKALIKE = "lookalike:"  # what the score of a lookalike is named with


@dataclass(frozen=True)
class Problem:
    """What is wrong at one node (by its id, or by its place when it has none), and how to mend it."""

    node: str
    message: str

    def __str__(self) -> str:
        """An id may be any text: one that would turn the line around is spelled out."""
        return f"{self.node if self.node.isprintable() else repr(self.node)}: {self.message}"


class BadCondition(ValueError):
    """The tree is not a condition; `problems` lists the reasons, the first MAX_PROBLEMS of them."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


@dataclass(frozen=True)
class Test:
    """One operator applied to one value: a property, a trait, a field of the context, a score.

    `value` is the operand as the table says; a duration is in milliseconds."""

    name: str
    op: str
    value: Scalar | tuple[Scalar, ...] | None

    @property
    def asks_date(self) -> bool:
        """Whether the operator is about dates; `between` is when its ends are texts."""
        return self.op in DATE_OPERATORS or (
            self.op == "between" and isinstance(self.value, tuple) and isinstance(self.value[0], str)
        )


@dataclass(frozen=True)
class Last:
    """The window of the last so many milliseconds."""

    ms: int


@dataclass(frozen=True)
class This:
    """The window from the start of the calendar's day, week or month to now."""

    unit: Unit


@dataclass(frozen=True)
class Dates:
    """The window between two dates, each a day or an instant, both inclusive; None is open."""

    start: str | None
    end: str | None


Window = Last | This | Dates


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
    value: float | tuple[float, float]
    window: Window | None


@dataclass(frozen=True)
class DidWhen:
    """The first or last time of an event in the person's life, tested as a date."""

    id: str
    event: str
    did: bool
    which: Literal["first", "last"]
    test: Test


@dataclass(frozen=True)
class Step:
    """One event of a sequence: `within` so many milliseconds after the step before it (None: the first one)."""

    event: str
    where: tuple[Test, ...]
    within_ms: int | None
    did: bool


@dataclass(frozen=True)
class Sequence:
    """Events one after the other; `window` is about the first one."""

    id: str
    steps: tuple[Step, ...]
    window: Window
    did: bool


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


@dataclass(frozen=True)
class InCluster:
    id: str
    test: Test


@dataclass(frozen=True)
class HasScore:
    """A score, or the likeness to a lookalike's seed: that is the score named `lookalike:` and its slug."""

    id: str
    test: Test


Leaf = Did | DidWhen | Sequence | HasTrait | InContext | InSegment | InCluster | HasScore
Node = Group | Leaf


def walk(node: Node) -> list[Node]:
    """The node and everything below it, in reading order."""
    found: list[Node] = [node]
    if isinstance(node, Group):
        for child in node.children:
            found += walk(child)
    return found


def list_leaves(node: Node) -> list[Leaf]:
    return [each for each in walk(node) if not isinstance(each, Group)]
