"""Leaves about events in SQL: each is a table of the people who did it, joined to the profiles."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from psycopg.sql import SQL, Composable, Literal

from profiles.profile import Memory
from segments.conditions.calendar import Calendar
from segments.conditions.dates import find_bounds
from segments.conditions.events import to_parts_of
from segments.conditions.language import RETENTION_MS, Did, DidWhen, Sequence, Step, Test
from segments.conditions.sql_values import (
    FALSE,
    compare,
    join,
    list_values,
    read_property,
    test_property,
    to_time,
)
from segments.conditions.values import COMPARE
from segments.conditions.windows import compile_window

NOTHING = SQL("")


@dataclass(frozen=True)
class Question:
    """When and by which calendar a condition is asked, and of what kind of memory.

    `is_past`: what was archived after `now` is not there at all. `crowded` are the events that somebody has done more
    often than a history remembers. `below`: only people whose id is lower are asked about, which is a sample, as ids
    are hashes; `above`: only those whose id is not lower. `archived_traits`: what traits say is looked up in the
    archive, as of a question about the past, and not in the copies of profiles."""

    now: int
    calendar: Calendar
    memory: Memory = field(default_factory=Memory)
    crowded: frozenset[str] = frozenset()
    is_past: bool = False
    below: UUID | None = None
    above: UUID | None = None
    archived_traits: bool = False

    def knows(self, event: str, path: str) -> bool:
        """Whether the property is declared, so that a condition may ask for it."""
        return path in self.memory.indexed.get(event, self.memory.otherwise)


@dataclass(frozen=True)
class Joined:
    """A table of (`person`, `measure`) with at most one row a person, and what is asked of its measure, which is NULL
    for everybody else."""

    table: Composable
    matches: Callable[[Composable], Composable]


def join_did(node: Did, asked: Question) -> Joined:
    is_sum = node.measure == "sum"
    value = node.value if isinstance(node.value, tuple) else (node.value,)
    ends = tuple(map(to_parts_of, value)) if is_sum else value
    # Who is not in the table has done it no times, which is an answer too.
    none_passes = COMPARE[node.op](0, ends if node.op == "between" else ends[0])
    holds = SQL("({} IS NOT FALSE)" if none_passes else "({} IS TRUE)")

    def matches(measure: Composable) -> Composable:
        held = holds.format(compare(measure, node.op, *map(Literal, ends)))
        return held if node.did else SQL("(NOT {})").format(held)

    return Joined(_measure(node, asked), matches)


def join_did_when(node: DidWhen, asked: Question) -> Joined:
    now, remembered = to_time(asked.now), to_time(asked.now - RETENTION_MS)
    # As `find_last` does: beside one dated ahead, only what is remembered is known.
    last = SQL(
        "CASE WHEN max(last) <= {0} THEN max(last) "
        "ELSE coalesce(max(newest), min(first) FILTER (WHERE first <= {0})) END"
    ).format(now)
    first = SQL("CASE WHEN min(first) <= {} THEN min(first) END").format(now)
    found = SQL(
        "SELECT profile_id, min(at) AS first, max(at) AS last, max(at) FILTER (WHERE at BETWEEN {} AND {}) AS newest "
        "FROM {} GROUP BY profile_id"
    ).format(remembered, now, _from(_rows(node.event, until(asked), asked, is_remembered=False)))
    low, high, _, _ = find_bounds(node.test, asked.calendar, asked.now)

    def matches(measure: Composable) -> Composable:
        held = SQL("(({} BETWEEN {} AND {}) IS TRUE)").format(measure, to_time(low), to_time(high))
        return held if node.did else SQL("(NOT {})").format(held)

    return Joined(_gather(found, last if node.which == "last" else first), matches)


def join_sequence(node: Sequence, asked: Question) -> Joined:
    """Found backwards, from what ends a sequence to what begins it; the measure is its newest beginning."""
    good = _times(node.steps[-1], asked)
    for number in range(len(node.steps) - 2, -1, -1):
        following = node.steps[number + 1]
        within = SQL("{} * interval '1 millisecond'").format(Literal(following.within_ms or 0))
        follows = SQL(
            "EXISTS (SELECT FROM ({}) AS later WHERE later.person = step.person AND later.at > step.at "
            "AND later.at <= step.at + {})"
        ).format(good, within)
        if not following.did:
            over = SQL("step.at + {} < {}").format(within, to_time(asked.now))
            follows = SQL("{} AND NOT {}").format(over, follows)
        good = SQL("SELECT step.person, step.at FROM ({}) AS step WHERE {}").format(
            _times(node.steps[number], asked), follows
        )
    low, high = compile_window(node.window, asked.calendar)(asked.now)
    table = SQL(
        "SELECT person, max(at) AS measure FROM ({}) AS begun WHERE at BETWEEN {} AND {} GROUP BY person"
    ).format(good, to_time(low), to_time(high))
    word = SQL("({} IS NOT NULL)" if node.did else "({} IS NULL)")
    return Joined(table, word.format)


def _measure(node: Did, asked: Question) -> Composable:
    """Counted, summed up or collected first for every profile that an event is archived under, which all cores do at
    once, then for the people these have become."""
    rows = _select(node, asked)
    if node.measure == "distinct":
        found = SQL("SELECT DISTINCT profile_id, item FROM {} CROSS JOIN LATERAL {} AS item").format(
            _from(rows), list_values(node.of or "")
        )
        return _gather(found, SQL("count(DISTINCT item)"))
    # Whole numbers of any size: many long lists add up to more than a float64 tells apart.
    measure = SQL("count(*)") if node.measure == "count" else SQL("sum(({})::bigint)").format(_amount(node.of))
    found = SQL("SELECT profile_id, {} AS part FROM {} GROUP BY profile_id").format(measure, _from(rows))
    return _gather(found, SQL("sum(part)"))


def _from(rows: Composable) -> Composable:
    return SQL("({}) AS event").format(rows)


def _gather(found: Composable, measure: Composable) -> Composable:
    return SQL(
        "SELECT coalesce(former.person, found.profile_id) AS person, {} AS measure FROM ({}) AS found "
        "LEFT JOIN former ON former.id = found.profile_id GROUP BY 1"
    ).format(measure, found)


def _select(node: Did, asked: Question) -> Composable:
    """The events that are measured."""
    if node.of not in (None, "value") and not asked.knows(node.event, node.of or ""):
        return _rows(node.event, FALSE, asked, is_remembered=False)
    if node.window is None:
        until = SQL("event.at <= {}").format(to_time(asked.now))
        return _rows(node.event, until, asked, is_remembered=False)
    low, high = compile_window(node.window, asked.calendar)(asked.now)
    return _remembered(node.event, low, high, node.where, asked)


def _times(step: Step, asked: Question) -> Composable:
    rows = _remembered(step.event, asked.now - RETENTION_MS, asked.now, step.where, asked)
    return SQL(
        "SELECT coalesce(former.person, event.profile_id) AS person, event.at FROM {} "
        "LEFT JOIN former ON former.id = event.profile_id"
    ).format(_from(rows))


def _remembered(event: str, low: int, high: int, where: tuple[Test, ...], asked: Question) -> Composable:
    inside = SQL("event.at BETWEEN {} AND {}").format(to_time(low), to_time(high))
    tests = [
        test_property(test, asked.calendar, asked.now) if asked.knows(event, test.name) else FALSE for test in where
    ]
    return _rows(event, join([inside, *tests], "AND"), asked, is_remembered=True)


def _rows(event: str, test: Composable, asked: Question, *, is_remembered: bool) -> Composable:
    """Archived events of one name; where somebody has more of them than is remembered, of each the newest."""
    named = SQL("event.name = {}").format(Literal(event))
    if not is_remembered or event not in asked.crowded:
        return _find(SQL("event.*"), join([named, test], "AND"), asked)
    found = _find(
        SQL("coalesce(former.person, event.profile_id) AS profile_id, event.at, event.value, event.properties"),
        join([named, until(asked), SQL("event.at >= {}").format(to_time(asked.now - RETENTION_MS))], "AND"),
        asked,
        SQL("LEFT JOIN former ON former.id = event.profile_id"),
    )
    return SQL(
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY profile_id ORDER BY at DESC) AS place FROM ({}) "
        "AS known) AS event WHERE place <= {} AND {}"
    ).format(found, Literal(asked.memory.limit), test)


def _find(columns: Composable, test: Composable, asked: Question, joined: Composable = NOTHING) -> Composable:
    """Archived events, those of some people alone: of their own ids, and of those they had before."""
    query = SQL("SELECT {} FROM profiles_archivedevent AS event {} WHERE {}").format(columns, joined, test)
    if asked.below is None and asked.above is None:
        return query
    of_them, before = is_asked("former.person", asked), is_asked("former.id", asked)
    former = SQL(
        "SELECT {} FROM former JOIN profiles_archivedevent AS event ON event.profile_id = former.id "
        "WHERE {} AND NOT {} AND {}"
    ).format(columns, of_them, before, test)
    return SQL("{} AND {} UNION ALL {}").format(query, is_asked("event.profile_id", asked), former)


def is_asked(column: str, asked: Question) -> Composable:
    """Whether an id lies where people are asked about."""
    bounds: list[Composable] = [SQL(f"{column} < {{}}").format(Literal(asked.below))] if asked.below is not None else []
    bounds += [SQL(f"{column} >= {{}}").format(Literal(asked.above))] if asked.above is not None else []
    return join(bounds, "AND")


def until(asked: Question) -> Composable:
    """What has been archived by the moment of the question, dated ahead or not."""
    return SQL("event.at <= {}").format(to_time(asked.now)) if asked.is_past else SQL("TRUE")


def _amount(of: str | None) -> Composable:
    """What an event adds to a sum, in ten-thousandths."""
    if of == "value":
        return SQL("segments_to_parts(event.value)")
    number = SQL("CASE WHEN jsonb_typeof({0}) = 'number' THEN segments_to_parts(({0})::float8) ELSE 0 END").format
    listed = SQL("(SELECT coalesce(sum({}), 0) FROM {} AS item)").format(number(SQL("item")), list_values(of or ""))
    name, dot, _ = (of or "").partition(".")
    if dot:
        return listed
    value = read_property(name)
    return SQL("CASE WHEN jsonb_typeof({}) = 'array' THEN {} ELSE {} END").format(value, listed, number(value))
