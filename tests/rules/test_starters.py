"""Templates make whole drafts that publish as they are, for exactly the people they name."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User

from ingestion.ecommerce import INDEXED, OTHERWISE
from profiles.event import Event
from profiles.profile import Memory, Profile, fold
from rules.actions import publish_book
from rules.book import LiveBook, load_book
from rules.codes import generate_codes
from rules.engine import Choice, Facts, choose
from rules.models import Block, Offer, Revision, Rule, Slot
from rules.queries import list_draft_changes, list_warnings
from rules.render import Seen, render_block
from rules.starters import STARTERS, DoesNotFit, Starter, UnknownStarter, apply_starter
from segments.membership import compile_segments
from segments.models import Segment

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
NOW = int(AT.timestamp() * 1000)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MEMORY = Memory(indexed=INDEXED, otherwise=OTHERWISE)
NAMES = [starter.name for starter in STARTERS]


@pytest.fixture
def hero() -> Slot:
    return Slot.objects.create(slug="hero", name="Hero")


def at(ago: int, name: str, **properties: Any) -> Event:
    moment = NOW - ago
    return Event(
        id="m", source="shop", type="track", name=name, at=moment, received=moment, user_id="ann", properties=properties
    )


def live(name: str, hero: Slot) -> LiveBook:
    """A template, made live and published."""
    rule = apply_starter(name, slot=hero, by=None, at=AT)
    if rule.offer is not None and rule.offer.kind == Offer.Kind.CODE:
        generate_codes(rule.offer, count=10, at=AT)
    Rule.objects.update(live=True)
    Segment.objects.update(live=True)
    payload = publish_book(by=None, at=AT).payload
    book = load_book(msgspec.json.encode(payload))
    assert list_warnings(book.payload) == []
    return book


def ask(book: LiveBook, *events: Event, now: int = NOW) -> Choice:
    """What somebody sees who did this, as the processor puts them into segments and the read path chooses."""
    person = Profile(id="0a" * 16, user_id="ann")
    for event in sorted(events, key=lambda event: event.at):
        person = fold(person, event, MEMORY)
    segments = compile_segments({each.slug: each.condition for each in book.payload.segments})
    person = msgspec.structs.replace(person, segments=dict(segments.evaluate(person, now).segments))
    return choose(book.book, "hero", Facts(person, {}, now, stock=dict.fromkeys(book.payload.offers, 5)))


def sees(book: LiveBook, *events: Event, now: int = NOW) -> bool:
    return ask(book, *events, now=now).rule is not None


def viewed(ago: int, category: str = "Summer apparel") -> Event:
    return at(ago, "Product Viewed", category=category)


def orders(*ago: int) -> Iterator[Event]:
    return (at(each, "Order Completed", order_id=str(each)) for each in ago)


def pages(*ago: int) -> Iterator[Event]:
    return (at(each, "Page Viewed") for each in ago)


def test_browsing_summer_apparel_in_the_last_7_days_gets_a_code(hero: Slot) -> None:
    book = live("summer-sale", hero)
    assert sees(book, viewed(0))
    assert sees(book, viewed(7 * DAY))
    assert not sees(book, viewed(7 * DAY + 1))
    assert not sees(book, viewed(0, "Winter apparel"))
    assert not sees(book, at(0, "Product Added", category="Summer apparel"))
    choice = ask(book, viewed(7 * DAY))
    assert choice.grant is not None
    assert (choice.grant[1].slug, choice.grant[1].said.kind) == ("summer-sale", "code")


@pytest.mark.parametrize(
    ("name", "kind", "points"), [("loyalty-points", "points", 100), ("early-access", "early_access", 0)]
)
def test_more_than_3_purchases_a_month_are_thanked_for(hero: Slot, name: str, kind: str, points: int) -> None:
    book = live(name, hero)
    assert not sees(book, *orders(1, 2, 3))
    assert sees(book, *orders(1, 2, 3, 4))
    assert sees(book, *orders(1, 2, 3, 30 * DAY))
    assert not sees(book, *orders(1, 2, 3, 30 * DAY + 1))
    grant = ask(book, *orders(1, 2, 3, 4)).grant
    assert grant is not None
    assert (grant[1].said.kind, grant[1].said.points) == (kind, points)


def test_a_cart_left_for_an_hour_is_reminded_of(hero: Slot) -> None:
    book = live("cart-abandoned", hero)
    added = at(0, "Product Added", category="Home")
    assert not sees(book, added, now=NOW + HOUR)
    assert sees(book, added, now=NOW + HOUR + 1)
    assert sees(book, added, now=NOW + DAY)
    assert not sees(book, added, now=NOW + DAY + 1)
    assert not sees(book, added, *orders(-HOUR), now=NOW + HOUR + 1)
    assert not sees(book, added, *orders(-2 * HOUR), now=NOW + 3 * HOUR)  # bought later all the same
    assert not sees(book, added, *orders(HOUR), now=NOW + 2 * HOUR)  # and has just bought
    assert sees(book, added, *orders(DAY), now=NOW + 2 * HOUR)
    assert not sees(book, *orders(2 * HOUR))


def test_a_first_visit_is_welcomed(hero: Slot) -> None:
    book = live("first-visit", hero)
    assert sees(book, *pages(0))
    assert sees(book, *pages(30 * MINUTE, 5 * MINUTE, 0))
    assert not sees(book, *pages(30 * MINUTE + 1, 0))
    assert not sees(book, *pages(90 * DAY, 0))
    assert not sees(book)


def test_who_comes_back_after_30_days_is_welcomed_back(hero: Slot) -> None:
    book = live("came-back", hero)
    assert not sees(book, *pages(30 * DAY, 0))
    assert sees(book, *pages(30 * DAY + 1, 0))
    assert sees(book, *pages(170 * DAY, 100 * DAY, 50 * MINUTE, 20 * MINUTE, 0))  # all of one visit
    assert sees(book, *pages(300 * DAY, HOUR))  # what is longer ago than profiles remember was a visit all the same
    assert not sees(book, *pages(300 * DAY, HOUR + 1))
    assert not sees(book, *pages(100 * DAY, 2 * HOUR, 0))  # the second visit since
    assert not sees(book, *pages(100 * DAY, 29 * DAY, 0))
    assert not sees(book, *pages(0))
    assert not sees(book, *pages(100 * DAY))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_changes_nothing_until_its_drafts_are_live(hero: Slot, name: str) -> None:
    publish_book(by=None, at=AT)
    rule = apply_starter(name, slot=hero, by=None, at=AT)
    assert not rule.live
    assert not Segment.objects.get(slug=name).live
    assert list_draft_changes()[1] == []


@pytest.mark.parametrize("name", NAMES)
def test_drafts_of_a_template_have_revisions_that_say_where_they_come_from(hero: Slot, name: str) -> None:
    olga = User.objects.create_user("olga")
    rule = apply_starter(name, slot=hero, by=olga, at=AT)
    kinds = {"segment", "block", "rule"} | ({"offer"} if rule.offer else set())
    revisions = Revision.objects.filter(slug=name)
    assert {revision.kind for revision in revisions} == kinds
    assert all(each.by == olga and each.at == AT and "template" in each.note for each in revisions)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channel", "kind"), [("web", "html"), ("email", "html"), ("json", "json")])
def test_the_block_suits_the_slot_and_can_be_shown_with_and_without_a_grant(name: str, channel: str, kind: str) -> None:
    hero = Slot.objects.create(slug="hero", name="Hero", channel=channel)
    book = live(name, hero)
    block = book.blocks[name]
    assert block.kind == kind
    granted = {"name": "Offer", "kind": "code", "code": "SUN-1", "points": 100}
    without, shown = (
        msgspec.json.decode(render_block(block, Seen(Profile(id=""), {}, NOW, offer)))[kind]
        for offer in (None, granted)
    )
    assert without
    asks_code = "offer.code" in Block.objects.get(slug=name).source
    assert ("SUN-1" in json.dumps(shown)) is asks_code
    assert asks_code is (name == "summer-sale")


@pytest.mark.parametrize("starter", STARTERS, ids=NAMES)
def test_every_template_is_documented(starter: Starter) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "start-from-a-template.md"
    assert f"| {starter.title} |" in page.read_text()


def test_a_slot_that_takes_no_such_block_is_refused_whole() -> None:
    slot = Slot.objects.create(slug="picks", name="Picks", kinds=["recommendation"])
    with pytest.raises(DoesNotFit, match="choose a slot that takes html or json"):
        apply_starter("summer-sale", slot=slot, by=None, at=AT)
    assert not Block.objects.exists()


def test_an_unknown_template_is_refused(hero: Slot) -> None:
    with pytest.raises(UnknownStarter, match="choose one of summer-sale"):
        apply_starter("winter-sale", slot=hero, by=None, at=AT)


def test_a_template_may_be_used_again_and_comes_above_what_is_there(hero: Slot) -> None:
    first, second = (apply_starter("summer-sale", slot=hero, by=None, at=AT) for _ in range(2))
    assert (first.slug, second.slug) == ("summer-sale", "summer-sale-2")
    assert second.priority > first.priority
    assert second.offer is not None
    assert second.offer.slug == "summer-sale-2"
    assert second.condition is not None
    assert second.condition["root"]["segment"] == "summer-sale-2"


def test_the_slug_of_an_offer_that_is_gone_is_not_taken_again(hero: Slot) -> None:
    """Who was granted it once would be taken to have been granted the new one."""
    rule = apply_starter("summer-sale", slot=hero, by=None, at=AT)
    rule.delete()
    for model in (Offer, Block, Segment):
        model.objects.all().delete()
    assert apply_starter("summer-sale", slot=hero, by=None, at=AT).slug == "summer-sale-2"


def test_all_templates_go_together(hero: Slot) -> None:
    for name in NAMES:
        apply_starter(name, slot=hero, by=None, at=AT)
    Rule.objects.update(live=True)
    Segment.objects.update(live=True)
    book = load_book(msgspec.json.encode(publish_book(by=None, at=AT).payload))
    [said] = list_warnings(book.payload)
    assert "the offer “Summer sale” has no codes left" in said or "always hidden" in said
