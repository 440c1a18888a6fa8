"""A year of a real shop by the command, through Redis into PostgreSQL: no line is lost, and profiles and archive agree.

That the totals are those of the file is for test_real_file.py to say."""

import csv
import gzip

import pytest
from django.db.models import Count, Sum

from ingestion.archiving import moment
from profiles.event import user_key
from profiles.models import ArchivedEvent, StoredProfile
from tests.importers.conftest import Engine, import_file
from tests.importers.test_real_file import FILE

PENNY = 0.005

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is not there; PZ_DATA_DIR names its folder")


@pytest.mark.timeout(600)
def test_a_year_arrives_whole_and_once(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    import_file(FILE)
    said = capsys.readouterr().out
    assert "541,909 rows: " in said
    assert "3 rows left out: adjustments of bad debt" in said
    assert "could not be read" not in said
    engine.run()

    archived = ArchivedEvent.objects.filter(type="track")
    assert archived.values("properties__order_id").distinct().count() == archived.count()
    lines = sum(len(products) for products in archived.values_list("properties__products", flat=True))
    assert lines == 541_909 - 3 - count_free_rows(said)
    longest = max(archived.values_list("properties__products", flat=True), key=len)
    assert len(longest) == 1_114
    first, last = (archived.order_by(order).values_list("at", flat=True)[0] for order in ("at", "-at"))
    assert (first, last) == (moment(1_291_191_960_000), moment(1_323_435_000_000))  # 08:26 and 12:50 in London

    sums = archived.exclude(user_id=None).values_list("user_id", "name").annotate(Count("at"), Sum("value"))
    assert len({user_id for user_id, *_ in sums}) == len(customers_who_paid())
    wrong = []
    for user_id, name, count, value in sums:
        history = engine.profile(user_key(user_id)).events[name]
        if history.count != count or abs(history.total - value) > PENNY:
            wrong.append((user_id, name, count, value))
    assert wrong == []
    assert StoredProfile.objects.exclude(user_id=None).count() == len(customers_who_paid())
    assert StoredProfile.objects.get(user_id="12346").traits == {"country": "United Kingdom"}

    count = ArchivedEvent.objects.count()
    engine.forget_what_was_seen()
    import_file(FILE)
    assert f"0 events sent, {count:,} were there already" in capsys.readouterr().out
    assert engine.process() == 0


def count_free_rows(said: str) -> int:
    [line] = [line for line in said.splitlines() if "without a sale" in line]
    return int(line.split()[0].replace(",", ""))


def customers_who_paid() -> set[str]:
    """Those with an invoice that sells something, or a refund."""
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        return {
            row["CustomerID"]
            for row in csv.DictReader(file)
            if row["CustomerID"]
            and (row["InvoiceNo"].startswith("C") or (int(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0))
        }
