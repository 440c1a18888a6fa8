"""What the pages of the Studio have to be seen with: people and what became of them, and one of everything that is made
there. Run beside the running product, `set_up` brings it all and `clear` takes away what others would stumble over."""

import base64
import io
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

from django.contrib.auth.models import User
from django.utils import timezone
from PIL import Image as Drawing

from ingestion.actions import create_oauth_client, create_secret_key, remove_oauth_client, revoke_secret_key
from ingestion.models import DeadLetter, OAuthClient, SecretKey, Source
from ingestion.outcomes import store_dead_letters
from ingestion.scopes import Scope
from personalization.backtesting import cancel_back_test, start_back_test
from personalization.privacy import erase_by
from profiles.event import Event, pack
from profiles.models import MergeRecord, StoredProfile
from rules.actions import publish_definitions
from rules.codes import generate_codes
from rules.drafts import remove_draft, save_draft
from rules.images import add_image, remove_image
from rules.models import BackTest, Block, Image, Offer, Rule, ScheduledPublication, Slot
from rules.points import add_points
from rules.queries import newest_book
from rules.scheduling import cancel_publication, schedule_publication
from segments.lists import draft_snapshot, store_upload
from segments.models import Segment
from studio.members.actions import take_in
from studio.models import Member, Review
from studio.publish.reviewing import ask_for_review, withdraw_review
from tests.product import wait_until

MARK = "exhibit"  # at the beginning of every name and slug, and so in the addresses of their pages
ANNA, LEAVING = f"{MARK}-anna", f"{MARK}-leaving"
SHOWN_IN = "home-hero"  # a slot of the demo shop
REVIEW, PUBLICATION = "Exhibited review", "Exhibited publication"


def set_up(url: str, owner: str) -> None:
    by, at = User.objects.get(username=owner), timezone.now()
    _, published = newest_book() or (0, {})
    publish_definitions(published, by=by, at=at, note="As it was")  # so that there is one to go back to
    _live(url, Source.objects.earliest("pk"))
    drafts = _draft(by, at)
    _let_in(by, at)
    _hand_on(by, at)
    for each in drafts:
        remove_draft(each, by=by, at=at)
    _wait_for_people(by)


def _live(url: str, source: Source) -> None:
    """Two devices that turn out to be Anna's, somebody who is going to leave, and decisions for all of them."""
    phone, laptop = f"{MARK}-phone", f"{MARK}-laptop"
    consent = {"consent": {"categoryPreferences": {"marketing": True, "email": False}}}
    traits = {"firstName": "Anna", "email": "anna@example.com", "city": "Utrecht", "plan": "gold"}
    said: list[dict[str, Any]] = [
        {"type": "page", "anonymousId": laptop, "name": "Home", "properties": {"path": "/demo/"}, "context": consent},
        *(_view(laptop, "ridge-tent", "Outdoor", 249.0) for _ in range(4)),
        {"type": "identify", "anonymousId": laptop, "userId": ANNA, "traits": traits},
        _view(phone, "moka-pot", "Kitchen", 35.0),
        {"type": "identify", "anonymousId": phone, "userId": ANNA, "traits": {}},
        {
            "type": "track",
            "anonymousId": phone,
            "userId": ANNA,
            "event": "Order Completed",
            "properties": {"revenue": 9},
        },
        {"type": "identify", "anonymousId": f"{LEAVING}-laptop", "userId": LEAVING, "traits": {"firstName": "Ben"}},
    ]
    key = base64.b64encode(f"{source.write_key}:".encode()).decode()
    _post(f"{url}/v1/batch", {"batch": said}, Authorization=f"Basic {key}")
    for visitor in (laptop, phone, laptop, f"{MARK}-stranger"):
        _post(f"{url}/api/v1/decide", {"slots": [SHOWN_IN], "anonymousId": visitor, "writeKey": source.write_key})


def _view(who: str, product: str, category: str, price: float) -> dict[str, Any]:
    properties = {"product_id": product, "category": category, "price": price}
    return {"type": "track", "anonymousId": who, "event": "Product Viewed", "properties": properties}


def _post(url: str, said: dict[str, Any], **headers: str) -> None:
    request = Request(url, json.dumps(said).encode(), {"Content-Type": "application/json", **headers})
    with urlopen(request, timeout=30) as answer:
        assert answer.status == 200, answer.status


def _draft(by: User, at: datetime) -> list[Any]:
    """Drafts of every kind, all of them edited once after they were made; the last ones are to be removed again."""
    gold = {"v": 1, "root": {"id": "g", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}}
    people = {"v": 1, "root": {"id": "p", "kind": "segment", "segment": f"{MARK}-people"}}
    segment = Segment(slug=f"{MARK}-people", name="Exhibited people", condition=gold)
    team = Segment(slug=f"{MARK}-list", name="Exhibited list", kind="list")
    codes = Offer(slug=f"{MARK}-codes", name="Exhibited codes", kind="code")
    points = Offer(slug=f"{MARK}-points", name="Exhibited points", kind="points", points=10)
    html = "<p>Hello {{ profile.traits.firstName | default: 'you' }}</p>"
    block = Block(slug=f"{MARK}-block", name="Exhibited block", source=html)
    slot = Slot(slug=f"{MARK}-slot", name="Exhibited slot")
    made: list[Any] = [segment, team, codes, points, block, slot]
    for each in made:
        save_draft(each, by=by, at=at)
    rule = Rule(slug=f"{MARK}-rule", name="Exhibited rule", slot=slot, block=block, condition=people, offer=codes)
    snapshot = draft_snapshot(segment, as_of=at - timedelta(days=1), name=f"{MARK} snapshot")
    gone = Segment(slug=f"{MARK}-gone", name="Exhibited and gone", condition=gold)
    over = Rule(slug=f"{MARK}-over", name="Exhibited and over", slot=slot, block=block)
    made += [rule, snapshot, gone, over]
    for each in made:
        each.name += ", edited"
        save_draft(each, by=by, at=at)
    file = io.BytesIO(f"user_id\n{ANNA}\nnull\n".encode())
    store_upload(team, file, name="exhibited.csv", most=10_000, by=by, at=at)
    generate_codes(codes, count=20, by=by, at=at)
    return [gone, over]


def _let_in(by: User, at: datetime) -> None:
    """A member, keys, an image and what could not be processed."""
    source = Source.objects.earliest("pk")
    take_in(f"{MARK}-member", "publisher", personal=False, by=by, at=at)
    create_secret_key(source, name=f"{MARK} key")
    create_oauth_client(name=f"{MARK} client", source=source, scopes=[Scope.DECIDE])
    picture = io.BytesIO()
    Drawing.new("RGB", (40, 30), "teal").save(picture, "PNG")
    picture.seek(0)
    add_image(picture, name=f"{MARK} image", alt="A teal card", by=by, at=at)
    odd = Event(id=f"{MARK}-odd", source=source.slug, type="track", name="Odd", at=1, received=1, anonymous_id=ANNA)
    store_dead_letters(
        [DeadLetter(partition=0, offset=f"{MARK}-1", raw=pack(odd), reason=f"{MARK}: failed", tries=3, at=at)]
    )


def _hand_on(by: User, at: datetime) -> None:
    """What waits for others: two reviews, of which the drafts have moved on, a publication and a back-test."""
    slot = Slot.objects.get(slug=f"{MARK}-slot")
    for asks in (User.objects.get(username=f"{MARK}-member"), by):
        ask_for_review(by=asks, at=at, note=REVIEW)
        slot.name += " again"
        save_draft(slot, by=by, at=at)
    schedule_publication(at=at + timedelta(days=400), by=by, now=at, note=PUBLICATION)
    start_back_test(since=at - timedelta(days=1), until=at + timedelta(minutes=1), by=by, at=at)


def _wait_for_people(by: User) -> None:
    """Once Anna's devices are one person she has points; and whoever leaves is forgotten."""
    anna, leaving = (StoredProfile.objects.filter(user_id=each) for each in (ANNA, LEAVING))
    wait_until(lambda: anna.exists() and leaving.exists() and MergeRecord.objects.filter(user_id=ANNA).exists(), 60)
    at = timezone.now()
    person: UUID = anna.values_list("pk", flat=True)[0]
    add_points(person, 30, key=f"{MARK}:{person}", note="Welcome", at=at, by=by)
    erase_by(leaving.values_list("pk", flat=True)[0], by=by, at=at)


def clear() -> None:
    """Receipts, points and the audit trail stay, as in life; nothing is drafted, waits or lets somebody in any more."""
    at = timezone.now()
    for publication in ScheduledPublication.objects.filter(note=PUBLICATION, state="waiting"):
        cancel_publication(publication)
    for review in Review.objects.filter(note=REVIEW, state="waiting"):
        withdraw_review(review, by=review.asked_by, at=at)  # type: ignore[arg-type]  # the filter says that there is one
    for test in BackTest.objects.filter(state__in=["waiting", "running"]):
        cancel_back_test(test)
    models: list[Any] = [Rule, Slot, Block, Offer]
    for model in models:
        for draft in model.objects.filter(slug__startswith=MARK):
            remove_draft(draft, by=None, at=at)
    for segment in Segment.objects.filter(slug__startswith=MARK).order_by("-pk"):
        remove_draft(segment, by=None, at=at)
    for image in Image.objects.filter(name=f"{MARK} image"):
        remove_image(image, by=None, at=at)
    for key in SecretKey.objects.filter(name=f"{MARK} key", revoked=None):
        revoke_secret_key(key, at=at)
    for client in OAuthClient.objects.filter(application__name=f"{MARK} client"):
        remove_oauth_client(client)
    DeadLetter.objects.filter(offset=f"{MARK}-1").delete()
    Member.objects.filter(user__username=f"{MARK}-member").delete()
    User.objects.filter(username=f"{MARK}-member").delete()
