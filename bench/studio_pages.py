"""Opens the Studio's pages on the servers in the environment; run by `bench.studio`, prints JSON."""

import json
import statistics
import sys
import time
from datetime import timedelta

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402  # models need Django to be set up
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench import people  # noqa: E402
from bench.archive_questions import ARCHIVE, PROFILES  # noqa: E402
from personalization.announcing import announce_newest  # noqa: E402
from personalization.seeding import seed_shop  # noqa: E402
from personalization.wiring import make_builder, redis_client  # noqa: E402
from profiles.months import Months, month_of  # noqa: E402
from profiles.profile import Profile, pack  # noqa: E402
from rules.actions import publish_book  # noqa: E402
from rules.models import Block, Offer, Rule, Slot  # noqa: E402
from segments.models import Segment  # noqa: E402
from tests.studio.tour import find_pages  # noqa: E402

PEOPLE, EVENTS, DAYS = 100_000, 500_000, 60
SEGMENTS, RULES, BLOCKS, SLOTS, OFFERS = 150, 200, 100, 30, 20
ROUNDS = 7
BASELINE = "studio:account"


def fill() -> None:
    """People and their past, made inside PostgreSQL; definitions, of which half are published and half are drafts."""
    call_command("migrate", verbosity=0)
    now = timezone.now()
    seed_shop(at=now)
    Months().make({month_of(now - timedelta(days=day)) for day in range(DAYS + 1)})
    with connection.cursor() as cursor:
        cursor.execute(PROFILES, {"people": PEOPLE})
        cursor.execute(ARCHIVE, {"people": PEOPLE, "events": EVENTS, "days": DAYS})
        cursor.execute("SELECT id FROM profiles_storedprofile")
        ids = [id for (id,) in cursor.fetchall()]
        states = [pack(Profile(id=str(id))) for id in ids]
        cursor.execute(
            "UPDATE profiles_storedprofile SET state = made.state "
            "FROM unnest(%s::uuid[], %s::bytea[]) AS made(id, state) WHERE profiles_storedprofile.id = made.id",
            [ids, states],
        )
        cursor.execute("ANALYZE")
    make_definitions(0, 2)
    publish_book(by=None, at=now)
    make_definitions(1, 2)
    make_builder().work(0.1)
    announce_newest(redis_client())


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
        Offer.objects.create(slug=f"offer-{number}", name=f"Offer {number}", kind="points", points=5)
    for number in range(start, RULES, step):
        asks = {"v": 1, "root": {"id": "in", "kind": "segment", "segment": f"segment-{number % SEGMENTS}"}}
        Rule.objects.create(
            slug=f"rule-{number}",
            name=f"Rule {number}",
            slot=Slot.objects.get(slug=f"slot-{start + step * (number % (SLOTS // step - 1))}"),
            block=Block.objects.get(slug=f"block-{start + step * (number % (BLOCKS // step - 1))}"),
            priority=number,
            condition=asks if number % SEGMENTS % step == start % step else None,
        )


def main() -> None:
    fill()
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("owner"))

    def get(path: str) -> tuple[int, str, str]:
        answer = client.get(path)
        return answer.status_code, answer.headers.get("Content-Type", ""), answer.content.decode(errors="replace")

    pages = find_pages(get)
    medians = {}
    for name, path in pages.items():
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            client.get(path)
            times.append((time.perf_counter() - started) * 1_000)
        medians[name] = round(statistics.median(times), 1)
    slowest = dict(sorted(medians.items(), key=lambda each: -each[1]))
    told = {
        "pages": len(pages),
        "definitions": SEGMENTS + RULES + BLOCKS + SLOTS + OFFERS,
        "people": PEOPLE,
        "baseline_ms": medians.get(BASELINE, 0.0),
        "slowest_ms": max(medians.values()),
        "over_100_ms": sum(each > 100 for each in medians.values()),
        "median_ms": slowest,
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
