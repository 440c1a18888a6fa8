"""The Online Retail files of the UCI repository: a shop's order lines, one per row, as orders and refunds.

Chen, D. (2015), Online Retail, UCI Machine Learning Repository, doi:10.24432/C5BW33, CC BY 4.0.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ingestion.categories import Categories
from ingestion.importing import Report, open_table
from profiles.event import Event

NAME = "online-retail"
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
ZONE = ZoneInfo("Europe/London")
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M")
CURRENCY = "GBP"
NUL = "\0"
MAX_TEXT = 200
MAX_NUMBER = 1_000_000_000
FIRST_YEAR = 2000
NO_CATEGORIES = Categories()

BAD_DEBT = "adjustments of bad debt (invoices A…)"
NO_SALE = "corrections of stock and free items (invoices without a sale)"


class Line(NamedTuple):
    """One row: `at` in Unix milliseconds, `customer` and `category` None for an unknown one."""

    invoice: str
    product: str
    description: str
    quantity: int
    at: int
    price: Decimal
    customer: str | None
    country: str
    category: str | None


class BadRow(ValueError):
    """A row that cannot be read; the message says which column and why."""


def count_rows(path: Path) -> Counter[str]:
    """How many rows each invoice has: the first look at a file, which tells when an invoice is complete."""
    counts: Counter[str] = Counter()
    with open_table(path, COLUMNS) as rows:
        for _, row in rows:
            counts[row[0].strip() if row else ""] += 1
    return counts


def read_events(
    path: Path,
    counts: Counter[str],
    *,
    source: str,
    received: int,
    report: Report,
    categories: Categories = NO_CATEGORIES,
) -> Iterator[Event]:
    """One event per invoice, in the order in which they are complete, whether or not its rows stand together.

    A customer is identified before the first event, and again when the country changes. Always the same file gives
    the same events with the same ids.
    """
    missing = counts.copy()
    invoices: dict[str, list[Line]] = {}
    countries: dict[str, str] = {}
    with open_table(path, COLUMNS) as rows:
        for number, row in rows:
            report.rows += 1
            invoice = row[0].strip() if row else ""
            try:
                line = read_line(row, categories)
                if line.at > received:
                    raise BadRow("InvoiceDate is in the future")
                report.categories[line.category] += 1
                invoices.setdefault(invoice, []).append(line)
            except BadRow as error:
                report.refuse(number, str(error))
            missing[invoice] -= 1
            if missing[invoice] == 0:
                lines = invoices.pop(invoice, [])
                for event in _make_events(lines, countries, source, received, report):
                    report.events[event.name] += 1
                    yield event


def read_line(row: Sequence[str], categories: Categories) -> Line:
    """Raises BadRow."""
    if not row:
        raise BadRow("has another number of columns than the first line")
    if NUL in "".join(row):
        row = [value.strip().replace(NUL, "") for value in row]
    invoice, product, description, quantity, date, price, customer, country = map(str.strip, row)
    if not 0 < len(invoice) <= MAX_TEXT:
        raise BadRow("InvoiceNo is missing or too long")
    if not 0 < len(product) <= MAX_TEXT:
        raise BadRow("StockCode is missing or too long")
    if len(customer) > MAX_TEXT:
        raise BadRow("CustomerID is too long")
    return Line(
        invoice=invoice,
        product=product,
        description=description[:MAX_TEXT],
        quantity=_read_quantity(quantity),
        at=_read_time(date),
        price=_read_price(price),
        customer=customer.removesuffix(".0") or None,  # spreadsheets make numbers of them
        country=country[:MAX_TEXT],
        category=categories.classify(description),
    )


@lru_cache(maxsize=10_000)
def _read_quantity(text: str) -> int:
    try:
        quantity = int(text)
    except ValueError:
        raise BadRow("Quantity is not a whole number") from None
    if abs(quantity) > MAX_NUMBER:
        raise BadRow("Quantity is too large")
    return quantity


@lru_cache(maxsize=10_000)
def _read_price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise BadRow("UnitPrice is not a number") from None
    if not price.is_finite() or abs(price) > MAX_NUMBER:
        raise BadRow("UnitPrice is too large")
    return price


@lru_cache(maxsize=1_024)
def _read_time(text: str) -> int:
    """Local time of the shop as Unix milliseconds; in the hour that comes twice, the first one."""
    for form in TIME_FORMATS:
        try:
            local = datetime.strptime(text, form)  # the zone is the shop's, given in the next line
        except ValueError:
            continue
        if local.year < FIRST_YEAR:
            raise BadRow(f"InvoiceDate is before {FIRST_YEAR}")
        return round(local.replace(tzinfo=ZONE).timestamp()) * 1000
    raise BadRow("InvoiceDate is not a date like 2010-12-01 08:26:00")


def _make_events(
    lines: list[Line], countries: dict[str, str], source: str, received: int, report: Report
) -> Iterator[Event]:
    if not lines:
        return
    first = min(lines, key=lambda line: line.at)
    invoice = first.invoice
    if invoice.startswith("A"):
        report.skipped[BAD_DEBT] += len(lines)
        return
    refund = invoice.startswith("C")
    if not refund and not any(line.quantity > 0 and line.price > 0 for line in lines):
        report.skipped[NO_SALE] += len(lines)
        return
    customer = next((line.customer for line in lines if line.customer), None)
    common: dict[str, Any] = {
        "source": source,
        "at": first.at,
        "received": received,
        "user_id": customer,
        "anonymous_id": None if customer else f"{NAME}-{invoice}",
        "context": {"library": {"name": "import_events"}, "location": {"country": first.country}},
    }
    if customer and countries.get(customer) != first.country:
        countries[customer] = first.country
        id, traits = f"{NAME}-{invoice}-customer", {"country": first.country}
        yield Event(id=id, type="identify", name="Identified", traits=traits, **common)
    name = "Order Refunded" if refund else "Order Completed"
    properties = _describe(invoice, lines, -1 if refund else 1)
    yield Event(id=f"{NAME}-{invoice}", type="track", name=name, properties=properties, **common)


def _describe(invoice: str, lines: list[Line], sign: int) -> dict[str, Any]:
    """The properties of an order or, with sign -1, of a refund: what was given back counts positive there."""
    total = float(sum(sign * line.quantity * line.price for line in lines))
    properties: dict[str, Any] = {"order_id": invoice, "currency": CURRENCY, "total": total}
    if sign > 0:
        properties["revenue"] = total
    properties["products"] = [_describe_product(line, sign) for line in lines]
    return properties


def _describe_product(line: Line, sign: int) -> dict[str, Any]:
    product: dict[str, Any] = {
        "product_id": line.product,
        "name": line.description,
        "quantity": sign * line.quantity,
        "price": float(line.price),
    }
    if line.category is not None:
        product["category"] = line.category
    return product
