"""Fills new segments for many people, with the processes of the product; run by `bench.backfill`, prints JSON."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import django

django.setup()

import msgspec  # noqa: E402  # models need Django to be set up
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.people import profile, segments  # noqa: E402
from bench.servers import ROOT  # noqa: E402
from ingestion.actions import publish_directory  # noqa: E402
from ingestion.archiving import describe  # noqa: E402
from personalization.announcing import announce_newest  # noqa: E402
from personalization.tasks import SLICE_S  # noqa: E402
from personalization.wiring import make_builder, redis_client  # noqa: E402
from profiles import keys  # noqa: E402
from profiles.actions import store_profiles  # noqa: E402
from profiles.event import anonymous_key, derive_profile_id  # noqa: E402
from profiles.profile import pack  # noqa: E402
from rules.actions import publish_book  # noqa: E402
from segments.models import Build, Segment  # noqa: E402

PEOPLE = int(os.environ["BACKFILL_PEOPLE"])
LIVES = 1_000  # different ones
EVENTS = 20  # of each
AT_ONCE = 2_000
VIEWED = {"id": "v", "kind": "event", "event": "Product Viewed", "window": {"last": 9, "unit": "days"}}


def main() -> None:
    call_command("migrate", verbosity=0)
    publish_directory()
    announce_newest(redis_client())
    redis_client().set(keys.WHOLE, 1)  # or the archiver would fill it
    make_people()
    with processes():
        # A first one of ten segments, then an edit of one that is in force.
        for slug, condition in segments(10).items():
            Segment.objects.create(slug=slug, name=slug, condition=condition)
        new = build()
        edited = Segment.objects.get(slug="segment-0")
        edited.condition = {"v": 1, "root": {**VIEWED, "value": 3}}
        edited.save()
        results = {"ten_new": new, "one_edited": build()}
    print(json.dumps(results))


def make_people() -> None:
    """Hot profiles and their durable copies; a thousand lives, each lived by many."""
    lives = [profile(f"life-{number}", EVENTS, seed=number) for number in range(LIVES)]
    numbers = iter(range(PEOPLE))
    client = redis_client()
    while some := list(islice(numbers, AT_ONCE)):
        packed = {}
        for number in some:
            id = derive_profile_id(anonymous_key(f"visitor-{number}"))
            packed[id] = pack(msgspec.structs.replace(lives[number % LIVES], id=id))
        client.mset({keys.profile(id): raw for id, raw in packed.items()})
        store_profiles([describe(id, raw) for id, raw in packed.items()], at=datetime.now(UTC))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE profiles_storedprofile")


@contextmanager
def processes() -> Iterator[None]:
    commands = (("run_processor", "--name", "bench"), ("run_archiver",))
    running = [subprocess.Popen([sys.executable, "manage.py", *command], cwd=ROOT) for command in commands]
    try:
        time.sleep(5)  # they have begun
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=60)


def build() -> dict[str, Any]:
    """Publishes, and works until the end."""
    while any(redis_client().xlen(keys.accepted(number)) for number in range(settings.PZ_PARTITIONS)):
        time.sleep(0.1)  # what the last one changed is archived
    started = time.monotonic()
    publish_book(by=None, at=timezone.now())
    builder = make_builder()
    while Build.objects.exclude(state__in=Build.ENDED).exists():
        builder.work(SLICE_S)
    taken = time.monotonic() - started
    done = Build.objects.order_by("-pk").first()
    if done is None or done.in_force is None or done.state != Build.State.DONE:
        raise RuntimeError(f"the build ended as {done and done.state}")
    in_force = (done.in_force - done.queued).total_seconds()
    return {
        "in_force_s": round(in_force, 2),
        "profiles_per_second": round(PEOPLE / in_force),
        "settled_s": round(taken, 2),
    }


if __name__ == "__main__":
    main()
