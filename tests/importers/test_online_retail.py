"""Order lines of the Online Retail files become orders and refunds, whatever the file is like."""

import gzip
from pathlib import Path

import pytest

from ingestion.connectors.online_retail import BAD_DEBT, NO_SALE, count_rows, read_events
from ingestion.importing import LISTED, CannotImport, Report
from profiles.event import Event
from tests.importers.conftest import HEADER, NOW, Write

ORDER = '''\
536365,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,71053,"LANTERN, ""METAL""",2,2010-12-01 08:27:00,3.39,17850,United Kingdom
'''


def read(path: Path) -> tuple[list[Event], Report]:
    report = Report()
    return list(read_events(path, count_rows(path), source="shop", received=NOW, report=report)), report


def test_an_invoice_is_an_order_of_an_identified_customer(write: Write) -> None:
    (identified, order), report = read(write(ORDER))
    assert (identified.type, identified.user_id) == ("identify", "17850")
    assert identified.traits == {"country": "United Kingdom"}
    assert (order.type, order.name, order.id) == ("track", "Order Completed", "online-retail-536365")
    assert (order.source, order.user_id, order.anonymous_id, order.received) == ("shop", "17850", None, NOW)
    assert order.at == 1_291_191_960_000  # 08:26 in London, in winter
    assert order.context["location"] == {"country": "United Kingdom"}
    assert order.properties == {
        "order_id": "536365",
        "currency": "GBP",
        "total": 22.08,
        "revenue": 22.08,
        "products": [
            {"product_id": "85123A", "name": "WHITE HEART", "quantity": 6, "price": 2.55},
            {"product_id": "71053", "name": 'LANTERN, "METAL"', "quantity": 2, "price": 3.39},
        ],
    }
    assert order.value == 22.08
    assert (report.rows, report.bad_rows, report.skipped.total()) == (2, 0, 0)


def test_a_refund_counts_positive(write: Write) -> None:
    (_, refund), _ = read(write("C536379,D,Discount,-1,2010-07-01 09:41:00,27.50,14527,United Kingdom\n"))
    assert (refund.name, refund.value) == ("Order Refunded", 27.5)
    assert "revenue" not in refund.properties
    assert refund.properties["products"] == [{"product_id": "D", "name": "Discount", "quantity": 1, "price": 27.5}]
    assert refund.at == 1_277_973_660_000  # 08:41 UTC: London has summer time


def test_without_a_customer_an_invoice_is_a_person_of_its_own(write: Write) -> None:
    rows = "1,A,X,1,2011-01-01 10:00:00,1,,France\n2,A,X,1,2011-01-01 10:00:00,1,,France\n"
    events, _ = read(write(rows))
    assert [(event.name, event.user_id, event.anonymous_id) for event in events] == [
        ("Order Completed", None, "online-retail-1"),
        ("Order Completed", None, "online-retail-2"),
    ]


def test_rows_of_an_invoice_need_not_stand_together(write: Write) -> None:
    lines = ORDER.splitlines()
    other = "536366,22633,WARMER,6,2010-12-01 08:28:00,1.85,17850,United Kingdom"
    together, _ = read(write("\n".join([*lines, other])))
    apart, _ = read(write("\n".join([lines[0], other, lines[1]])))
    assert orders(apart) == orders(together)
    assert list(orders(apart)) == ["online-retail-536366", "online-retail-536365"]


def orders(events: list[Event]) -> dict[str, Event]:
    return {event.id: event for event in events if event.type == "track"}


def test_a_customer_who_moves_is_identified_again(write: Write) -> None:
    rows = "".join(f"{number},A,X,1,2011-01-0{number} 10:00:00,1,7,{country}\n" for number, country in MOVES)
    events, _ = read(write(rows))
    identified = [(event.id, event.traits["country"]) for event in events if event.type == "identify"]
    assert identified == [
        ("online-retail-1-customer", "Spain"),
        ("online-retail-3-customer", "Cyprus"),
        ("online-retail-4-customer", "Spain"),
    ]


MOVES = ((1, "Spain"), (2, "Spain"), (3, "Cyprus"), (4, "Spain"))


def test_what_is_no_sale_is_left_out_and_said(write: Write) -> None:
    rows = """\
A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom
536589,21777,,-10,2010-12-01 16:50:00,0,,United Kingdom
536590,21777,free,1,2010-12-01 16:50:00,0,12345,United Kingdom
536590,21778,free,1,2010-12-01 16:50:00,0,12345,United Kingdom
"""
    events, report = read(write(rows))
    assert events == []
    assert report.skipped == {BAD_DEBT: 1, NO_SALE: 3}


def test_an_order_of_a_thousand_lines_loses_none(write: Write) -> None:
    rows = "".join(f"1,P{number},{'N' * 40},1,2011-01-01 10:00:00,0.001,7,Spain\n" for number in range(1_114))
    (_, order), _ = read(write(rows))
    assert len(order.properties["products"]) == 1_114
    assert order.value == 1.114


BAD: dict[str, str] = {
    "1,A,X,one,2011-01-01 10:00:00,1,7,Spain": "Quantity is not a whole number",
    "1,A,X,1e3,2011-01-01 10:00:00,1,7,Spain": "Quantity is not a whole number",
    "1,A,X,9999999999,2011-01-01 10:00:00,1,7,Spain": "Quantity is too large",
    "1,A,X,1,yesterday,1,7,Spain": "InvoiceDate is not a date like 2010-12-01 08:26:00",
    "1,A,X,1,1999-01-01 10:00:00,1,7,Spain": "InvoiceDate is before 2000",
    "1,A,X,1,2150-01-01 10:00:00,1,7,Spain": "InvoiceDate is in the future",
    "1,A,X,1,2011-01-01 10:00:00,NaN,7,Spain": "UnitPrice is too large",
    "1,A,X,1,2011-01-01 10:00:00,£1,7,Spain": "UnitPrice is not a number",
    "1,,X,1,2011-01-01 10:00:00,1,7,Spain": "StockCode is missing or too long",
    ",A,X,1,2011-01-01 10:00:00,1,7,Spain": "InvoiceNo is missing or too long",
    "1,A,X,1,2011-01-01 10:00:00,1,7": "has another number of columns than the first line",
}


@pytest.mark.parametrize(("row", "reason"), BAD.items(), ids=BAD.values())
def test_a_bad_row_is_named_and_the_others_are_read(write: Write, row: str, reason: str) -> None:
    events, report = read(write(f"{row}\n{ORDER}"))
    assert [event.name for event in events] == ["Identified", "Order Completed"]
    assert (report.bad, report.bad_rows) == ([(2, reason)], 1)


def test_many_bad_rows_are_counted_and_some_are_listed(write: Write) -> None:
    _, report = read(write("1,A,X,one,2011-01-01 10:00:00,1,7,Spain\n" * 1_000))
    assert (len(report.bad), report.bad_rows, report.rows) == (LISTED, 1_000, 1_000)


def test_dates_and_numbers_as_spreadsheets_write_them(write: Write) -> None:
    (_, order), _ = read(write("536365,85123A,X,6,12/1/2010 8:26,2.55,17850.0,United Kingdom\n"))
    assert (order.at, order.user_id) == (1_291_191_960_000, "17850")


def test_columns_may_stand_in_another_order(write: Write) -> None:
    header = "Country,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo,Extra"
    (_, order), _ = read(write("Spain,7,2.5,2011-01-01 10:00:00,2,X,A,1,?\n", header=header))
    assert (order.user_id, order.value) == ("7", 5.0)


def test_a_packed_file_reads_the_same(write: Write, tmp_path: Path) -> None:
    plain = write(ORDER)
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed)[0] == read(plain)[0]


def test_a_byte_order_mark_is_no_part_of_the_header(write: Write) -> None:
    path = write(ORDER)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read(path)[0]) == 2


UNREADABLE: dict[str, bytes] = {
    "has no column Description": b"InvoiceNo,StockCode\n1,2\n",
    "its first line must name the columns": b"",
    "cannot be read after line": gzip.compress((HEADER + "\n" + ORDER * 5_000).encode())[:-20],
}


@pytest.mark.parametrize("said", UNREADABLE)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, said: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(UNREADABLE[said])
    with pytest.raises(CannotImport, match=said):
        count_rows(path)
