"""What belongs to everybody together held against the archive, and mended: counters of rules, and codes of offers.

Others count while one looks. So a counter is wrong only when it says less than the archive knew before it was read, or
more than the archive knew afterwards; and it is changed by that difference, never set."""

from collections.abc import Callable
from typing import NamedTuple

from ingestion.accepted import unpack
from ingestion.settling import Settling
from personalization.reconcile.comparing import COUNTERS, SHOWN, Pair, digest_text
from personalization.reconcile.hot import HotSide
from personalization.reconcile.looking import list_unarchived
from profiles.decided import Decided
from rules.pools import Unmarked, list_unmarked, mark_granted
from rules.reckoning import NUMBER
from rules.shown import read_capped
from rules.totals import Bounds, bound_totals, name_counters

CODES = "codes"
MOST_CODES = 1_000  # at once


class Off(NamedTuple):
    """A counter that says `found`: `add` makes it what it should be, `expected` if nobody counts meanwhile."""

    found: str
    expected: int
    add: int
    kept_ms: int


class Wrongs(NamedTuple):
    """Counters by their names (rules.tally), and codes that are not marked as granted."""

    counters: dict[str, Off]
    codes: list[Unmarked]

    @property
    def number(self) -> int:
        return len(self.counters) + len(self.codes)

    def describe(self) -> dict[str, Pair]:
        """The evidence; which codes is not told."""
        shown: dict[str, Pair] = {}
        if self.counters:
            some = sorted(self.counters.items())[:SHOWN]
            found = {name: off.found[:SHOWN] for name, off in some}
            shown[COUNTERS] = {"found": found, "expected": {name: off.expected for name, off in some}}
        if self.codes:
            named = {f"{each.offer}:{digest_text(each.code)}": "granted" for each in self.codes[:SHOWN]}
            shown[CODES] = {"found": dict.fromkeys(named, "free"), "expected": named}
        return shown


class Everybody:
    """`clock` gives Unix milliseconds. Calls may raise NotSettled and redis.RedisError."""

    def __init__(self, hot: HotSide, settling: Settling, *, clock: Callable[[], int]) -> None:
        self._hot = hot
        self._settling = settling
        self._clock = clock

    def look(self) -> Wrongs:
        books, now = read_capped(of="everybody"), self._clock()
        names = list(name_counters(books, now))
        before = self._hot.read_totals(names)
        self._settling.await_archived()
        bounds = bound_totals(books, now, unarchived=_count_unarchived()) if names else {}
        after = self._hot.read_totals(names)
        judged = {name: _judge(before[name], after[name], bounds[name]) for name in names}
        return Wrongs({name: off for name, off in judged.items() if off}, list_unmarked(limit=MOST_CODES))

    def mend(self, wrongs: Wrongs) -> None:
        for name, off in wrongs.counters.items():
            self._hot.mend_total(name, add=off.add, otherwise=off.expected, kept_ms=off.kept_ms)
        if wrongs.codes:
            mark_granted(wrongs.codes)
            for offer, code in wrongs.codes:
                self._hot.take_code(offer, code)


def _judge(before: str, after: str, bounds: Bounds) -> Off | None:
    if not NUMBER.fullmatch(before) or not NUMBER.fullmatch(after):
        return Off(after, bounds.least, 0, bounds.kept_ms)
    if int(after) < bounds.least:
        return Off(after, bounds.least, bounds.least - int(after), bounds.kept_ms)
    if bounds.most is not None and int(before) > bounds.most:
        return Off(before, bounds.most, bounds.most - int(before), bounds.kept_ms)
    return None


def _count_unarchived() -> int:
    """Decisions that may have counted and could not be archived; whatever cannot be read may be one."""
    return sum(map(_is_decision, list_unarchived()))


def _is_decision(raw: bytes) -> bool:
    try:
        return isinstance(unpack(raw), Decided)
    except ValueError:
        return True
