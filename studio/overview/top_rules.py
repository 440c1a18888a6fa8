"""The rules that worked best of late: measured once for everybody who looks, and again some minutes later."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.cache import cache
from django.db import OperationalError, connection, transaction

from rules.models import Rule
from rules.performance import Performance, measure_rules

OF_DAYS = 7
KEPT_S = 300
MEASURED_S = 30  # that a measurement may take; while one is under way nobody starts another
SHOWN = 8
KEY = "studio:top-rules"


class TopRule(NamedTuple):
    name: str
    performance: Performance
    is_there: bool  # its draft

    @property
    def click_rate(self) -> float | None:
        seen = self.performance.impressions or self.performance.shown
        return round(100 * self.performance.clicks / seen, 1) if seen else None


class TopRules(NamedTuple):
    """`rules` is None while they are being measured, and where there are too many decisions to measure them here."""

    rules: list[TopRule] | None
    measured: datetime | None = None
    is_too_much: bool = False
    days: int = OF_DAYS


def find_top_rules(*, at: datetime) -> TopRules:
    """By clicks, then by orders, then by how often they were shown."""
    kept = cache.get(KEY)
    if kept is None:
        if not cache.add(f"{KEY}:under-way", 1, MEASURED_S):
            return TopRules(None)
        try:
            kept = (at, _measure(at))
        except OperationalError:
            kept = (at, None)
        finally:
            cache.delete(f"{KEY}:under-way")
        cache.set(KEY, kept, KEPT_S)
    measured, rows = kept
    if rows is None:
        return TopRules(None, measured, is_too_much=True)
    names = dict(Rule.objects.filter(slug__in=[row[0] for row in rows]).values_list("slug", "name"))
    best = [Performance(*row) for row in rows]
    return TopRules([TopRule(names.get(each.rule, each.rule), each, each.rule in names) for each in best], measured)


def _measure(at: datetime) -> list[tuple[object, ...]]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{MEASURED_S - 5}s"])
        measured = measure_rules(since=at - timedelta(days=OF_DAYS), until=at)
    measured.sort(key=lambda each: (-each.clicks, -each.orders, -each.shown, each.rule))
    return [tuple(each) for each in measured[:SHOWN]]
