"""A page seen as somebody: at any moment, by the Book or the draft, with nothing counted, granted or recorded."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from personalization.sealing import BadToken, ExpiredToken, Sealer
from personalization.visiting import PARAMETER, VISIT_MS, Visit, Visits, make_link
from personalization.wiring import read_memory
from profiles import keys
from profiles.event import derive_profile_id
from rules.actions import publish_book
from rules.models import Block, Offer, Rule, Slot
from segments.models import Segment
from tests.builds.conftest import Engine

ANNA = derive_profile_id("a:anna")
RECENT = {
    "v": 1,
    "root": {
        "id": "r",
        "kind": "event",
        "event": "Product Viewed",
        "op": "at_least",
        "value": 1,
        "window": {"last": 2, "unit": "days"},
    },
}
DAY = 86_400_000


@pytest.fixture
def shop(engine: Engine) -> Engine:
    """Who has viewed something in the last two days is shown a rule with a cap of one and a code."""
    Segment.objects.create(slug="recent", name="Recent", condition=RECENT)
    slot = Slot.objects.create(slug="hero", name="Hero")
    offer = Offer.objects.create(slug="ten", name="10%", kind="code")
    member = {"v": 1, "root": {"id": "s", "kind": "segment", "segment": "recent"}}
    for slug, priority, more in (("sale", 9, {"condition": member, "offer": offer}), ("usual", 1, {})):
        block = Block.objects.create(slug=f"{slug}-block", name=slug, source=f"<b>{slug}</b>")
        Rule.objects.create(slug=slug, name=slug, slot=slot, block=block, priority=priority, **more)
    Rule.objects.filter(slug="sale").update(caps=[{"most": 1, "per": "day", "of": "person"}])
    publish_book(by=None, at=timezone.now())
    engine.build()
    return engine


class Clock:
    def __init__(self) -> None:
        self.now = int(timezone.now().timestamp() * 1_000)

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visits(shop: Engine, clock: Clock) -> Visits:
    return Visits(sealer=Sealer(["secret"]), client=shop.client, memory=read_memory, clock=clock)


def shown(visits: Visits, profile_id: str | None = None, at: int | None = None, **more: Any) -> str | None:
    visit = Visit(profile_id, at, more.get("draft", False), "anna")
    return visits.answer(visit, ["hero"], {}).slots["hero"].rule


def test_the_page_is_seen_as_somebody_was_is_and_will_be(shop: Engine, visits: Visits, clock: Clock) -> None:
    shop.send("Product Viewed", people=["anna"], at=clock.now - DAY, received=clock.now)
    assert shown(visits, ANNA) == "sale"
    assert shown(visits, ANNA, at=clock.now - DAY - 1) == "usual"
    assert shown(visits, ANNA, at=clock.now - DAY) == "sale"
    assert shown(visits, ANNA, at=clock.now + DAY) == "sale"
    assert shown(visits, ANNA, at=clock.now + DAY + 1) == "usual"
    assert shown(visits, None) == "usual"


def test_nothing_is_counted_granted_or_recorded(shop: Engine, visits: Visits) -> None:
    shop.send("Product Viewed", people=["anna"])
    shop.client.rpush(keys.codes("ten"), "REAL")
    before = {name: shop.client.dump(name) for name in shop.client.scan_iter("pz:*") if b"lease" not in name}
    for _ in range(3):
        answer = visits.answer(Visit(ANNA, None, False, ""), ["hero"], {})
        assert answer.slots["hero"].offer is not None and answer.slots["hero"].offer.code == "SAMPLE-CODE"
    after = {name: shop.client.dump(name) for name in shop.client.scan_iter("pz:*") if b"lease" not in name}
    assert after == before


def test_the_draft_is_seen_before_it_is_published(shop: Engine, visits: Visits) -> None:
    Rule.objects.filter(slug="usual").update(live=False)
    assert (shown(visits), shown(visits, draft=True)) == ("usual", None)


def test_audiences_are_those_that_are_drafted(shop: Engine, visits: Visits, clock: Clock) -> None:
    """A new one and a changed one count as if they had been published; what only the Book says stays out."""
    root: dict[str, Any] = {"kind": "event", "event": "Product Viewed", "op": "at_least", "value": 1, "id": "r"}
    viewed = {**root, "window": {"last": 60, "unit": "days"}}
    Segment.objects.create(slug="ever", name="Ever", condition={"v": 1, "root": viewed})
    Segment.objects.filter(slug="recent").update(condition={"v": 1, "root": {**viewed, "value": 99}})
    asks = {"v": 1, "root": {"id": "s", "kind": "segment", "segment": "ever"}}
    Rule.objects.create(
        slug="new",
        name="New",
        priority=5,
        slot=Slot.objects.get(),
        block=Block.objects.create(slug="new", name="New", source="<b>new</b>"),
        condition=asks,
    )
    shop.send("Product Viewed", people=["anna"], at=clock.now - DAY, received=clock.now)
    assert (shown(visits, ANNA), shown(visits, ANNA, draft=True)) == ("sale", "new")


def test_a_link_is_the_pages_own_address_for_an_hour_and_cannot_be_changed(visits: Visits, clock: Clock) -> None:
    visit = Visit(ANNA, 5, True, "anna")
    link = make_link("https://shop.example/a?x=1&pz_visit=old#top", visit, sealer=Sealer(["secret"]), now=clock.now)
    parts = urlsplit(link)
    query = parse_qs(parts.query)
    assert (parts.netloc, parts.path, parts.fragment, query["x"]) == ("shop.example", "/a", "top", ["1"])
    (token,) = query[PARAMETER]
    assert visits.open(token) == visit
    assert ANNA not in link
    with pytest.raises(BadToken):
        visits.open(token[:-2] + ("AA" if not token.endswith("AA") else "BB"))
    clock.now += VISIT_MS
    with pytest.raises(ExpiredToken):
        visits.open(token)


def test_a_person_is_seen_in_the_past_of_the_archive(shop: Engine, visits: Visits, clock: Clock) -> None:
    """Also a person whose present profile says nothing of it any more."""
    shop.send("Product Viewed", people=["anna"], at=clock.now - 30 * DAY, received=clock.now - 30 * DAY)
    shop.client.delete(keys.profile(ANNA))
    moment = datetime.fromtimestamp((clock.now - 29 * DAY) / 1_000, UTC)
    assert shown(visits, ANNA, at=int(moment.timestamp() * 1_000)) == "sale"
