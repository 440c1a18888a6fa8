"""Ten moments of a real year: who is in a segment is the same whether pandas counts it from the file, the stream has
kept it, a browser works it out, the archive is asked, or the profile is folded anew."""

from collections.abc import Callable
from random import Random
from uuid import UUID

import pytest

from profiles.past import fold_past
from profiles.profile import unpack
from tests.real_data import needs_online_retail
from tests.retail.by_hand import DAY
from tests.retail.engines import (
    Members,
    ask_archive,
    ask_archive_then,
    ask_browser,
    ask_python,
    ask_stream,
    evaluate,
    read_profiles,
)
from tests.retail.replay import MEMORY
from tests.retail.segments import DEFINITIONS
from tests.retail.year import SEED, Year, find_id
from tests.segments.cases import to_instant

pytestmark = [needs_online_retail, pytest.mark.django_db, pytest.mark.timeout(600)]
TRAVELLERS = 20  # people looked at anew, at each moment

ENGINES: dict[str, Callable[[Year, int], Members]] = {
    "in the stream": lambda year, now: ask_stream(year.people[now]),
    "by the evaluator": lambda year, now: ask_python(year.people[now], now),
    "in the browser": lambda year, now: ask_browser(year.people[now], DEFINITIONS, now),
    "in the durable copies": lambda year, now: year.copied[now],
    "in the archive": lambda year, now: ask_archive_then(now),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_everybody_is_where_the_count_by_hand_has_them(year: Year, engine: str) -> None:
    differences = [
        line for now in year.moments for line in year.find_differences(engine, ENGINES[engine](year, now), now)
    ]
    assert not differences, "\n".join(differences)


def test_the_archive_says_the_same_of_now(year: Year) -> None:
    differences = year.find_differences("in the archive now", ask_archive(year.end), year.end)
    assert not differences, "\n".join(differences)


def test_everybody_of_the_file_has_a_profile_and_nobody_else(year: Year) -> None:
    for now in year.moments:
        known = year.shop.invoices[year.shop.invoices["at"] <= now]["person"]
        assert set(year.people[now]) == {*map(find_id, known)}


def test_the_moments_are_worth_asking_about(year: Year) -> None:
    """On both sides of each turn the answers differ, and no segment is always empty or has always everybody."""
    assert len(year.moments) == 10
    for turn in year.turns:
        for slug in turn.slugs:
            assert year.counted[turn.at - 1][slug] != year.counted[turn.at][slug]
    for slug in DEFINITIONS:
        sizes = [len(year.counted[now][slug]) for now in year.moments]
        assert max(sizes) > 0
        assert all(size < len(year.people[now]) for size, now in zip(sizes, year.moments, strict=True))


def test_people_come_and_go_to_the_millisecond(year: Year) -> None:
    """When somebody entered, as profiles tell it, is when the purchase was, or when the 60 days after it ended."""
    for now in year.moments:
        entered: dict[str, dict[UUID, int]] = {"outdoor": {}, "lapsed": {}}
        for id, profile in read_profiles(year.people[now]):
            for slug, at in profile.segments.items():
                if slug in entered:
                    entered[slug][id] = at
        orders = year.shop.orders[year.shop.orders["at"] <= now]
        last = orders.groupby("person")["at"].max() + 60 * DAY + 1
        assert entered["lapsed"] == {find_id(str(person)): int(at) for person, at in last[last <= now].items()}
        begun: dict[UUID, tuple[int, int]] = {}  # when somebody entered, and when they last bought outdoor gear
        for person, at in orders[orders["outdoor"]][["person", "at"]].itertuples(index=False):
            since, before = begun.get(find_id(person), (at, at))
            begun[find_id(person)] = (since if at - before <= 60 * DAY else at, at)
        assert entered["outdoor"] == {id: since for id, (since, at) in begun.items() if now - at <= 60 * DAY}


def test_a_profile_of_the_past_is_the_one_of_then(year: Year) -> None:
    """Time travel, for some people by chance: what is folded from the archive is what was stored at that moment."""
    for now in year.moments:
        for id in Random(SEED).sample(sorted(year.people[now]), TRAVELLERS):
            then, stored = fold_past(id, now, MEMORY), unpack(year.people[now][id])
            assert (then.events, then.traits) == (stored.events, stored.traits)
            assert (then.first_seen, then.last_seen, then.user_id) == (
                stored.first_seen,
                stored.last_seen,
                stored.user_id,
            )
            counted = {slug for slug, members in year.counted[now].items() if id in members}
            assert evaluate(then, now).keys() == counted, (year.names[id], to_instant(now))
