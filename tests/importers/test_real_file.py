"""A year of a real shop by the command, through Redis, processor and archiver: every customer's totals are those that
pandas counts in the file, no line is lost, and a second time adds nothing."""

import pandas
import pytest
from django.db.models import Count, Sum

from ingestion.archiving import moment
from ingestion.connectors.online_retail import BAD_DEBT, NO_SALE
from profiles.event import user_key
from profiles.models import ArchivedEvent, StoredProfile
from profiles.profile import PARTS
from tests.importers.conftest import Engine, import_file
from tests.real_data import ONLINE_RETAIL as FILE
from tests.real_data import needs_online_retail

ROWS, DEBT = 541_909, 3
SCALE = 100_000  # prices have at most five decimals: sums of whole numbers are exact
NAMES = ("Order Completed", "Order Refunded")

Totals = dict[str, dict[str, tuple[int, int]]]  # event -> customer ("" without one) -> invoices, pence

pytestmark = [needs_online_retail, pytest.mark.timeout(600)]


def sum_up(rows: pandas.DataFrame, sign: int) -> dict[str, tuple[int, int]]:
    invoices = rows.groupby("InvoiceNo").agg(customer=("CustomerID", "max"), paid=("paid", "sum"))
    found = invoices.groupby("customer")["paid"].agg(["size", "sum"])
    return {str(row[0]): (int(row[1]), round(sign * int(row[2]) * 100 / SCALE)) for row in found.itertuples()}


def count_with_pandas() -> tuple[Totals, pandas.DataFrame]:
    """What the file says, and its rows of invoices that sell nothing."""
    rows = pandas.read_csv(FILE, dtype=str, keep_default_na=False)
    rows["amount"] = rows["Quantity"].astype("int64")
    rows["price"] = (rows["UnitPrice"].astype("float64") * SCALE).round().astype("int64")
    rows["paid"] = rows["amount"] * rows["price"]
    first = rows["InvoiceNo"].str[0]
    ordinary = rows[~first.isin(["A", "C"])]
    sold = ordinary[(ordinary["amount"] > 0) & (ordinary["price"] > 0)]["InvoiceNo"]
    is_order = ordinary["InvoiceNo"].isin(sold)
    orders, refunds = sum_up(ordinary[is_order], 1), sum_up(rows[first == "C"], -1)
    return dict(zip(NAMES, (orders, refunds), strict=True)), ordinary[~is_order]


def count_in_archive() -> Totals:
    found: Totals = {name: {} for name in NAMES}
    sums = (
        ArchivedEvent.objects.filter(name__in=NAMES).values_list("name", "user_id").annotate(Count("at"), Sum("value"))
    )
    for name, user_id, count, value in sums:
        found[name][user_id or ""] = (count, round(value * 100))
    return found


def count_in_profiles(engine: Engine) -> Totals:
    """Of the known customers."""
    found: Totals = {name: {} for name in NAMES}
    for user_id in StoredProfile.objects.exclude(user_id=None).values_list("user_id", flat=True):
        assert user_id is not None
        events = engine.profile(user_key(user_id)).events
        for name in NAMES:
            if name in events:
                found[name][user_id] = (events[name].count, round(events[name].total * 100 / PARTS))
    return found


def test_totals_of_every_customer_are_those_of_the_file(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    totals, unsold = count_with_pandas()
    assert int(unsold["paid"].sum()) == 0  # nothing that is left out was worth anything

    import_file(FILE)
    said = capsys.readouterr().out
    assert f"{ROWS:,} rows: " in said
    assert f"{DEBT} rows left out: {BAD_DEBT}" in said
    assert f"{len(unsold):,} rows left out: {NO_SALE}" in said
    assert "could not be read" not in said
    engine.run()

    assert count_in_archive() == totals
    known = {name: {who: sums for who, sums in found.items() if who} for name, found in totals.items()}
    assert count_in_profiles(engine) == known
    archived = ArchivedEvent.objects.filter(type="track")
    lines = [len(products) for products in archived.values_list("properties__products", flat=True)]
    assert (sum(lines), max(lines)) == (ROWS - DEBT - len(unsold), 1_114)
    first, last = (archived.order_by(order).values_list("at", flat=True)[0] for order in ("at", "-at"))
    assert (first, last) == (moment(1_291_191_960_000), moment(1_323_435_000_000))  # 08:26 and 12:50 in London

    count = ArchivedEvent.objects.count()
    engine.forget_what_was_seen()
    import_file(FILE)
    assert f"0 events sent, {count:,} were there already" in capsys.readouterr().out
    assert engine.process() == 0
