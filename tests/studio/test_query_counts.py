"""Lists ask PostgreSQL as often for many rows as for few; those of other areas are with their tests."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from profiles.erasures import open_receipt
from profiles.models import StoredProfile
from rules.drafts import remove_draft, save_draft
from rules.models import BackTest, Block, Book, Grant, Image, Offer, PointsEntry, Rule, ScheduledPublication, Slot
from rules.queries import collect_definitions
from segments.models import Segment
from studio.models import Review
from tests.admin.operators import condition
from tests.studio.people import make_user, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

FEW, MANY = 3, 24  # rows; fewer than a page has
LISTS = (
    *("audiences/removed/", "audiences/gold/history/"),
    *("content/removed/", "content/slots/", "content/images/"),
    *("content/history/rule/thanks/", "content/blocks/thanks/history/", "content/offers/points/history/"),
    *("content/offers/points/claimed/", "content/points/", f"content/points/{UUID(int=1)}/"),
    *("publish/books/", "publish/scheduled/", "publish/reviews/"),
    *("people/erasures/", "decisions/back-tests/"),
)
PARTS = ("content/figures/?rule=", "content/asked/?slot=")


def test_lists_ask_no_more_for_more_rows() -> None:
    client = sign_in("owner", personal=True)
    now = timezone.now()
    StoredProfile.objects.create(id=UUID(int=1), first_seen=now, last_seen=now, state=b"", updated=now)
    paths = [f"/studio/{path}" for path in LISTS]
    paths += [f"/studio/{part}" for part in PARTS]
    add(0, FEW)
    few = {path: ask(client, path, FEW) for path in paths}
    add(FEW, MANY)
    many = {path: ask(client, path, MANY) for path in paths}
    assert {path: count for path, count in many.items() if count > few[path]} == {}
    assert max(few.values()) < 25, few


def ask(client: Client, path: str, rows: int) -> int:
    if path.endswith("="):  # a part of a list, for all of its rows
        names = [f"{path.rpartition('?')[2]}x{number}" for number in range(rows)]
        path = f"{path.rpartition('?')[0]}?{'&'.join(names)}"
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path, headers={"HX-Request": "true"})
        assert answer.status_code == 200, path
    return len(asked)


def add(first: int, last: int) -> None:
    """Of everything that has a list, these; each by somebody of its own."""
    now = timezone.now()
    gold, _ = Segment.objects.get_or_create(slug="gold", defaults={"name": "Gold", "condition": condition()})
    thanks, _ = Block.objects.get_or_create(slug="thanks", defaults={"name": "Thanks", "source": "<p>0</p>"})
    points, _ = Offer.objects.get_or_create(slug="points", defaults={"name": "Points", "kind": "points", "points": 5})
    hero, _ = Slot.objects.get_or_create(slug="hero", defaults={"name": "Hero"})
    rule, _ = Rule.objects.get_or_create(slug="thanks", defaults={"name": "Thanks", "slot": hero, "block": thanks})
    for number in range(first, last):
        user, at = make_user("publisher", name=f"somebody-{number}"), now - timedelta(minutes=number)
        for draft in (gold, thanks, points, rule):
            draft.name = f"Version {number}"
            save_draft(draft, by=user, at=at)
        slot = Slot.objects.create(slug=f"x{number}", name=f"Slot {number}", default=thanks)
        made: tuple[Any, ...] = (
            Segment.objects.create(slug=f"gone-{number}", name="Gone", condition=condition()),
            Rule.objects.create(slug=f"gone-{number}", name="Gone", slot=slot, block=thanks),
            Slot.objects.create(slug=f"gone-{number}", name="Gone"),
        )
        for each in made:
            remove_draft(each, by=user, at=at)
        Rule.objects.create(slug=f"x{number}", name=f"Rule {number}", slot=slot, block=thanks, offer=points)
        Image.objects.create(name=f"I {number}", file=f"i{number}.png", width=1, height=1, size=1, by=user, at=at)
        payload = collect_definitions(number + 1)
        book = Book.objects.create(number=number + 1, payload=payload, published=at, published_by=user)
        said: dict[str, Any] = {"payload": payload, "by": user, "created": at}
        ScheduledPublication.objects.create(at=at, state="published", book=book, **said)
        BackTest.objects.create(since=at, until=now, state="failed", **said)
        Review.objects.create(asked_by=user, decided_by=user, at=at, payload={}, fingerprint="", state="declined")
        open_receipt(UUID(int=number), by=user.username, at=at)
        StoredProfile.objects.create(id=UUID(int=100 + number), first_seen=at, last_seen=at, state=b"", updated=at)
        PointsEntry.objects.create(profile_id=UUID(int=100 + number), points=5, key=f"other-{number}", at=at)
        PointsEntry.objects.create(profile_id=UUID(int=1), points=5, key=f"key-{number}", at=at)
        Grant.objects.create(
            offer="points", profile_id=UUID(int=100 + number), points=5, decision_id=UUID(int=number), at=at
        )
