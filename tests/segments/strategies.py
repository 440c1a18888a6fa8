"""Questions by chance: a condition of any kind, a person and a clock that sits on the edges of what is asked.

`draw_case(chance)` makes one; chance is hypothesis (`cases()`, which shrinks what it finds) or a seeded generator
(`Seeded`, fast enough for a million). What it makes is told as the tables tell theirs, so that it can become a case.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

from segments.conditions.language import DATE_OPERATORS, RETENTION_MS, UNITS
from segments.conditions.operands import is_number
from tests.segments.cases import Case, calendar_of, to_instant, to_ms

T = TypeVar("T")
DAY = 86_400_000
EVENTS = ("Product Viewed", "Order Completed", "Page Viewed")
TRAITS = ("plan", "age", "birthday", "tags")
SEGMENTS = ("gold", "keen")
ZONES = (
    *("UTC", "Europe/Dublin", "America/New_York", "America/Havana", "Asia/Beirut", "Asia/Kolkata"),
    *("Pacific/Auckland", "Australia/Lord_Howe", "Africa/Casablanca"),
)
TEXTS = ("Outdoor", "Home", "outdoor", "", "it's", "100%", "Out", "ß", "🧢", "1")
NUMBERS = (0, 1, 2, 5, 0.1, 0.3, 2.5, -1, 1e9, 0.30000000000000004, 99.99995)
SCALARS = (*TEXTS, *NUMBERS, True, False, -0.0, 5.0)
ODD_DATES = ("2026-02-29", "2026-06-01 12:00:00Z", "0999-01-01", "soon", "9999-12-31", "1000-01-01", "1992-02-29")
LENGTHS = ((1, "minutes"), (90, "minutes"), (1, "hours"), (36, "hours"), (1, "days"), (1.5, "days"), (7, "days"))
LONG = ((30, "days"), (180, "days"), (0.001, "days"))


class Chance(Protocol):
    """Where the choices come from. The first of several and the lowest number are the simplest."""

    def number(self, low: int, high: int) -> int: ...

    def pick(self, options: Sequence[T]) -> T: ...


class Seeded:
    """The choices of one number of one seed: the same ones at every run, wherever it starts."""

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(f"{seed}:{number}")

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random.random() * len(options))]


class Drawn:
    """The choices of hypothesis."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        return int(self._draw(st.integers(low, high)))

    def pick(self, options: Sequence[T]) -> T:
        return options[self.number(0, len(options) - 1)]


@st.composite
def cases(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Case:
    return draw_case(Drawn(draw))


def draw_case(chance: Chance) -> Case:
    return _Maker(chance).make()


class _Maker:
    """One case in the making: first the clock, then the condition, then a person on its edges."""

    def __init__(self, chance: Chance) -> None:
        self.pick, self.number = chance.pick, chance.number
        self.lengths: list[int] = []  # of the condition, in milliseconds
        self.ends: list[int] = []  # moments that the condition names
        self.wanted: list[Any] = []  # values that it names
        self.chains: list[list[dict[str, Any]]] = []  # steps of its sequences
        self.leaves = 0

    def make(self) -> Case:
        self.zone = self.pick(ZONES)
        self.calendar = calendar_of(self.zone)
        self.now = self.clock()
        condition = self.node(2)
        if self.chance(25):  # more is asked that does not hold than that does
            condition = {"kind": "not", "children": [condition]}
        told: dict[str, Any] = {
            "condition": condition,
            "now": to_instant(self.now),
            "zone": self.zone,
            "events": self.events(),
            "traits": self.traits(),
            "segments": [slug for slug in SEGMENTS if self.chance(50)],
            "cluster": self.pick((None, *TEXTS[:3])),
            "scores": {name: self.number(0, 4) / 4 for name in ("churn", "lookalike:vips") if self.chance(70)},
            "context": self.context(),
        }
        if "'last'" in str(condition) and any(to_ms(event["at"]) > self.now for event in told["events"]):
            # Of times before one dated ahead a profile knows those that it has kept, and the first.
            told["events"] = [each for each in told["events"] if to_ms(each["at"]) > self.now - RETENTION_MS + DAY]
        return Case("chance", "by chance", told | {"name": "by chance"})

    def chance(self, percent: int) -> bool:
        return self.number(1, 100) <= percent

    def clock(self) -> int:
        """Mostly a moment at which something begins, or the millisecond before or after it."""
        turns = [at for at, _ in self.calendar.transitions if 1_700_000_000_000 < at < 1_900_000_000_000]
        anchors = [to_ms(f"{day}T00:00:00Z") for day in ("2026-06-17", "2028-02-29", "2027-02-28", "2026-12-31")]
        anchor = self.pick([*anchors, *turns])
        day = self.calendar.start_of_day(self.calendar.day_of(anchor))
        return (
            self.pick([anchor, day, anchor, self.calendar.next_start("day", day), anchor + 43_215_678]) + self.beside()
        )

    def beside(self) -> int:
        return self.pick((0, 0, 1, -1, 3_600_000, -3_600_000))

    # The condition

    def node(self, depth: int) -> dict[str, Any]:
        if depth < 5 and self.leaves < 5 and self.chance(30):
            kind = self.pick(("and", "or", "not"))
            return {"kind": kind, "children": [self.node(depth + 1) for _ in range(self.number(1, 3))]}
        self.leaves += 1
        return self.pick(_LEAVES)(self)

    def event(self) -> dict[str, Any]:
        window = self.window() if self.chance(85) else None
        measure = self.pick(("count", "count", "sum", "distinct") if window else ("count", "sum"))
        leaf: dict[str, Any] = {"kind": "event", "event": self.pick(EVENTS), "measure": measure}
        if measure == "sum":
            leaf["of"] = self.pick(("value", "price", "products.price") if window else ("value",))
        if measure == "distinct":
            leaf["of"] = self.pick(("category", "price", "products.category", "weight"))
        if window is not None:
            leaf |= {"window": window, "where": self.where()}
        return leaf | self.compared(measure) | ({"did": False} if self.chance(25) else {})

    def compared(self, measure: str) -> dict[str, Any]:
        op = self.pick(("at_least", "at_most", "exactly", "more_than", "less_than", "between"))
        numbers = NUMBERS if measure == "sum" else (0, 1, 1, 2, 2, 3, 1.5)
        value: Any = self.pick(numbers)
        return {"op": op, "value": sorted([value, self.pick(numbers)]) if op == "between" else value}

    def window(self) -> dict[str, Any]:
        kind = self.number(1, 4)
        if kind <= 2:
            amount, unit = self.length(LENGTHS + LONG)
            return {"last": amount, "unit": unit}
        if kind == 3:
            return {"this": self.pick(("day", "week", "month"))}
        ends = {end: self.date() for end in ("from", "to") if self.chance(60)}
        return ends or {"from": self.date()}

    def length(self, options: Sequence[tuple[float, str]] = LENGTHS) -> tuple[float, str]:
        amount, unit = self.pick(options)
        self.lengths.append(int(amount * UNITS[unit]))
        return amount, unit

    def duration(self) -> dict[str, Any]:
        amount, unit = self.length()
        return {"amount": amount, "unit": unit}

    def date(self) -> str:
        """A date that the condition names, near now: a day or an instant, seldom far away."""
        if self.chance(8):
            return self.pick(("1000-01-01", "9999-12-31", "2020-02-29"))
        at = self.now + self.pick((0, -DAY, -7 * DAY, DAY, -30 * DAY, -180 * DAY)) + self.beside()
        if self.chance(50):
            self.ends.append(at)
            return self.instant(at)
        day = self.calendar.day_of(at)
        start = self.calendar.start_of_day(day)
        self.ends += [start, self.calendar.next_start("day", start)]
        return day

    def instant(self, at: int) -> str:
        if self.chance(80):
            return to_instant(at)
        return to_instant(at + 19_800_000)[:-1] + "+05:30"

    def where(self) -> list[dict[str, Any]]:
        names = ("category", "price", "due", "products.category", "weight")
        asked = [self.pick(names) for _ in range(self.pick((0, 0, 1, 1, 2)))]
        return [{"property": name, **self.test(_FITTING.get(name, ()))} for name in asked]

    def test(self, operators: Sequence[str] = ()) -> dict[str, Any]:
        op = self.pick(operators if operators and self.chance(70) else tuple(_OPERANDS))
        value = _OPERANDS[op](self)
        self.wanted += value if isinstance(value, list) else [value]
        return {"op": op} if value is None else {"op": op, "value": value}

    def between(self) -> list[Any]:
        return [self.date(), self.date()] if self.chance(40) else sorted([self.pick(NUMBERS), self.pick(NUMBERS)])

    def did_when(self) -> dict[str, Any]:
        op = self.pick(("before", "after", "between", "within_last", "longer_ago_than"))
        value = [self.date(), self.date()] if op == "between" else _OPERANDS[op](self)
        leaf = {"kind": "event", "event": self.pick(EVENTS), "measure": self.pick(("first", "last")), "op": op}
        return leaf | {"value": value} | ({"did": False} if self.chance(25) else {})

    def sequence(self) -> dict[str, Any]:
        steps: list[dict[str, Any]] = []
        for number in range(self.pick((2, 2, 3, 3, 4))):
            step: dict[str, Any] = {"event": self.pick(EVENTS[:2])}
            if self.chance(25):
                step["where"] = self.where()
            steps.append(step | ({"within": self.duration()} if number else {}))
        if self.chance(30):
            steps[-1]["did"] = False
        self.chains.append(steps)
        window = self.window()
        return {"kind": "sequence", "steps": steps, "window": window} | ({"did": False} if self.chance(20) else {})

    def trait(self) -> dict[str, Any]:
        name = self.pick(TRAITS)
        return {"kind": "trait", "trait": name, **self.test(_FITTING.get(name, ()))}

    def in_context(self) -> dict[str, Any]:
        if self.chance(40):
            value = self.number(0, 23)
            return {
                "kind": "context",
                "field": self.pick(("time.hour", "time.weekday")),
                "op": "at_least",
                "value": value,
            }
        return {"kind": "context", "field": self.pick(("page.path", "locale", "page", "page.path.x")), **self.test()}

    def segment(self) -> dict[str, Any]:
        return {"kind": "segment", "segment": self.pick((*SEGMENTS, "staff"))}

    def cluster(self) -> dict[str, Any]:
        op = self.pick(("is", "is_not", "in", "exists"))
        value = {"in": list(TEXTS[:2]), "exists": None}.get(op, self.pick(TEXTS[:3]))
        return {"kind": "cluster", "op": op, **({} if value is None else {"value": value})}

    def score(self) -> dict[str, Any]:
        kind, name = self.pick((("score", "churn"), ("lookalike", "vips"), ("score", "luck")))
        op = self.pick(("at_least", "at_most", "more_than", "less_than", "between", "exists"))
        low = self.number(0, 4) / 4
        value = {"between": [low, 0.75], "exists": None}.get(op, low)
        if op == "between":
            value = sorted(value)  # type: ignore[arg-type]  # the two numbers
        return {"kind": kind, kind: name, "op": op, **({} if value is None else {"value": value})}

    # The person

    def moment(self, near: list[int]) -> int:
        """When something happens: on an edge of what is asked, a step after another event, or anywhere."""
        starts = [self.calendar.start_of(unit, self.now) for unit in ("day", "week", "month")]
        edges = [self.now - length for length in self.lengths] + self.ends
        edges += [at + length for at in near for length in self.lengths]
        way = self.number(1, 10)
        if way <= 5 and edges:
            return self.pick(edges) + self.pick((0, 0, 1, -1, 60_000, -60_000))
        if way == 6:
            return self.pick((*starts, self.now, self.now - RETENTION_MS)) + self.pick((0, -1, 1))
        if way == 7:
            return self.now + self.pick((1, 3_600_000, 3 * DAY))
        return self.now - self.number(0, 40 * 1440) * 60_000

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        near: list[int] = []
        for steps in self.chains:
            if self.chance(75):
                found += self.follow(steps)
        for _ in range(self.pick((0, 1, 2, 3, 3, 4, 5, 6, 8))):
            at = self.moment(near)
            near.append(at)
            event: dict[str, Any] = {"name": self.pick(EVENTS), "at": to_instant(at)}
            if at < self.now and self.chance(20):
                event["received"] = to_instant(self.now - self.number(0, min(self.now - at, 1000)))
            if self.chance(75):
                event["properties"] = self.properties()
            found.append(event)
        return found

    def follow(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Events of a sequence, each on or near the edge of its time."""
        found = []
        at = self.moment([]) - self.number(0, 3) * self.pick(self.lengths)
        for step in steps:
            if "within" in step:
                length = int(step["within"]["amount"] * UNITS[step["within"]["unit"]])
                at += self.pick((length, length // 2, length // 2, 1, length + 1, length - 1, 0))
            if step.get("did", True) or self.chance(30):
                found.append({"name": step["event"], "at": to_instant(at), "properties": self.properties()})
        return found

    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.chance(70):
            found["category"] = self.fact()
        if self.chance(60):
            found["price"] = self.pick(NUMBERS) if self.chance(70) else self.fact()
        if self.chance(40):
            found["value"] = self.pick(NUMBERS)
        if self.chance(40):
            found["due"] = self.dated()
        if self.chance(30):
            items = [{"category": self.fact(), "price": self.fact()} for _ in range(self.number(0, 3))]
            found["products"] = self.pick((items, [*items, 1, None, {}]))
        if self.chance(10):
            found["weight"] = 5
        return found

    def fact(self) -> Any:
        way = self.number(1, 10)
        if way <= 4 and self.wanted:
            wanted = self.pick(self.wanted)
            return wanted if not isinstance(wanted, dict) else self.dated()
        if way <= 6:
            return self.pick(SCALARS)
        if way == 7:
            return self.pick((None, {}, [], [None], {"is": 1}, [["Outdoor"]]))
        if way == 8:
            return self.dated()
        return [self.pick((*SCALARS, None)) for _ in range(self.number(0, 3))]

    def dated(self) -> Any:
        """A date on an edge of what is asked: a day or an instant; seldom something that is none."""
        if self.chance(10):
            return self.pick(ODD_DATES)
        edges = [self.now + sign * length for length in self.lengths for sign in (-1, 1)] + self.ends + [self.now]
        at = self.pick(edges) + self.pick((0, 0, 1, -1, DAY, -DAY))
        if self.chance(50):
            return self.instant(at)
        day = self.calendar.day_of(at)
        return f"{self.number(1990, 1993)}{day[4:]}" if self.chance(30) else day

    def traits(self) -> dict[str, Any]:
        makers = {
            "plan": self.fact,
            "age": lambda: self.pick((*NUMBERS, *filter(is_number, self.wanted))),
            "birthday": self.dated,
            "tags": self.fact,
        }
        return {name: make() for name, make in makers.items() if self.chance(85)}

    def context(self) -> dict[str, Any]:
        return {"page": {"path": self.fact()}, "locale": self.fact()} if self.chance(70) else {}


_LEAVES: tuple[Callable[[_Maker], dict[str, Any]], ...] = (
    *(_Maker.event, _Maker.event, _Maker.event, _Maker.event, _Maker.sequence, _Maker.sequence, _Maker.did_when),
    *(_Maker.trait, _Maker.trait, _Maker.trait, _Maker.in_context, _Maker.segment, _Maker.cluster, _Maker.score),
)

_OPERANDS: dict[str, Callable[[_Maker], Any]] = {
    "is": lambda maker: maker.pick(SCALARS),
    "is_not": lambda maker: maker.pick(SCALARS),
    "in": lambda maker: [maker.pick(SCALARS) for _ in range(maker.number(1, 4))],
    "contains": lambda maker: maker.pick(("Out", "o", "%", "it's", "🧢", "-0")),
    "starts_with": lambda maker: maker.pick(("Out", "o", "1", "it", "ß", "20")),
    "exists": lambda maker: None,
    "at_least": lambda maker: maker.pick(NUMBERS),
    "at_most": lambda maker: maker.pick(NUMBERS),
    "more_than": lambda maker: maker.pick(NUMBERS),
    "less_than": lambda maker: maker.pick(NUMBERS),
    "between": _Maker.between,
    "before": _Maker.date,
    "after": _Maker.date,
    "within_last": _Maker.duration,
    "longer_ago_than": _Maker.duration,
    "within_next": _Maker.duration,
    "anniversary": lambda maker: maker.pick((0, 0, 1, 3, 30)),
}

# What suits the values that a name mostly has.
_FITTING: dict[str, tuple[str, ...]] = {
    "plan": ("is", "is_not", "in", "contains", "starts_with", "exists"),
    "category": ("is", "is_not", "in", "contains", "exists"),
    "age": ("is", "at_least", "at_most", "more_than", "less_than", "between", "exists"),
    "price": ("is", "at_least", "at_most", "more_than", "less_than"),
    "birthday": DATE_OPERATORS,
    "due": DATE_OPERATORS,
}
