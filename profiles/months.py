"""Partitions of what is kept for ever longer: one table per month of `at`, made when it is first needed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

EVENTS = "profiles_archivedevent"
REST = "_rest"  # of the default partition's name, for whatever lies outside the years below
YEARS = range(2000, 2100)  # hostile clocks shall not make tables without end

# Attaching needs to lock the default partition for a moment. Behind a long query it gives up and is tried again, so
# that no other query has to queue behind it.
_LOCK_TIMEOUT = "3s"


def month_of(at: datetime) -> date:
    return at.astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def list_months(table: str) -> list[tuple[str, date]]:
    """The partitions that were made of a table, each with its month."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = %s::regclass",
            [table],
        )
        names = [name for (name,) in cursor.fetchall() if name != table + REST]
    return sorted((name, date.fromisoformat(name[-7:].replace("_", "-") + "-01")) for name in names)


def months_before(day: date, months: int) -> date:
    """The first day of the month so many months before that of `day`."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def drop_month(table: str, name: str) -> bool:
    """Drops a partition. The whole table is locked for a moment: behind a long query it gives up and returns False, so
    that nobody has to queue behind it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {name}")
            cursor.execute(f"DROP TABLE {name}")
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True


class Months:
    """Knows which months of `table` have their partition, and makes those that have none."""

    def __init__(self, table: str = EVENTS) -> None:
        self._table = table
        self._made: set[date] = set()

    def make(self, months: Iterable[date]) -> None:
        """Makes what is missing, each in a transaction of its own. Rows of other years need none."""
        for month in sorted(set(months) - self._made):
            if month.year in YEARS:
                with transaction.atomic():
                    _make(self._table, month)
            self._made.add(month)


def _make(table: str, month: date) -> None:
    name = f"{table}_{month:%Y_%m}"
    start, end = f"{month.isoformat()} 00:00:00+00", f"{next_month(month).isoformat()} 00:00:00+00"
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        # Made beside and attached, because CREATE … PARTITION OF would stop every query of the table.
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(
            f"WITH moved AS (DELETE FROM {table}{REST} WHERE at >= %s AND at < %s RETURNING *) "  # noqa: S608  # our names
            f"INSERT INTO {name} SELECT * FROM moved",
            [start, end],
        )
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')")
