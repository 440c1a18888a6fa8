"""A year of a real shop through the processor: every customer's totals are those that pandas counts in the file."""

import os
from collections import defaultdict
from pathlib import Path

import pandas
import pytest

from ingestion.connectors.online_retail import BAD_DEBT, NO_SALE, count_rows, read_events
from ingestion.importing import Report
from profiles.profile import unpack
from tests.processing.harness import Harness

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("PZ_DATA_DIR", ROOT.parent / "shared" / "data"))
FILE = DATA / "online_retail.csv.gz"
SCALE = 100_000  # prices have at most five decimals: sums of whole numbers are exact

Totals = dict[str, tuple[int, int]]  # customer ("" without one) -> invoices, pence

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is not there; PZ_DATA_DIR names its folder")


def pence(scaled: int) -> int:
    return round(scaled * 100 / SCALE)


def sum_up(rows: pandas.DataFrame, sign: int) -> Totals:
    invoices = rows.groupby("InvoiceNo").agg(customer=("CustomerID", "max"), paid=("paid", "sum"))
    found = invoices.groupby("customer")["paid"].agg(["size", "sum"])
    return {str(row[0]): (int(row[1]), pence(sign * int(row[2]))) for row in found.itertuples()}


def count_with_pandas() -> tuple[Totals, Totals, pandas.DataFrame]:
    """(orders, refunds, rows of invoices that sell nothing), straight from the file."""
    rows = pandas.read_csv(FILE, dtype=str, keep_default_na=False)
    rows["amount"] = rows["Quantity"].astype("int64")
    rows["price"] = (rows["UnitPrice"].astype("float64") * SCALE).round().astype("int64")
    rows["paid"] = rows["amount"] * rows["price"]
    first = rows["InvoiceNo"].str[0]
    ordinary = rows[~first.isin(["A", "C"])]
    sold = ordinary[(ordinary["amount"] > 0) & (ordinary["price"] > 0)]["InvoiceNo"]
    is_order = ordinary["InvoiceNo"].isin(sold)
    return sum_up(ordinary[is_order], 1), sum_up(rows[first == "C"], -1), ordinary[~is_order]


def test_totals_of_every_customer_are_those_of_the_file() -> None:
    orders, refunds, unsold = count_with_pandas()
    harness = Harness()
    report = Report()
    events = read_events(FILE, count_rows(FILE), source="shop", received=harness.now, report=report)
    for event in events:
        harness.send(event)
    harness.run()

    counted: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0, 0.0]))
    for packed in harness.store.profiles.values():
        profile = unpack(packed)
        for name, history in profile.events.items():
            total = counted[name][profile.user_id or ""]
            total[0] += history.count
            total[1] += history.total
    found = {
        name: {customer: (int(count), round(total * 100)) for customer, (count, total) in customers.items()}
        for name, customers in counted.items()
    }
    assert found["Order Completed"] == orders
    assert found["Order Refunded"] == refunds
    assert (report.rows, report.bad_rows) == (541_909, 0)
    assert report.skipped == {BAD_DEBT: 3, NO_SALE: len(unsold)}
    assert int(unsold["paid"].sum()) == 0  # nothing left out was worth anything
