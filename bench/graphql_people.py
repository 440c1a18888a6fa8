"""Makes the people of `bench.graphql`: hot profiles in Redis, what they did and were granted in PostgreSQL."""

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import django

django.setup()

import msgspec  # noqa: E402  # models need Django to be set up
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from bench.doors import book  # noqa: E402
from bench.graphql import PEOPLE, SCOPES, SECRET  # noqa: E402
from bench.people import MEMORY, events, roster, segments  # noqa: E402
from ingestion.directory import Directory, SecretKey, hash_secret  # noqa: E402
from personalization.snapshot import announce  # noqa: E402
from personalization.wiring import redis_client  # noqa: E402
from profiles import keys  # noqa: E402
from profiles.event import Event, derive_profile_id, user_key  # noqa: E402
from profiles.months import Months, month_of  # noqa: E402
from profiles.profile import Profile, Trait, fold, pack  # noqa: E402
from rules.models import Grant, PointsEntry  # noqa: E402

EVENTS = 60  # of each of them
PRODUCTS = [{"product_id": f"p{number}", "quantity": 1, "price": 12.5, "name": "A product"} for number in range(3)]
COPY = (
    "COPY profiles_archivedevent (at, received, source, message_id, profile_id, type, name, value, properties, traits, "
    'context, entered, "left") FROM STDIN'
)


def make_person(number: int) -> tuple[Profile, list[Event]]:
    """Somebody with as many events as everybody; every tenth is an order."""
    key = user_key(f"user-{number}")
    now = time.time_ns() // 1_000_000
    person = Profile(
        id=derive_profile_id(key),
        user_id=f"user-{number}",
        identifiers=(key,),
        traits={name: Trait(f"{name} of {number}", now) for name in ("name", "plan", "country", "company", "email")},
        consent={purpose: Trait(True, now) for purpose in ("ads", "analytics", "personalization")},
        segments={f"segment-{each}@1": now for each in range(6)},
        scores={"churn": 0.25, "value": 0.5},
    )
    lived = []
    for place, event in enumerate(events(EVENTS, 1, number)):
        if place % 10 == 0:
            order = {"order_id": f"o{place}", "revenue": 37.5, "products": PRODUCTS}
            event = msgspec.structs.replace(event, name="Order Completed", properties=order)
        person = fold(person, event, MEMORY)
        lived.append(event)
    return person, lived


def row(person: Profile, event: Event) -> tuple[Any, ...]:
    at = datetime.fromtimestamp(event.at / 1000, UTC)
    said = (json.dumps(event.properties), "{}", json.dumps(event.context), "[]", "[]")
    return (at, at, event.source, event.id, person.id, event.type, event.name, event.value, *said)


def make_people() -> None:
    call_command("migrate", verbosity=0)
    client = redis_client()
    Months().make([month_of(datetime.now(UTC))])
    directory = Directory(number=1, secret_keys={hash_secret(SECRET): SecretKey("bench", SCOPES)})
    announce(client, keys.DIRECTORY, 1, msgspec.json.encode(directory))
    announce(client, keys.BOOK, 1, json.dumps(book()).encode())
    announce(client, keys.ROSTER, 1, msgspec.json.encode(roster(segments(10))))
    at = datetime.now(UTC)
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for number in range(PEOPLE):
            person, lived = make_person(number)
            client.set(keys.profile(person.id), pack(person))
            for event in lived:
                copy.write_row(row(person, event))
    ids = [UUID(derive_profile_id(user_key(f"user-{number}"))) for number in range(PEOPLE)]
    Grant.objects.bulk_create(
        Grant(offer=f"offer-{each}", profile_id=id, code=f"CODE{each}", decision_id=uuid4(), at=at)
        for id in ids
        for each in range(3)
    )
    PointsEntry.objects.bulk_create(
        PointsEntry(profile_id=id, points=10, key=f"{id} {each}", at=at) for id in ids for each in range(5)
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    make_people()
    print(json.dumps({"people": PEOPLE}))
