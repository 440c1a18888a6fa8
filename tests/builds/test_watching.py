"""A build that gets nowhere says why, whatever is missing, and goes on by itself when that is back."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import timezone

from ingestion.leases import ABSENT_MS
from personalization import rounds
from personalization.building import hand_over_builds
from personalization.tasks import build_segments, count_segments
from personalization.vitals import look_alive, look_over_segments
from personalization.wiring import clock, make_builder
from profiles import keys
from profiles.clients import Client
from profiles.locks import ARCHIVE, BUILD
from segments.health import State
from segments.models import Build, SegmentSize
from segments.progress import NO_ARCHIVER, NO_PROCESSOR, NO_REDIS, NO_WORKER, STUCK_AFTER
from tests.builds.conftest import Engine, define, did, publish

PEOPLE = tuple(f"visitor-{number}" for number in range(8))


@pytest.fixture
def archiver() -> Iterator[None]:
    """An archiver is at work: it holds its lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ARCHIVE])
        yield
        cursor.execute("SELECT pg_advisory_unlock(%s)", [ARCHIVE])


@pytest.fixture
def build(engine: Engine) -> Build:
    """A new segment of eight people, published and not taken up by anybody for longer than a minute."""
    engine.send("Page Viewed", people=PEOPLE)
    define("seen", did("Page Viewed"))
    build = publish()
    assert build is not None
    let_time_pass()
    return build


def let_time_pass() -> None:
    """Since whatever the builds did last."""
    long_ago = timezone.now() - 2 * STUCK_AFTER
    Build.objects.filter(heartbeat=None).update(queued=long_ago)
    Build.objects.exclude(heartbeat=None).update(heartbeat=long_ago)


def show_processor(client: Client, ago_ms: int = 0) -> None:
    client.zadd(keys.PROCESSORS, {"processor-1": clock() - ago_ms})


def said(client: Client) -> str:
    """What the page says."""
    overview = look_over_segments(client, at=timezone.now(), only="seen")
    [health] = overview.segments
    assert health.state == State.STUCK
    return health.reason


@pytest.fixture
def worker(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A worker that takes up the task, while processor and archiver work."""
    monkeypatch.setattr("personalization.tasks.make_builder", lambda: make_builder(pause=engine.run))

    def work() -> None:
        build_segments()
        build = Build.objects.get()
        assert (build.state, build.error) == (Build.State.DONE, "")
        assert all("seen" in engine.segments(f"a:{person}") for person in PEOPLE)

    return work


def test_the_parts_at_work_are_told(redis_client: Client, db: None, archiver: None) -> None:
    alive = look_alive(redis_client)
    assert (alive.redis, alive.archiver, alive.processor, alive.builder) == (True, True, False, False)
    show_processor(redis_client, ABSENT_MS + 1_000)
    assert not look_alive(redis_client).processor
    show_processor(redis_client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [BUILD])
        alive = look_alive(redis_client)
        cursor.execute("SELECT pg_advisory_unlock(%s)", [BUILD])
    assert (alive.processor, alive.builder) == (True, True)


def test_a_server_that_is_away_is_told_by_the_client(db: None) -> None:
    alive = look_alive(redis.Redis.from_url("redis://127.0.0.1:1/0"))
    assert (alive.redis, alive.processor, alive.archiver) == (False, False, False)


def test_no_worker(engine: Engine, build: Build, archiver: None, worker: Callable[[], None]) -> None:
    assert hand_over_builds(engine.client)  # and nobody takes the task
    assert not hand_over_builds(engine.client)
    build.refresh_from_db()
    assert build.error == NO_WORKER
    assert NO_WORKER in said(engine.client)
    worker()
    assert engine.client.get(keys.BUILDING) is None


def test_no_archiver_is_told_by_the_page_as_nobody_else_is_there_to_tell(
    engine: Engine, build: Build, worker: Callable[[], None]
) -> None:
    assert NO_ARCHIVER in said(engine.client)
    assert hand_over_builds(engine.client)  # by the one that is started now
    worker()


def test_no_processor(engine: Engine, build: Build, archiver: None, worker: Callable[[], None]) -> None:
    while not build.error:
        make_builder().work(0.3)
        build.refresh_from_db()
    assert build.state == Build.State.FILLING
    assert build.error.startswith("Waiting for the processors")
    let_time_pass()
    build.refresh_from_db()
    assert NO_PROCESSOR in said(engine.client)
    show_processor(engine.client)  # it is there, and has not come so far yet
    assert "Waiting for the processors: partition" in said(engine.client)
    worker()


def test_redis_is_away(engine: Engine, build: Build, archiver: None, worker: Callable[[], None]) -> None:
    away = redis.Redis.from_url("redis://127.0.0.1:1/0")
    with pytest.raises(redis.RedisError):
        hand_over_builds(away)
    build.refresh_from_db()
    assert build.error == NO_REDIS
    assert NO_REDIS in said(away)
    assert look_over_segments(away, at=timezone.now()).lag is None
    hand_over_builds(engine.client)  # it is back, and there is still no worker
    build.refresh_from_db()
    assert build.error == NO_WORKER
    worker()


def test_what_the_builder_says_itself_is_left_as_it_is(engine: Engine, build: Build, archiver: None) -> None:
    Build.objects.update(error="Waiting for the archiver.")
    hand_over_builds(engine.client)
    build.refresh_from_db()
    assert build.error == "Waiting for the archiver."


def test_a_build_that_moves_is_not_spoken_of(engine: Engine, build: Build, archiver: None) -> None:
    Build.objects.update(state=Build.State.FILLING, heartbeat=timezone.now())
    hand_over_builds(engine.client)
    build.refresh_from_db()
    assert build.error == ""


def test_when_the_last_build_has_ended_its_people_are_counted(
    build: Build, worker: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personalization.tasks.count_segments.delay", count_segments)
    worker()
    assert [(size.segment, size.size) for size in SegmentSize.objects.all()] == [("seen", 8)]


def test_the_rounds_go_on_whatever_happens(redis_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, calls = threading.Event(), []

    def fail(client: Any) -> None:
        calls.append("failed")
        raise ValueError("nobody has foreseen this")

    def away(client: Any) -> None:
        calls.append("away")
        raise redis.ConnectionError

    def end(client: Any) -> None:
        calls.append("end")
        if len(calls) >= 6:
            stop.set()

    monkeypatch.setattr(rounds, "ROUNDS", (fail, away, end))
    monkeypatch.setattr(rounds, "LOOK_S", 0.001)
    monkeypatch.setattr(rounds, "PAUSE_S", 0.001)
    rounds.make_rounds(redis_client, stop)
    assert calls == ["failed", "away", "end"] * 2
