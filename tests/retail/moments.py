"""The moments at which everybody is asked: some by chance, some on an edge and the millisecond before it."""

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from tests.retail.by_hand import DAY, Shop, start_of

SUMMER = [f"2011-{month:02}-01" for month in range(5, 11)]  # months that begin an hour before they do in UTC


class Turn(NamedTuple):
    """Somebody enters or leaves each of the segments at `at`, and nobody did in the millisecond before it."""

    slugs: tuple[str, ...]
    at: int


def pick_turns(shop: Shop, chance: Random) -> list[Turn]:
    """One of each kind: somebody's last purchase leaves a window, a month begins, the wait for an order is over."""
    outdoor = shop.orders[shop.orders["outdoor"]]["at"] + 60 * DAY + 1
    return [
        _find_turn(shop, chance, outdoor, "outdoor", "lapsed", "quiet"),
        _find_turn(shop, chance, map(start_of, SUMMER), "outdoor-regulars"),
        _find_turn(shop, chance, shop.refunds["at"] + 30 * DAY + 1, "disappointed"),
    ]


def pick_moments(shop: Shop, turns: Iterable[Turn], chance: Random) -> list[int]:
    """Both sides of each turn, three moments of the year, and one when all has happened; in their order."""
    first, last = int(shop.invoices["at"].min()), int(shop.invoices["at"].max())
    anywhere = [chance.randint(first, last) for _ in range(3)]
    sides = [at for turn in turns for at in (turn.at - 1, turn.at)]
    return sorted([*sides, *anywhere, last + chance.randint(0, DAY)])


def _find_turn(shop: Shop, chance: Random, candidates: Iterable[int], *slugs: str) -> Turn:
    last = int(shop.invoices["at"].max())
    moments = sorted({int(at) for at in candidates if at <= last})
    chance.shuffle(moments)
    for at in moments:
        before, then = shop.ask(at - 1), shop.ask(at)
        if all(before[slug] != then[slug] for slug in slugs):
            return Turn(slugs, at)
    raise AssertionError(f"nobody ever enters or leaves {' and '.join(slugs)} at once")
