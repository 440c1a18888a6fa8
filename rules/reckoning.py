"""What people were granted and how often rules counted for them, as PostgreSQL has it, held against the tallies in
Redis that decisions look at."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from profiles.models import MergeRecord
from profiles.organisation import read_organisation
from rules.crediting import find_miscredited
from rules.models import Book, Grant
from rules.shown import Capped, count_shown, read_capped
from rules.tally import GRANT, KEPT_MS, PERSON, name_period
from segments.conditions.calendar import Calendar

NUMBER = re.compile(r"[0-9]{1,15}")
CAMPAIGN = "campaign"

Wrong = dict[str, tuple[str | None, str | None]]  # by name, what was found and what is expected; None: nothing


@dataclass
class Reckoned:
    """Of one person: by the name of a grant the code of the first one, and the codes of all, as profiles that became
    one may have had one each; how often the rules of this hour, day, week or campaign counted; and of points, by the
    keys of their entries, those credited and those granted where they differ.

    `ids` are the profiles the person has been. `is_sure` is False of those who were parted: a tally is not parted."""

    first: dict[str, str] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    points: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    ids: list[UUID] = field(default_factory=list)
    is_sure: bool = True


@dataclass(frozen=True)
class Caps:
    """What can be told of counters at a moment: by Book its capped rules, the names of periods that are not over, and
    whether the archive of decisions goes back to the first Book (else a campaign counted more than it knows)."""

    books: Mapping[int, Capped]
    calendar: Calendar
    now: int
    is_whole: bool

    def judges(self, counter: str) -> bool:
        kind, per, period = counter[:2], *counter.rsplit(":", 2)[1:]
        return kind == PERSON and per in KEPT_MS and period == name_period(per, self.now, self.calendar)


def read_caps(now: int) -> Caps:
    """At a moment in Unix milliseconds."""
    zone = Book.objects.order_by("-number").values_list("payload__zone", flat=True).first()
    return Caps(read_capped(of="person"), Calendar(zone or "UTC"), now, knows_all_decisions(now))


def knows_all_decisions(now: int) -> bool:
    """Whether the archive of decisions goes back to the first Book."""
    first = Book.objects.order_by("number").values_list("published", flat=True).first()
    forgotten = datetime.fromtimestamp(now / 1_000, UTC) - timedelta(days=read_organisation().decisions_days)
    return first is None or first >= forgotten


def reckon(people: Mapping[str, str], caps: Caps) -> dict[str, Reckoned]:
    """What persons were granted and had counted, under any of their ids: `people` says whose each id is, both in
    hexadecimal."""
    found = {person: Reckoned() for person in people.values()}
    ids = [UUID(id) for id in people]
    for id, person in people.items():
        found[person].ids.append(UUID(id))
    for parted in _list_parted(ids):
        found[people[parted]].is_sure = False
    _add_grants(found, people, ids)
    for wrong in find_miscredited(ids):
        found[people[wrong.profile_id.hex]].points[wrong.key] = (wrong.found, wrong.granted)
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
        said, expected = tally.get(name, "0"), reckoned.counts[name]
        times = int(said) if NUMBER.fullmatch(said) else -1
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


def _list_counted(ids: Sequence[UUID], caps: Caps) -> Iterator[tuple[str, str, int]]:
    """Whose, which counter, and how often more."""
    for counted in count_shown(caps.books, caps.now, whose=ids):
        assert counted.profile_id is not None  # as was asked for
        if caps.judges(counted.name):
            yield counted.profile_id.hex, counted.name, counted.times


def _list_parted(ids: Sequence[UUID]) -> set[str]:
    undone = MergeRecord.objects.exclude(undone=None)
    losers = undone.filter(loser_id__in=ids).values_list("loser_id", flat=True)
    return {id.hex for id in losers.union(undone.filter(winner_id__in=ids).values_list("winner_id", flat=True))}
