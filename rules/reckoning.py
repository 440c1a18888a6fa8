"""What people were granted and how often rules counted for them, as PostgreSQL has it, held against the tallies in
Redis that decisions look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from profiles.models import MergeRecord
from profiles.organisation import read_organisation
from rules.definitions import Cap
from rules.models import Book, Grant
from rules.tally import GRANT, PERSON, name_counter, name_period
from segments.conditions.calendar import Calendar

LONGEST = timedelta(days=8)  # a week, wherever its Monday is
JUDGED = ("day", "week", "campaign")  # an hour is over before anybody could mend it
CAMPAIGN = "campaign"

# Rules that were shown, by Book and in pieces of time that no day of any zone begins within.
_SHOWN = """
SELECT decision.profile_id, decision.book, shown.rule,
  date_bin('15 minutes', decision.at, 'epoch'::timestamptz), count(*)
FROM rules_decision AS decision
CROSS JOIN LATERAL jsonb_to_recordset(decision.answers) AS shown (rule text, reason text, held boolean)
WHERE decision.profile_id = ANY(%s::uuid[]) AND decision.at >= %s AND shown.reason = 'rule_matched' AND NOT shown.held
AND (decision.book, shown.rule) IN (SELECT * FROM unnest(%s::int[], %s::text[])) GROUP BY 1, 2, 3, 4
"""

Wrong = dict[str, tuple[str | None, str | None]]  # by name, what was found and what is expected; None: nothing


@dataclass
class Reckoned:
    """Of one person: by the name of a grant the code of the first one, and the codes of all, as profiles that became
    one may have had one each; and how often the rules of this day, week or campaign counted.

    `is_sure` is False of those who were parted: a tally is not parted."""

    first: dict[str, str] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    is_sure: bool = True


@dataclass(frozen=True)
class Caps:
    """What can be told of counters at a moment: by Book its capped rules, the names of periods that are not over, and
    whether the archive of decisions goes back to the first Book (else a campaign counted more than it knows)."""

    books: Mapping[int, tuple[Calendar, Mapping[str, tuple[Cap, ...]]]]
    calendar: Calendar
    now: int
    is_whole: bool

    def judges(self, counter: str) -> bool:
        kind, per, period = counter[:2], *counter.rsplit(":", 2)[1:]
        return kind == PERSON and per in JUDGED and period == name_period(per, self.now, self.calendar)  # type: ignore[arg-type]  # checked just before


def read_caps(now: int) -> Caps:
    """At a moment in Unix milliseconds."""
    found, calendar = {}, Calendar("UTC")
    books = Book.objects.order_by("number").values_list("number", "payload__rules", "payload__zone")
    for number, rules, zone in books.iterator(chunk_size=50):
        calendar = Calendar(zone or "UTC")
        caps = {rule["slug"]: _read_own(rule) for rule in rules or ()}
        if capped := {slug: own for slug, own in caps.items() if own}:
            found[number] = (calendar, capped)
    first = Book.objects.order_by("number").values_list("published", flat=True).first()
    forgotten = datetime.fromtimestamp(now / 1_000, UTC) - timedelta(days=read_organisation().decisions_days)
    return Caps(found, calendar, now, first is None or first >= forgotten)


def reckon(people: Mapping[str, str], caps: Caps) -> dict[str, Reckoned]:
    """What persons were granted and had counted, under any of their ids: `people` says whose each id is, both in
    hexadecimal."""
    found = {person: Reckoned() for person in people.values()}
    ids = [UUID(id) for id in people]
    for parted in _list_parted(ids):
        found[people[parted]].is_sure = False
    _add_grants(found, people, ids)
    for id, name, times in _list_counted(ids, caps):
        found[people[id]].counts[name] += times
    return found


def find_wrong(reckoned: Reckoned, tally: Mapping[str, str], caps: Caps) -> Wrong:
    """What of a tally is not as it should be."""
    if not reckoned.is_sure:
        return {}
    wrong: Wrong = {}
    granted = {name: code for name, code in tally.items() if name.startswith(GRANT)}
    for name in granted.keys() | reckoned.codes.keys():
        code = granted.get(name)
        if code is None or code not in reckoned.codes.get(name, ()):
            wrong[name] = (code, reckoned.first.get(name))
    counted = {name for name in tally if name.startswith(PERSON) and caps.judges(name)}
    for name in counted | reckoned.counts.keys():
        times, expected = int(tally.get(name, 0)), reckoned.counts[name]
        knows_all = caps.is_whole or not name.endswith(f":{CAMPAIGN}:")
        if times < expected or (times > expected and knows_all):
            wrong[name] = (tally.get(name), str(expected) if expected else None)
    return wrong


def _add_grants(found: Mapping[str, Reckoned], people: Mapping[str, str], ids: Sequence[UUID]) -> None:
    own: set[tuple[str, str]] = set()
    grants = Grant.objects.filter(profile_id__in=ids).order_by("at", "pk")
    for id, offer, period, code in grants.values_list("profile_id", "offer", "period", "code"):
        person, name = people[id.hex], f"{GRANT}{offer}:{period}"
        reckoned, is_own = found[person], id.hex == person
        reckoned.codes.setdefault(name, set()).add(code)
        if name not in reckoned.first or (is_own and (person, name) not in own):
            reckoned.first[name] = code
        if is_own:
            own.add((person, name))


def _list_counted(ids: Sequence[UUID], caps: Caps) -> list[tuple[str, str, int]]:
    """Whose, which counter, and how often more."""
    pairs = [(number, rule) for number, (_, rules) in caps.books.items() for rule in rules]
    if not pairs:
        return []
    each = [cap for _, rules in caps.books.values() for own in rules.values() for cap in own]
    is_long = any(cap.per == CAMPAIGN for cap in each)
    since = datetime(1970, 1, 1, tzinfo=UTC) if is_long else datetime.fromtimestamp(caps.now / 1_000, UTC) - LONGEST
    with connection.cursor() as cursor:
        cursor.execute(_SHOWN, [list(ids), since, [number for number, _ in pairs], [rule for _, rule in pairs]])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    counted = []
    for id, book, rule, at, times in rows:
        calendar, rules = caps.books[book]
        names = [name_counter(rule, cap, round(at.timestamp() * 1_000), calendar) for cap in rules[rule]]
        counted += [(id.hex, name, times) for name in names if caps.judges(name)]
    return counted


def _read_own(rule: Mapping[str, Any]) -> tuple[Cap, ...]:
    """The caps of a rule that count for each person."""
    return tuple(cap for cap in msgspec.convert(rule.get("caps") or [], list[Cap]) if cap.of == "person")


def _list_parted(ids: Sequence[UUID]) -> set[str]:
    undone = MergeRecord.objects.exclude(undone=None)
    losers = undone.filter(loser_id__in=ids).values_list("loser_id", flat=True)
    return {id.hex for id in losers.union(undone.filter(winner_id__in=ids).values_list("winner_id", flat=True))}
