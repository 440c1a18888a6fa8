"""Made-up people for benchmarks: seeded events of a shop, segments of the usual kinds, profiles of a given size."""

import random
import time
from collections.abc import Mapping
from typing import Any

from ingestion.steps import Definitions
from profiles.event import Event, anonymous_key, derive_profile_id
from profiles.profile import Memory, Profile, fold
from segments.membership import compile_segments
from segments.roster import Roster, Version

NAMES = {
    "Page Viewed": 30,
    "Product Viewed": 40,
    "Product List Viewed": 5,
    "Products Searched": 5,
    "Product Added": 8,
    "Cart Viewed": 3,
    "Checkout Started": 3,
    "Coupon Entered": 1,
    "Product Clicked": 3,
    "Order Completed": 2,
}
CATEGORIES = ("Outdoor", "Summer", "Home", "Kitchen", "Sport", "Audio")
MEMORY = Memory(indexed=dict.fromkeys(NAMES, ("category", "product_id", "price")))
CONTEXT: dict[str, Any] = {
    "page": {
        "url": "https://shop.example/p/1",
        "path": "/p/1",
        "referrer": "https://shop.example/",
        "title": "Shop",
        "search": "",
    },
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
    "locale": "en-GB",
    "timezone": "Europe/London",
    "library": {"name": "pz.js", "version": "1"},
}


def properties(chance: random.Random) -> dict[str, Any]:
    return {
        "product_id": f"p{chance.randrange(100)}",
        "category": chance.choice(CATEGORIES),
        "price": chance.randrange(1_000) / 10,
        "name": "A product of the shop",
        "currency": "GBP",
    }


def events(count: int, people: int, seed: int) -> list[Event]:
    """`count` events of the last hour by `people` visitors, in the order of their making."""
    chance = random.Random(seed)
    now = time.time_ns() // 1_000_000
    names, weights = list(NAMES), list(NAMES.values())
    return [
        Event(
            id=f"{seed}-{number}-0b5f3c2e-7d1a-4a7e",
            source="shop",
            type="track",
            name=chance.choices(names, weights)[0],
            at=now - chance.randrange(3_600_000),
            received=now,
            anonymous_id=f"visitor-{chance.randrange(people)}",
            properties=properties(chance),
            context=CONTEXT,
        )
        for number in range(count)
    ]


def segments(count: int) -> dict[str, Any]:
    """Definitions in four kinds: counts in a window, filtered counts, bought not, and either trait or behaviour."""
    return {f"segment-{number}": {"v": 1, "root": _segment(number)} for number in range(count)}


def _segment(number: int) -> dict[str, Any]:
    names = list(NAMES)
    window = {"last": 1 + number % 30, "unit": "days"}
    did = {
        "id": "did",
        "kind": "event",
        "event": names[number % len(names)],
        "op": "at_least",
        "value": 1 + number % 5,
        "window": window,
    }
    match number % 4:
        case 0:
            return did
        case 1:
            return {**did, "where": [{"property": "category", "op": "is", "value": CATEGORIES[number % 6]}]}
        case 2:
            week = {"last": 7, "unit": "days"}
            bought = {"id": "not", "kind": "event", "did": False, "event": "Order Completed", "window": week}
            return {"id": "both", "kind": "and", "children": [did, bought]}
        case _:
            trait = {"id": "from", "kind": "trait", "trait": "country", "op": "in", "value": ["GB", "IE"]}
            return {"id": "either", "kind": "or", "children": [did, trait]}


def roster(conditions: Mapping[str, Any]) -> Roster:
    """A roster in which these segments answer."""
    versions = [Version(segment=slug, version=1, condition=tree) for slug, tree in conditions.items()]
    answers = {each.segment: each.key for each in versions}
    return Roster(number=1, versions=tuple(versions), answers=answers, coming=answers)


def definitions(count: int) -> Definitions:
    return Definitions(MEMORY, compile_segments(segments(count)))


def profile(visitor: str, size: int, seed: int = 1) -> Profile:
    """A visitor with `size` events behind them, at the profile their anonymousId stands for."""
    key = anonymous_key(visitor)
    lived = Profile(id=derive_profile_id(key), identifiers=(key,))
    for event in events(size, 1, seed):
        lived = fold(lived, event, MEMORY)
    return lived
