"""Conditions by chance about the shop, in the manner of `tests/segments/strategies.py`: they ask for what its people
may have done, so that some match and some do not."""

from typing import Any

from tests.segments.cases import to_instant
from tests.segments.strategies import Chance

DAY = 86_400_000
ORDERED, REFUNDED, IDENTIFIED = "Order Completed", "Order Refunded", "Identified"
EVENTS = (ORDERED, ORDERED, ORDERED, REFUNDED, IDENTIFIED)
CATEGORIES = (
    "Outdoor",
    "Kitchen",
    "Christmas",
    "Decoration",
    "Party",
    "Bags",
    "Stationery",
    "Home",
    "Service",
    "outdoor",
)
COUNTRIES = ("United Kingdom", "EIRE", "Germany", "France", "Spain", "Cyprus", "Austria", "Norway")
PRODUCTS = ("85123A", "22423", "85099B", "POST", "M", "84879", "no such product")
POUNDS = (0, 10, 15.3, 50, 99.99, 150, 300, 304.42, 1000, 5000.5)
LENGTHS = (
    (12, "hours"),
    (1, "days"),
    (3.5, "days"),
    (7, "days"),
    (14, "days"),
    (30, "days"),
    (60, "days"),
    (180, "days"),
)


def draw_condition(chance: Chance, now: int) -> dict[str, Any]:
    """A node about a moment near `now`."""
    return _Maker(chance, now).node(1)


class _Maker:
    def __init__(self, chance: Chance, now: int) -> None:
        self.pick, self.number = chance.pick, chance.number
        self.now = now
        self.leaves = 0

    def chance(self, percent: int) -> bool:
        return self.number(1, 100) <= percent

    def node(self, depth: int) -> dict[str, Any]:
        if depth < 4 and self.leaves < 4 and self.chance(50 if depth == 1 else 25):
            children = [self.node(depth + 1) for _ in range(self.number(1, 3))]
            return {"kind": self.pick(("and", "or", "or", "not")), "children": children}
        self.leaves += 1
        return self.pick((self.event, self.event, self.event, self.did_when, self.sequence, self.trait))()

    def event(self) -> dict[str, Any]:
        window = self.window() if self.chance(85) else None
        measure = self.pick(("count", "count", "sum", "distinct") if window else ("count", "sum"))
        leaf: dict[str, Any] = {"kind": "event", "event": self.pick(EVENTS), "measure": measure}
        if measure == "sum":
            leaf["of"] = self.pick(("value", "value", "total", "revenue") if window else ("value",))
        if measure == "distinct":
            leaf["of"] = self.pick(("products.category", "products.product_id", "total", "coupon"))
        if window is not None:
            leaf |= {"window": window, "where": self.where()}
        return leaf | self.compared(measure) | ({"did": False} if self.chance(20) else {})

    def compared(self, measure: str) -> dict[str, Any]:
        op = self.pick(("at_least", "at_most", "exactly", "more_than", "less_than", "between"))
        numbers = {"sum": POUNDS, "count": (0, 1, 1, 2, 3, 4.5, 8)}.get(measure, (0, 1, 2, 3, 5, 20))
        value: Any = self.pick(numbers)
        return {"op": op, "value": sorted([value, self.pick(numbers)]) if op == "between" else value}

    def window(self) -> dict[str, Any]:
        kind = self.number(1, 5)
        if kind <= 3:
            last, unit = self.pick(LENGTHS)
            return {"last": last, "unit": unit}
        if kind == 4:
            return {"this": self.pick(("day", "week", "month"))}
        return self.pick(({"from": self.date()}, {"to": self.date()}, {"from": self.date(), "to": self.date()}))

    def duration(self) -> dict[str, Any]:
        amount, unit = self.pick(LENGTHS)
        return {"amount": amount, "unit": unit}

    def date(self) -> str:
        instant = to_instant(self.now - self.number(0, 200) * DAY)
        return instant if self.chance(50) else instant[:10]

    def where(self) -> list[dict[str, Any]]:
        return [self.test() for _ in range(self.pick((0, 0, 1, 1, 2)))]

    def test(self) -> dict[str, Any]:
        """A test of a property: of what an order holds, of what it cost, of one that no order has."""
        name, op, value = self.pick(
            (
                ("products.category", "is", self.pick(CATEGORIES)),
                ("products.category", "is_not", self.pick(CATEGORIES)),
                ("products.category", "in", [self.pick(CATEGORIES), self.pick(CATEGORIES)]),
                ("products.category", "exists", None),
                ("products.product_id", "in", [self.pick(PRODUCTS), self.pick(PRODUCTS)]),
                ("products.product_id", "starts_with", self.pick(("8", "85", "224", "P"))),
                ("total", self.pick(("at_least", "less_than", "more_than", "at_most")), self.pick(POUNDS)),
                ("total", "between", sorted([self.pick(POUNDS), self.pick(POUNDS)])),
                ("revenue", "exists", None),
                ("order_id", "contains", self.pick(("7", "55", "C5"))),
                ("currency", "is", "GBP"),
                ("coupon", "is_not", "SUMMER"),
                ("weight", "is", 5),
            )
        )
        return {"property": name, "op": op} | ({} if value is None else {"value": value})

    def did_when(self) -> dict[str, Any]:
        op = self.pick(("before", "after", "between", "within_last", "longer_ago_than"))
        if op == "between":
            value: Any = [self.date(), self.date()]
        else:
            value = self.duration() if op in ("within_last", "longer_ago_than") else self.date()
        leaf = {"kind": "event", "event": self.pick(EVENTS), "measure": self.pick(("first", "last")), "op": op}
        return leaf | {"value": value} | ({"did": False} if self.chance(20) else {})

    def sequence(self) -> dict[str, Any]:
        steps: list[dict[str, Any]] = []
        for number in range(self.pick((2, 2, 3))):
            step: dict[str, Any] = {"event": self.pick((ORDERED, ORDERED, REFUNDED))}
            if self.chance(30):
                step["where"] = self.where()
            steps.append(step | ({"within": self.duration()} if number else {}))
        if self.chance(30):
            steps[-1]["did"] = False
        return {"kind": "sequence", "steps": steps, "window": self.window()} | (
            {"did": False} if self.chance(20) else {}
        )

    def trait(self) -> dict[str, Any]:
        op, value = self.pick(
            (
                ("is", self.pick(COUNTRIES)),
                ("is_not", self.pick(COUNTRIES)),
                ("in", [self.pick(COUNTRIES), self.pick(COUNTRIES)]),
                ("contains", "an"),
                ("starts_with", "U"),
                ("exists", None),
            )
        )
        name = "country" if self.chance(90) else "city"
        return {"kind": "trait", "trait": name, "op": op} | ({} if value is None else {"value": value})
