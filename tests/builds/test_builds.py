"""A segment that is new or changed is filled in the background: everybody is asked, and it answers all at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ingestion.actions import choose_properties
from ingestion.builder import CHUNK
from ingestion.models import EventProperty, EventType
from personalization.wiring import clock, make_builder
from profiles import keys
from profiles.models import StoredProfile
from segments.actions import MAX_TRIES, cancel_build
from segments.conditions.calendar import UTC_CALENDAR
from segments.conditions.parse import parse_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import compare
from segments.models import Build, SegmentChange, SegmentVersion
from segments.queries import read_roster
from tests.builds.conftest import PARTITIONS, Engine, define, did, in_segment, publish

PEOPLE = tuple(f"visitor-{number}" for number in range(30))
VIEWERS, OTHERS = PEOPLE[:12], PEOPLE[12:]


@pytest.fixture
def crowd(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Thirty people, twelve of whom have viewed a product; a chunk is seven of them."""
    monkeypatch.setattr("ingestion.builder.CHUNK", 7)
    monkeypatch.setattr("ingestion.builder.RECORD", 2)
    engine.send("Page Viewed", people=PEOPLE)
    engine.send("Product Viewed", people=VIEWERS)
    return engine


def members(engine: Engine, slug: str) -> set[str]:
    return {person for person in PEOPLE if slug in engine.segments(f"a:{person}")}


def told(slug: str) -> list[tuple[str, str]]:
    return sorted(SegmentChange.objects.filter(segment=slug).values_list("what", "cause"))


def test_everybody_who_was_there_before_is_in_a_new_segment(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    publish()
    assert members(crowd, "keen") == set()
    build = crowd.build()
    assert (build.state, build.error) == (Build.State.DONE, "")
    assert members(crowd, "keen") == set(VIEWERS)
    assert told("keen") == [("entered", "build")] * len(VIEWERS)
    stored = StoredProfile.objects.filter(segments__has_key="keen@1").count()
    assert stored == len(VIEWERS)


def test_the_archive_counts_the_same_people_as_the_stream(crowd: Engine) -> None:
    for slug, node in (("keen", did("Product Viewed")), ("bored", did("Product Viewed", did=False))):
        define(slug, node)
    publish()
    crowd.build()
    for slug, key in read_roster().answers.items():
        root = parse_condition(SegmentVersion.objects.get(segment=slug).condition)
        answer = compile_sql(root, Question(clock(), UTC_CALENDAR))
        assert compare(answer, key) == (0, 0)


def test_an_edited_segment_answers_as_before_until_everybody_has_been_asked(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    define("friends", in_segment("keen"))
    publish()
    crowd.build()
    define("keen", did("Product Viewed", did=False))
    publish()
    seen = []

    def look() -> None:
        seen.append((members(crowd, "keen"), members(crowd, "friends")))
        crowd.run()

    crowd.build(look)
    seen.append((members(crowd, "keen"), members(crowd, "friends")))
    assert seen[0] == (set(VIEWERS), set(VIEWERS))
    # Never some of both: it turns for everybody, and for those who ask for it, at one moment.
    assert {frozenset(keen) for keen, _ in seen} == {frozenset(VIEWERS), frozenset(OTHERS)}
    assert all(keen == friends for keen, friends in seen)
    assert {key for person in PEOPLE for key in crowd.profile(f"a:{person}").segments} == {"keen@2", "friends@2"}
    assert {key for person in PEOPLE for key in crowd.stored(f"a:{person}")} == {"keen@2", "friends@2"}
    assert read_roster().retired == {}
    assert told("keen").count(("left", "build")) == len(VIEWERS)
    assert told("keen").count(("entered", "build")) == len(PEOPLE)


def test_whoever_comes_or_changes_while_it_is_filled_is_not_missed(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    define("bored", did("Product Viewed", did=False))
    publish()
    numbers = iter(range(1_000))

    def live() -> None:
        number = next(numbers)
        crowd.log_events("Page Viewed", people=[f"new-{number}"])
        crowd.log_events("Product Viewed", people=[OTHERS[number % len(OTHERS)]])
        crowd.run()

    crowd.build(live)
    number = next(numbers)
    assert number > 5
    viewed = {*VIEWERS, *OTHERS[:number]}
    assert members(crowd, "keen") == viewed
    assert members(crowd, "bored") == set(PEOPLE) - viewed
    assert all("bored" in crowd.segments(f"a:new-{each}") for each in range(number))


def test_a_builder_that_dies_is_followed_by_one_that_goes_on(crowd: Engine) -> None:
    class Killed(BaseException):
        """As kill -9: nobody catches it."""

    def die() -> None:
        if Build.objects.get().done >= 14:
            raise Killed
        crowd.run()

    define("keen", did("Product Viewed"))
    publish()
    with pytest.raises(Killed):
        crowd.build(die)
    assert 0 < Build.objects.get().done < len(PEOPLE)
    assert crowd.build().state == Build.State.DONE
    assert members(crowd, "keen") == set(VIEWERS)


def test_a_cancelled_build_leaves_the_old_version_in_force(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    publish()
    crowd.build()
    define("keen", did("Product Viewed", did=False))
    build = publish()
    assert build is not None

    def cancel() -> None:
        build.refresh_from_db()
        if build.done:
            cancel_build(build, at=timezone.now())
        crowd.run()

    assert crowd.build(cancel).state == Build.State.CANCELLED
    assert members(crowd, "keen") == set(VIEWERS)
    assert read_roster().coming == {"keen": "keen@1"}
    assert not cancel_build(build, at=timezone.now())
    publish()  # and it can be asked for again
    crowd.build()
    assert members(crowd, "keen") == set(OTHERS)


def test_publishing_again_takes_the_place_of_what_is_not_in_force_yet(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    first = publish()
    assert first is not None

    def publish_again() -> None:
        first.refresh_from_db()
        if first.done and first.state == Build.State.FILLING:
            define("keen", did("Product Viewed", did=False))
            publish()
        crowd.run()

    crowd.build(publish_again)
    crowd.build()
    first.refresh_from_db()
    assert first.state == Build.State.CANCELLED
    assert members(crowd, "keen") == set(OTHERS)


def test_publishing_what_says_the_same_builds_nothing(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    publish()
    crowd.build()
    assert publish() is None


def test_a_segment_that_is_withdrawn_is_left_by_everybody(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    publish()
    crowd.build()
    define("keen", did("Product Viewed"), live=False)
    publish()
    assert members(crowd, "keen") == set()
    crowd.build()
    assert told("keen").count(("left", "build")) == len(VIEWERS)
    assert all(crowd.profile(f"a:{person}").segments == {} for person in PEOPLE)


def test_a_build_says_what_it_waits_for(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    build = publish()
    assert build is not None
    crowd.archiver.drain()
    make_builder().work(0.5)  # and no processor runs
    build.refresh_from_db()
    assert build.state == Build.State.FILLING
    assert build.error.startswith("Waiting for the processors: partition")
    crowd.build()
    build.refresh_from_db()
    assert (build.state, build.error) == (Build.State.DONE, "")


def test_profiles_that_are_not_archived_yet_are_waited_for(crowd: Engine) -> None:
    """Their ids are found in the archive."""
    late = ("late-1", "late-2")
    crowd.log_events("Product Viewed", people=late)
    crowd.process()
    define("keen", did("Product Viewed"))
    build = publish()
    assert build is not None
    make_builder().work(0.5)
    build.refresh_from_db()
    assert build.state == Build.State.ADOPTING
    assert build.error.startswith("Waiting for the archiver")
    crowd.build()
    assert all("keen" in crowd.segments(f"a:{person}") for person in late)


def test_what_fails_again_and_again_is_given_up(crowd: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no way")

    define("keen", did("Product Viewed"))
    build = publish()
    monkeypatch.setattr("ingestion.builder._list_filled", fail)
    for _ in range(MAX_TRIES):
        crowd.build()
    assert build is not None
    build.refresh_from_db()
    assert (build.state, build.error) == (Build.State.FAILED, "ValueError: no way")
    assert read_roster().coming == {}


def test_a_redis_that_was_restarted_is_asked_about_everybody_again(crowd: Engine) -> None:
    """It may have lost what it was handed in its last second, and ids of later events say nothing of that."""
    lost: list[int] = []

    def lose() -> None:
        if Build.objects.get().done >= 14 and not lost:
            lost.extend(crowd.client.delete(keys.log(number)) for number in range(PARTITIONS))
            Build.objects.update(server="another")  # as its number differs after a restart
        crowd.run()

    define("keen", did("Product Viewed"))
    publish()
    crowd.build(lose, seconds=5)  # it waits for what was lost, as long as it may
    assert sum(lost) > 0
    assert crowd.build().state == Build.State.DONE
    assert members(crowd, "keen") == set(VIEWERS)


def test_a_chunk_leaves_live_events_their_turn() -> None:
    """What processors have before them at once: a few thousand profiles, a fraction of a second."""
    assert CHUNK <= 5_000


def test_a_roster_is_told_again_when_redis_has_forgotten(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    publish()
    crowd.client.delete(keys.ROSTER)
    crowd.build()
    assert members(crowd, "keen") == set(VIEWERS)


IS_WOOL = [{"property": "fabric", "op": "is", "value": "wool"}]
WOOL = did("Product Viewed", where=IS_WOOL, window={"last": 7, "unit": "days"})


def test_a_property_that_is_declared_later_is_remembered_of_the_past(engine: Engine) -> None:
    """The preview counts the archive, so that the stream has to know as much."""
    engine.send("Product Viewed", people=["anna"], properties={"fabric": "wool", "category": "Home"})
    engine.send("Product Viewed", people=["anna"], properties={"fabric": "wool"}, user_id="1")
    engine.send("Product Viewed", people=["ben"], properties={"fabric": "linen"})
    define("wool", WOOL)
    publish()
    engine.build()
    assert engine.segments("u:1") == set()
    event_type = EventType.objects.get(name="Product Viewed")
    declared, _ = EventProperty.objects.get_or_create(event_type=event_type, path="fabric")
    declared.indexed = True
    choose_properties([declared])
    build = engine.build()
    assert (build.state, build.recalls, build.done) == (Build.State.DONE, {"Product Viewed": ["fabric"]}, build.total)
    moments = engine.profile("u:1").events["Product Viewed"].recent
    assert [each.properties for each in moments] == [{"category": "Home", "fabric": "wool"}, {"fabric": "wool"}]
    assert engine.segments("u:1") == {"wool"}
    assert engine.segments("a:ben") == set()
    assert told("wool") == [("entered", "build")]
    engine.send("Product Viewed", people=["ben"], properties={"fabric": "wool"})
    assert engine.segments("a:ben") == {"wool"}


def test_nobody_lets_go_of_the_old_version_while_somebody_may_still_answer_by_it(
    crowd: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes look for the roster twice a second; until then they ask profiles for the former version."""
    define("keen", did("Product Viewed"))
    publish()
    crowd.build()
    define("keen", did("Page Viewed"))
    publish()
    monkeypatch.setattr("ingestion.builder.SETTLE_MS", 1_000)
    looks = []

    def look() -> None:
        build = Build.objects.latest("pk")
        if build.state == Build.State.SETTLING and build.asked is not None:
            is_early = timezone.now() < build.asked + timedelta(seconds=1)
            looks.append((is_early, all("keen@1" in crowd.profile(f"a:{person}").segments for person in VIEWERS)))
        crowd.run()

    build = crowd.build(look)
    assert build.state == Build.State.DONE
    assert build.finished is not None and build.asked is not None
    assert build.finished >= build.asked + timedelta(seconds=1)
    assert looks and all(carried for is_early, carried in looks if is_early)
    assert all(set(crowd.profile(f"a:{person}").segments) == {"keen@2"} for person in PEOPLE)


def test_a_build_knows_how_many_it_asks_and_since_when(crowd: Engine) -> None:
    define("keen", did("Product Viewed"))
    publish()
    seen: dict[str, Build] = {}

    def look() -> None:
        build = Build.objects.get()
        if build.asked is not None:
            seen[build.state] = build
        crowd.run()

    crowd.build(look)
    filling, settling = seen[Build.State.FILLING], seen[Build.State.SETTLING]
    assert (filling.total, settling.total) == (len(PEOPLE), len(VIEWERS))
    moments = [filling.started, filling.asked, settling.in_force, settling.asked]
    assert moments == sorted(moment for moment in moments if moment is not None)
