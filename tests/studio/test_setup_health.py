"""The health of every part: each has its light, figure and what to do, when it is there and when it is not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from personalization import checkup, checkup_stores
from personalization.celery import note_task, note_worker
from personalization.checkup import Checkup, check_all
from personalization.checkup_batch import list_rounds, list_schedule, say_name
from personalization.checkup_parts import Light, Part
from personalization.rounds import ROUNDS
from personalization.signs import BEAT, Signs, name_round, name_worker, now_ms, read_signs
from profiles import keys
from profiles.clients import Client
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db
HEALTH = "/studio/set-up/health/"


def find(checkup: Checkup, key: str) -> Part:
    return next(part for part in checkup.parts if part.key == key)


def look(client: Client) -> Checkup:
    return check_all(client, at=timezone.now())


def test_what_is_away_is_said_with_what_to_do(redis_client: Client) -> None:
    found = look(redis_client)
    assert find(found, "postgresql").light == Light.GOOD
    for key in ("processor", "archiver", "workers", "beat", "rounds"):
        part = find(found, key)
        assert part.light == Light.BAD and part.todo, key
    assert found.light == Light.BAD


def test_signs_of_life_turn_lights_green(redis_client: Client) -> None:
    signs = Signs(lambda: redis_client, now_ms)
    for name in (BEAT, name_worker("w1"), *(name_round(each.__name__) for each in ROUNDS)):
        signs.give(name)
    redis_client.zadd(keys.PROCESSORS, {"p1": now_ms()})
    found = look(redis_client)
    assert [find(found, key).light for key in ("workers", "beat", "rounds")] == [Light.GOOD] * 3
    assert "1 at work" in find(found, "processor").says


def test_old_signs_count_no_more_and_leave(redis_client: Client) -> None:
    old = now_ms() - 3_600_000
    Signs(lambda: redis_client, lambda: old).give(name_worker("w1"))
    assert find(look(redis_client), "workers").light == Light.BAD
    Signs(lambda: redis_client, lambda: old + 8 * 86_400_000).give(BEAT)
    assert list(read_signs(redis_client)) == [BEAT]


def test_a_sign_is_given_now_and_then_only(redis_client: Client) -> None:
    now = [1_000_000]
    signs = Signs(lambda: redis_client, lambda: now[0])
    signs.give(BEAT)
    now[0] += 100
    signs.give(BEAT)
    assert redis_client.zscore(keys.SIGNS, BEAT) == 1_000_000
    signs.give(BEAT, anyway=True)
    assert redis_client.zscore(keys.SIGNS, BEAT) == 1_000_100


def test_a_task_that_failed_is_named_until_it_succeeds(redis_client: Client) -> None:
    from personalization.tasks import count_segments

    note_task(task=count_segments, state="FAILURE")
    Signs(lambda: redis_client, now_ms).give(BEAT)
    assert say_name("count-segments") in find(look(redis_client), "beat").todo
    note_task(task=count_segments, state="SUCCESS")
    assert find(look(redis_client), "beat").light == Light.GOOD


def test_a_worker_says_its_name(redis_client: Client) -> None:
    class Heart:
        class eventer:
            hostname = "celery@box"

    note_worker(sender=Heart())
    note_worker(sender=None)
    assert "worker:celery@box" in read_signs(redis_client)


def test_everything_by_the_clock_has_words_and_a_next_time(redis_client: Client) -> None:
    at = timezone.now()
    schedule = list_schedule({}, at=at)
    assert len(schedule) >= 6 and all(
        each.next is not None and each.next >= at - timedelta(seconds=1) for each in schedule
    )
    everything = [*schedule, *list_rounds({}, at=at)]
    assert [each.name for each in everything if each.label == each.name] == []


def test_without_redis_the_rest_is_shown_all_the_same(monkeypatch: Any) -> None:
    import redis

    class Away:
        def pipeline(self, **more: Any) -> Any:
            raise redis.ConnectionError("away")

    monkeypatch.setattr("studio.setup.health.redis_client", Away)
    page = sign_in("viewer").get(HEALTH).content.decode()
    assert "Does not answer" in page and "PostgreSQL" in page


@pytest.mark.parametrize(
    ("facts", "light"),
    [
        ({}, Light.GOOD),
        ({"keeps": False, "writes": False}, Light.WARNING),
        ({"writes": False}, Light.BAD),
        ({"policy": "allkeys-lru"}, Light.BAD),
        ({"most_memory": 100, "memory": 85}, Light.WARNING),
        ({"most_memory": 100, "memory": 99}, Light.BAD),
    ],
)
def test_redis_is_judged(facts: Any, light: Light) -> None:
    whole = checkup_stores.Redis("8", 1, 0, "noeviction", keeps=True, writes=True, clients=1)
    found, todo = checkup_stores._judge_redis(replace(whole, **facts))
    assert found == light and bool(todo) == (light != Light.GOOD)


def test_the_page_is_asked_again_and_says_the_summary_only_when_it_changes(redis_client: Client) -> None:
    viewer = sign_in("viewer")
    page = viewer.get(HEALTH).content.decode()
    assert "Partitions of the event log" in page and f"Version {checkup.read_version()}" in page
    part = viewer.get(HEALTH, {"seen": "other"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and "hx-swap-oob" in part
    import re

    seen = re.search(r'name="seen" value="([^"]+)"', part)
    assert seen is not None
    assert "hx-swap-oob" not in viewer.get(HEALTH, {"seen": seen[1]}, headers={"HX-Request": "true"}).content.decode()
    assert "tag-error" in viewer.get(f"{HEALTH}summary/").content.decode()
