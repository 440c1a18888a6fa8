"""The same segments once more, counted with pandas from the rows of the file: nothing of the engine is used here.

What is an order, a refund, their moment and their customer is what docs/how-to/import-history.md says of the file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas

LONDON = "Europe/London"
DAY = 86_400_000
REMEMBERED = 180 * DAY
POUND = 100_000  # prices have at most five decimals: sums of whole numbers are exact

People = set[str]  # `u:17850` is a customer, `a:online-retail-536544` the unknown one of an invoice


class Shop:
    """The invoices of the file: `orders` and `refunds` with `person`, `at` (Unix milliseconds), `paid`, `outdoor` and
    `country`, in the order of time."""

    def __init__(self, file: Path, table: Path) -> None:
        rows = pandas.read_csv(file, dtype=str, keep_default_na=False)
        rows["outdoor"] = sort_products(rows["Description"], table) == "Outdoor"
        quantity = rows["Quantity"].astype("int64")
        price = (rows["UnitPrice"].astype("float64") * POUND).round().astype("int64")
        rows["paid"], rows["sale"] = quantity * price, (quantity > 0) & (price > 0)
        invoices = rows.groupby("InvoiceNo", sort=False).agg(
            date=("InvoiceDate", "min"),
            customer=("CustomerID", "max"),
            country=("Country", "first"),
            paid=("paid", "sum"),
            outdoor=("outdoor", "any"),
            sale=("sale", "any"),
        )
        local = pandas.to_datetime(invoices["date"]).dt.tz_localize(LONDON)
        invoices["at"] = local.dt.tz_convert("UTC").dt.as_unit("ms").astype("int64")
        known = invoices["customer"] != ""
        nameless = "a:online-retail-" + invoices.index.to_series()
        invoices["person"] = ("u:" + invoices["customer"]).where(known, nameless)
        invoices = invoices.sort_values("at", kind="stable").reset_index()
        first = invoices["InvoiceNo"].str[0]
        self.orders = invoices[~first.isin(["A", "C"]) & invoices["sale"]]
        self.refunds = invoices[first == "C"]
        self.invoices = pandas.concat([self.orders, self.refunds]).sort_values("at", kind="stable")

    def ask(self, now: int) -> dict[str, People]:
        """Who is in each segment at a moment."""
        then = _Then(self, now)
        return {slug: find(then) for slug, find in SEGMENTS.items()}

    def tell(self, person: str, now: int) -> str:
        """What the file says of somebody by a moment, for whoever looks into a difference."""
        theirs = self.invoices[(self.invoices["person"] == person) & (self.invoices["at"] <= now)]
        return theirs[["InvoiceNo", "at", "paid", "outdoor", "country"]].tail(12).to_string(index=False)


def sort_products(descriptions: Any, table: Path) -> Any:
    """The category of each description: the first line of the table whose words it has, None where there is none."""
    each = pandas.Series(descriptions.unique())
    found = pandas.Series(None, index=each.index, dtype=object)
    for line in pandas.read_csv(table).iloc[::-1].itertuples():  # a line above writes over one below
        words = r"\W+".join(str(line.words).split())
        found[each.str.contains(rf"\b{words}\b", case=False, regex=True)] = line.category
    return descriptions.map(dict(zip(each, found, strict=True)))


class _Then:
    """What had happened by a moment, and how long ago."""

    def __init__(self, shop: Shop, now: int) -> None:
        self.now = now
        self.orders = shop.orders[shop.orders["at"] <= now]
        self.refunds = shop.refunds[shop.refunds["at"] <= now]
        self.people = {*self.orders["person"], *self.refunds["person"]}
        known = shop.invoices[(shop.invoices["at"] <= now) & (shop.invoices["customer"] != "")]
        self.country = known.groupby("person")["country"].last()

    def last_orders(self, days: int) -> Any:
        return self.orders[self.orders["at"] >= self.now - days * DAY]

    def last_refunds(self, days: int) -> Any:
        return self.refunds[self.refunds["at"] >= self.now - days * DAY]

    def today(self) -> Any:
        """The local midnight of today, without its zone."""
        return pandas.Timestamp(self.now, unit="ms", tz="UTC").tz_convert(LONDON).tz_localize(None).normalize()


def start_of(day: Any) -> int:
    """When a day begins in London."""
    return int(pandas.Timestamp(day).tz_localize(LONDON).timestamp() * 1000)


def _outdoor(then: _Then) -> People:
    lately = then.last_orders(60)
    return set(lately[lately["outdoor"]]["person"])


def _outdoor_regulars(then: _Then) -> People:
    this_month = then.orders[then.orders["at"] >= start_of(then.today().replace(day=1))]
    counts = this_month.groupby("person").size()
    isles = then.country[then.country.isin(["United Kingdom", "EIRE"])]
    return (_outdoor(then) & set(counts[counts > 3].index) & set(isles.index)) - set(then.last_refunds(30)["person"])


def _outdoor_and_back(then: _Then) -> People:
    first = then.last_orders(90)
    pairs = first[first["outdoor"]].merge(then.orders, on="person", suffixes=("", "_later"))
    passed = pairs["at_later"] - pairs["at"]
    return set(pairs[(passed > 0) & (passed <= 14 * DAY)]["person"])


def _spenders(then: _Then) -> People:
    spent = then.last_orders(90).groupby("person")["paid"].sum()
    return set(spent[spent > 1000 * POUND].index)


def _lapsed(then: _Then) -> People:
    last = then.orders.groupby("person")["at"].max()
    return set(last[last < then.now - 60 * DAY].index)


def _quiet(then: _Then) -> People:
    return then.people - set(then.last_orders(60)["person"])


def _disappointed(then: _Then) -> People:
    refunds = then.last_refunds(90)
    refunds = refunds[refunds["at"] + 30 * DAY < then.now]
    pairs = refunds.merge(then.orders, on="person", suffixes=("", "_later"))
    passed = pairs["at_later"] - pairs["at"]
    comforted = pairs[(passed > 0) & (passed <= 30 * DAY)]["InvoiceNo"]
    return set(refunds[~refunds["InvoiceNo"].isin(comforted)]["person"])


def _busy_week(then: _Then) -> People:
    today = then.today()
    monday = start_of(today - pandas.Timedelta(days=today.weekday()))
    counts = then.orders[then.orders["at"] >= monday].groupby("person").size()
    return set(counts[counts >= 2].index)


def _june(then: _Then) -> People:
    start = max(start_of("2011-06-01"), then.now - REMEMBERED)
    at = then.orders["at"]
    return set(then.orders[(at >= start) & (at < start_of("2011-07-01"))]["person"])


def _cyprus(then: _Then) -> People:
    return set(then.country[then.country == "Cyprus"].index)


def _outdoor_spenders(then: _Then) -> People:
    return (_outdoor(then) & _spenders(then)) - _disappointed(then)


SEGMENTS: dict[str, Callable[[_Then], People]] = {
    "outdoor": _outdoor,
    "outdoor-regulars": _outdoor_regulars,
    "outdoor-and-back": _outdoor_and_back,
    "spenders": _spenders,
    "lapsed": _lapsed,
    "quiet": _quiet,
    "disappointed": _disappointed,
    "busy-week": _busy_week,
    "june": _june,
    "cyprus": _cyprus,
    "outdoor-spenders": _outdoor_spenders,
}
