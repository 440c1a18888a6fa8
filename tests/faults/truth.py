"""The truth recomputed from what clients saw acknowledged, and what is stored held against it."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from profiles import keys
from profiles.event import anonymous_key, derive_profile_id
from profiles.profile import PARTS, Profile, unpack
from tests.faults.journal import Journal
from tests.faults.traffic import NAME
from tests.stories.inside import Inside

SHOWN = 5  # of what is wrong
PATIENCE_S = 120.0  # with a machine that has other things to do


def settle(inside: Inside, patience: float = PATIENCE_S) -> float:
    """Waits until everything that was sent has been processed and archived; seconds that it took."""
    started = time.monotonic()
    while waiting := inside.list_waiting():
        assert time.monotonic() - started < patience, f"not through within {patience:g} s: {'; '.join(waiting)}"
        time.sleep(0.05)
    return time.monotonic() - started


def check_delivery(inside: Inside, journal: Journal, people: Sequence[str], *, ordered: bool = True) -> None:
    """0 lost, 0 doubled, in order: in the archive, in hot profiles and in their durable copies. Each of `people` is
    known by an anonymousId alone; everything that was sent must have been acknowledged by now."""
    assert not journal.unanswered, f"{len(journal.unanswered)} messages were never answered"
    wanted = Counter(journal.acknowledged.keys())
    numbers: dict[str, list[int]] = defaultdict(list)
    stored: Counter[str] = Counter()
    for id, person, number in read_archive(inside, people):
        stored[id] += 1
        numbers[person].append(number)
    _compare("archived messages", wanted, stored)
    if ordered:
        late = [person for person, seen in numbers.items() if seen != sorted(seen)]
        assert not late, f"archived out of order: {late[:SHOWN]} of {len(late)}"
    counts, sums = fold_truth(journal)
    for where, found in (("hot profiles", hot_profiles(inside, people)), ("stored", stored_profiles(inside, people))):
        _compare(f"events counted in {where}", counts, {id: each.events[NAME].count for id, each in found.items()})
        _compare(f"sums in {where}", sums, {id: each.events[NAME].total / PARTS for id, each in found.items()})


def fold_truth(journal: Journal) -> tuple[dict[str, int], dict[str, float]]:
    """Of each person: how many acknowledged events, and the sum of their values."""
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for message in journal.acknowledged.values():
        counts[message["anonymousId"]] += 1
        sums[message["anonymousId"]] += message["properties"]["value"]
    return dict(counts), {person: float(total) for person, total in sums.items()}


def read_archive(inside: Inside, people: Sequence[str]) -> list[tuple[str, str, int]]:
    """Message, person and number of each archived event, in the order in which they were applied."""
    return inside.ask(
        "SELECT message_id, anonymous_id, (properties->>'number')::int FROM profiles_archivedevent"
        " WHERE anonymous_id = ANY(%s) ORDER BY id",
        list(people),
    )


def hot_profiles(inside: Inside, people: Sequence[str]) -> dict[str, Profile]:
    names = [anonymous_key(person) for person in people]
    links: Any = inside.redis.mget([keys.identifier(name) for name in names])
    ids = [link.decode() if link else derive_profile_id(name) for name, link in zip(names, links, strict=True)]
    states: Any = inside.redis.mget([keys.profile(id) for id in ids])
    return {person: unpack(state) for person, state in zip(people, states, strict=True) if state}


def stored_profiles(inside: Inside, people: Sequence[str]) -> dict[str, Profile]:
    names = [anonymous_key(person) for person in people]
    links = dict(inside.ask("SELECT key, profile_id FROM profiles_identifier WHERE key = ANY(%s)", names))
    ids = {UUID(str(links.get(name, derive_profile_id(name)))): name for name in names}
    rows = inside.ask("SELECT id, state FROM profiles_storedprofile WHERE id = ANY(%s)", list(ids))
    return {ids[id].partition(":")[2]: unpack(state) for id, state in rows}


def _compare(what: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    wrong = {
        key: (wanted.get(key, 0), found.get(key, 0))
        for key in {**wanted, **found}
        if wanted.get(key, 0) != found.get(key, 0)
    }
    shown = dict(sorted(wrong.items())[:SHOWN])
    assert not wrong, f"{what}: {len(wrong)} of {len(wanted)} differ (wanted, found): {shown}"
