"""Fills a database for the pages of the Studio: a hundred thousand people, 500 definitions, and what years leave."""

import random
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bench import people
from bench.archive_questions import ARCHIVE, PROFILES
from bench.studio_life import live_on
from personalization.announcing import announce_newest
from personalization.seeding import seed_shop
from personalization.wiring import make_builder, redis_client
from profiles.event import anonymous_key
from profiles.models import StoredProfile
from profiles.months import Months, month_of
from profiles.profile import Profile, pack
from rules.actions import publish_book
from rules.archive import DECISIONS
from rules.models import Block, Offer, Rule, Slot
from segments.models import Segment

PEOPLE, EVENTS, DAYS = 100_000, 500_000, 60
SEGMENTS, RULES, BLOCKS, SLOTS, OFFERS = 150, 200, 100, 30, 20
DEFINITIONS = SEGMENTS + RULES + BLOCKS + SLOTS + OFFERS
BOOKS = 30
REGULAR, REGULAR_EVENTS = "visitor-1", 2_000  # somebody of whom much is known


def fill(owner: User) -> None:
    """People and their past, made inside PostgreSQL; definitions, of which half are published and half are drafts."""
    now = timezone.now()
    seed_shop(at=now)
    for table in ("profiles_archivedevent", DECISIONS):
        Months(table).make({month_of(now - timedelta(days=day)) for day in range(DAYS + 1)})
    with connection.cursor() as cursor:
        cursor.execute(PROFILES, {"people": PEOPLE})
        cursor.execute(ARCHIVE, {"people": PEOPLE, "events": EVENTS, "days": DAYS})
    make_definitions(0, 2)
    for number in range(BOOKS):
        Block.objects.filter(slug="block-0").update(source=f"<p>Edition {number}</p>")
        publish_book(by=owner, at=now - timedelta(hours=BOOKS - number), note=f"Edition {number}")
    make_builder().work(0.1)
    announce_newest(redis_client())
    _describe_people(now)
    regular = _remember_regular(now)
    make_definitions(1, 2)
    live_on(owner, regular, now, people=PEOPLE, days=DAYS)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def make_definitions(start: int, step: int) -> None:
    conditions = people.segments(SEGMENTS)
    for number in range(start, SEGMENTS, step):
        slug = f"segment-{number}"
        Segment.objects.create(slug=slug, name=f"Segment {number}", condition=conditions[slug])
    for number in range(start, BLOCKS, step):
        Block.objects.create(slug=f"block-{number}", name=f"Block {number}", source=f"<p>Number {number}</p>")
    for number in range(start, SLOTS, step):
        Slot.objects.create(slug=f"slot-{number}", name=f"Slot {number}")
    for number in range(start, OFFERS, step):
        kind = "points" if number % 3 else "code"
        Offer.objects.create(slug=f"offer-{number}", name=f"Offer {number}", kind=kind, points=5 if number % 3 else 0)
    for number in range(start, RULES, step):
        asks = {"v": 1, "root": {"id": "in", "kind": "segment", "segment": f"segment-{number % SEGMENTS}"}}
        Rule.objects.create(
            slug=f"rule-{number}",
            name=f"Rule {number}",
            slot=Slot.objects.get(slug=f"slot-{start + step * (number % (SLOTS // step - 1))}"),
            block=Block.objects.get(slug=f"block-{start + step * (number % (BLOCKS // step - 1))}"),
            priority=number,
            condition=asks if number % SEGMENTS % step == start % step else None,
            offer=Offer.objects.get(slug=f"offer-{start}") if number % 10 == start else None,
        )


def _describe_people(now: datetime) -> None:
    """What each is called, the audiences they are in, and their packed state."""
    chance = random.Random(1)
    since = int(now.timestamp() * 1_000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM profiles_storedprofile")
        ids = [id for (id,) in cursor.fetchall()]
        states = [pack(Profile(id=id.hex)) for id in ids]
        members = [
            msgspec.json.encode({f"segment-{chance.randrange(0, SEGMENTS, 2)}@1": since for _ in range(4)}).decode()
            for _ in ids
        ]
        cursor.execute(
            "UPDATE profiles_storedprofile AS stored SET state = made.state, user_id = 'customer-' || made.number, "
            "segments = made.members::jsonb, last_seen = now() - made.number * interval '10 seconds', "
            "traits = stored.traits || jsonb_build_object('email', 'customer-' || made.number || '@example.com') "
            "FROM unnest(%s::uuid[], %s::bytea[], %s::text[]) WITH ORDINALITY AS made(id, state, members, number) "
            "WHERE stored.id = made.id",
            [ids, states, members],
        )
        cursor.execute(
            "INSERT INTO profiles_identifier (key, profile_id, at) SELECT 'u:' || user_id, id, now() "
            "FROM profiles_storedprofile"
        )


def _remember_regular(now: datetime) -> StoredProfile:
    """Somebody who comes often, and came last."""
    known = people.profile(REGULAR, 500)
    carried: dict[str, Any] = {f"segment-{number}@1": int(now.timestamp() * 1_000) for number in range(0, 60, 2)}
    stored = StoredProfile.objects.create(
        id=known.id,
        user_id="regular",
        first_seen=now - timedelta(days=DAYS),
        last_seen=now,
        traits={f"trait{number}": number for number in range(40)} | {"email": "regular@example.com"},
        segments=carried,
        state=pack(known),
        updated=now,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_identifier (key, profile_id, at) VALUES (%s, %s, now()), ('u:regular', %s, now())",
            [anonymous_key(REGULAR), known.id, known.id],
        )
        cursor.execute(ARCHIVE, {"people": 1, "events": REGULAR_EVENTS, "days": DAYS})
        cursor.execute(
            "UPDATE profiles_archivedevent SET profile_id = %s "
            "WHERE profile_id = md5('p1')::uuid AND anonymous_id = 'visitor-0'",
            [known.id],
        )
    return stored


def prepare() -> User:
    call_command("migrate", verbosity=0)
    return User.objects.create_superuser("owner")
