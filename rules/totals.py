"""How often capped rules were shown to everybody together, as PostgreSQL has it: what the counters in Redis may say."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from profiles.decided import Every
from profiles.models import Erasure
from rules.definitions import Cap
from rules.reckoning import knows_all_decisions
from rules.shown import SINCE, Capped, count_shown
from rules.tally import KEPT_MS, name_counter

LONGEST: Mapping[Every, timedelta] = {"hour": timedelta(hours=2), "day": timedelta(hours=25), "week": SINCE}


class Bounds(NamedTuple):
    """Of a counter: `least` is how often the archive knows of, `most` that and whatever it may have let go of (None: it
    cannot be told); `kept_ms` is how long it is kept after its last use, 0 for ever."""

    least: int
    most: int | None
    kept_ms: int


def name_counters(books: Mapping[int, Capped], now: int) -> dict[str, Cap]:
    """The counters that count at a moment, of the caps that the Books were read for (rules.shown.read_capped)."""
    return {
        name_counter(rule, cap, now, book.calendar): cap
        for book in books.values()
        for rule, caps in book.rules.items()
        for cap in caps
    }


def bound_totals(books: Mapping[int, Capped], now: int, *, unarchived: int) -> dict[str, Bounds]:
    """What these counters may say. `unarchived` decisions were set aside on their way to the archive."""
    counts: Counter[str] = Counter()
    for counted in count_shown(books, now):
        counts[counted.name] += counted.times
    caps = name_counters(books, now)
    gone = {per: _count_gone(per, now) for per in {cap.per for cap in caps.values()}}
    found = {}
    for name, cap in caps.items():
        least, lost = counts[name], gone[cap.per]
        found[name] = Bounds(least, None if lost is None else least + lost + unarchived, KEPT_MS[cap.per])
    return found


def _count_gone(per: Every, now: int) -> int | None:
    """How many decisions of a period were erased with their person, at most; None when nobody knows."""
    erasures = Erasure.objects.all()
    if per != "campaign":
        begun = datetime.fromtimestamp(now / 1_000, UTC) - LONGEST[per]
        erasures = erasures.filter(Q(done=None) | Q(done__gte=begun))
    elif not knows_all_decisions(now):
        return None
    receipts = list(erasures.values_list("done", "counts"))
    if any(done is None for done, _ in receipts):
        return None  # it is being done
    return sum(int(counts.get("decisions", 0)) for _, counts in receipts)
