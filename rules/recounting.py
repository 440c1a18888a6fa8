"""What decisions have counted and granted, by their archive: tallies and totals as Redis should hold them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from rules.definitions import Cap
from rules.reckoning import knows_all_decisions
from rules.shown import count_shown, find_start, read_capped, read_rows
from rules.tally import GRANT, KEPT_MS
from rules.totals import name_counters

# Not every decision is kept, for ever or for a person who was erased; but each says what it found counted before it, to
# which it may have added one itself.
_COUNT = """found.value::bigint + (EXISTS (
  SELECT FROM jsonb_to_recordset(decision.answers) AS shown (rule text, reason text, held boolean)
  WHERE shown.rule = split_part(found.key, ':', 2) AND shown.reason = 'rule_matched' AND NOT shown.held
))::int"""
_FOUND = f"""
SELECT NULL::uuid, found.key, max({_COUNT})
FROM rules_decision AS decision CROSS JOIN LATERAL jsonb_each_text(decision.facts -> 'counts') AS found
WHERE decision.at >= %(since)s AND found.key = ANY(%(names)s) GROUP BY found.key
"""  # noqa: S608  # our own words
# The same of counters of a person: a decision that finds one finds all of them, and the last ones find the most.
_FOUND_LAST = f"""
SELECT person.profile_id, found.key, max({_COUNT})
FROM (SELECT DISTINCT profile_id FROM rules_decision WHERE profile_id IS NOT NULL) AS person
CROSS JOIN LATERAL (
  SELECT answers, facts FROM rules_decision AS known
  WHERE known.profile_id = person.profile_id AND known.facts -> 'counts' ?| %(names)s ORDER BY known.at DESC LIMIT 5
) AS decision
CROSS JOIN LATERAL jsonb_each_text(decision.facts -> 'counts') AS found
WHERE found.key = ANY(%(names)s) GROUP BY 1, 2
"""  # noqa: S608
FIRST = datetime.min.replace(tzinfo=UTC)
_GRANTED = "SELECT profile_id, offer, period, code FROM rules_grant ORDER BY at, id"


class Counted(NamedTuple):
    """A counter (rules.tally), and whose: the id of a profile, None of everybody."""

    profile_id: str | None
    name: str
    times: int


class Granted(NamedTuple):
    profile_id: str
    name: str
    code: str


def count_decisions(now: int) -> Iterator[Counted]:
    """What to add up: a counter may come more than once. Those whose period is over at `now` (Unix milliseconds) are
    left out."""
    everybody: Counter[str] = Counter()
    for counted in count_shown(read_capped(), now):
        if counted.cap.of == "everybody":
            everybody[counted.name] += counted.times
        elif counted.profile_id is not None:
            yield Counted(counted.profile_id.hex, counted.name, counted.times)
    for name, times in everybody.items():
        yield Counted(None, name, times)


def list_found(now: int) -> Iterator[Counted]:
    """Counters as decisions have found them, where more may have counted than is kept: at least so much was."""
    totals = name_counters(read_capped(of="everybody"), now)
    missing = _list_long(totals)
    for counted in _find(_FOUND, totals, find_start(now)):  # whoever decided last has found the most
        missing.discard(counted.name)
        yield counted
    yield from _find(_FOUND, missing, FIRST)
    if not knows_all_decisions(now):
        yield from _find(_FOUND_LAST, _list_long(name_counters(read_capped(of="person"), now)), FIRST)


def _list_long(counters: Mapping[str, Cap]) -> set[str]:
    """Those that are as old as a campaign."""
    return {name for name, cap in counters.items() if cap.per == "campaign"}


def _find(query: str, names: Collection[str], since: datetime) -> Iterator[Counted]:
    if not names:
        return
    for profile_id, name, count in read_rows(query, {"since": since, "names": sorted(names)}):
        yield Counted(None if profile_id is None else profile_id.hex, name, count)


def list_granted() -> Iterator[Granted]:
    """Grants, the first ones first."""
    for profile_id, offer, period, code in read_rows(_GRANTED, {}):
        yield Granted(profile_id.hex, f"{GRANT}{offer}:{period}", code)


def kept_ms(name: str) -> int:
    """How long a counter of everybody is kept after its last use, 0 for ever."""
    return KEPT_MS[name.split(":")[2]]  # type: ignore[index]  # as rules.tally names counters
