"""Seeded visitors of the demo shop: they browse by interest, fill baskets, order, sign in and come back. Pure."""

import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from personalization.shop import CATEGORIES, CURRENCY, Category, Product, products_of

Message = dict[str, Any]
Step = tuple[float, Message]  # seconds since the visitor's last step, and what is sent then

FIRST_NAMES = ("Anna", "Bram", "Chiara", "David", "Elif", "Femke", "Goran", "Hanna", "Ivo", "Jana", "Kofi", "Lena")
COUNTRIES = ("Netherlands", "Germany", "France", "Austria", "Ireland")
CAMPAIGNS = ("newsletter", "instagram", "search", "podcast")

FAVOURITE = 0.72  # share of views that fall into the visitor's favourite category
ADDS, ORDERS, REMOVES, SIGNS_IN, RETURNS, BOUNCES = 0.22, 0.55, 0.12, 0.3, 0.4, 0.25
READS_S, AWAY_S = (2.0, 14.0), (60.0, 600.0)


@dataclass
class Visitor:
    """One synthetic person in one browser; `user_id` is set once they have signed in."""

    number: int
    anonymous_id: str
    favourite: Category
    user_id: str | None = None
    basket: list[Product] = field(default_factory=list)

    def message(self, type: str, **fields: Any) -> Message:
        user = {"userId": self.user_id} if self.user_id else {}
        context = {"library": {"name": "simulation"}, "locale": "en"}
        return {"type": type, "anonymousId": self.anonymous_id, **user, "context": context, **fields}

    def track(self, event: str, **properties: Any) -> Message:
        return self.message("track", event=event, properties=properties)


def simulate(seed: int, crowd: int = 60) -> Iterator[Message]:
    """Messages without time or messageId, in the order in which `crowd` visitors at a time would send them.

    The same seed gives the same people doing the same things. Never ends; who sends them sets the pace.
    """
    chance = random.Random(seed)
    numbers = itertools.count(1)
    turns = itertools.count()  # breaks ties, so that visitors are never compared
    waiting: list[tuple[float, int, Visitor, Iterator[Step]]] = []

    def send_in(visitor: Visitor, at: float) -> None:
        heapq.heappush(waiting, (at, next(turns), visitor, visit(visitor, chance)))

    for _ in range(crowd):
        send_in(invent_visitor(next(numbers), seed, chance), chance.uniform(0, 30))
    while True:
        at, _, visitor, steps = heapq.heappop(waiting)
        step = next(steps, None)
        if step is not None:
            pause, message = step
            yield message
            heapq.heappush(waiting, (at + pause, next(turns), visitor, steps))
        elif chance.random() < RETURNS:
            send_in(visitor, at + chance.uniform(*AWAY_S))
        else:
            send_in(invent_visitor(next(numbers), seed, chance), at + chance.uniform(0, 10))


def invent_visitor(number: int, seed: int, chance: random.Random) -> Visitor:
    weights = range(len(CATEGORIES), 0, -1)  # some categories are more popular than others
    return Visitor(number, f"sim-{seed}-{number}", chance.choices(CATEGORIES, weights)[0])


def visit(visitor: Visitor, chance: random.Random) -> Iterator[Step]:
    """One visit, from the first page to leaving or ordering."""

    def pause() -> float:
        return chance.uniform(*READS_S)

    yield pause(), _open_home(visitor, chance)
    if chance.random() < BOUNCES:
        return
    for _ in range(chance.randint(2, 9)):
        product = _choose_product(visitor, chance)
        yield pause(), visitor.track("Product Viewed", **product.properties())
        if chance.random() < ADDS:
            visitor.basket.append(product)
            yield pause(), visitor.track("Product Added", **product.properties(), quantity=1)
    if visitor.basket and chance.random() < REMOVES:
        yield pause(), visitor.track("Product Removed", **visitor.basket.pop().properties())
    if visitor.user_id is None and chance.random() < SIGNS_IN:
        yield pause(), _sign_in(visitor, chance)
    if visitor.basket and chance.random() < ORDERS:
        yield pause(), _order(visitor, chance)


def _open_home(visitor: Visitor, chance: random.Random) -> Message:
    message = visitor.message("page", name="Home", properties={"path": "/demo/", "title": "Home"})
    if chance.random() < 0.35:
        message["context"] = {**message["context"], "campaign": {"source": chance.choice(CAMPAIGNS)}}
    return message


def _choose_product(visitor: Visitor, chance: random.Random) -> Product:
    category = visitor.favourite if chance.random() < FAVOURITE else chance.choice(CATEGORIES)
    return chance.choice(products_of(category))


def _sign_in(visitor: Visitor, chance: random.Random) -> Message:
    name = chance.choice(FIRST_NAMES)
    visitor.user_id = f"{visitor.anonymous_id}@example.com"
    traits = {"firstName": name, "email": visitor.user_id, "country": chance.choice(COUNTRIES)}
    return visitor.message("identify", traits=traits)


def _order(visitor: Visitor, chance: random.Random) -> Message:
    bought, visitor.basket = visitor.basket, []
    return visitor.track(
        "Order Completed",
        order_id=f"S{chance.getrandbits(40):010X}",
        revenue=round(sum(product.price for product in bought), 2),
        currency=CURRENCY,
        products=[{**product.properties(), "quantity": 1} for product in bought],
    )
