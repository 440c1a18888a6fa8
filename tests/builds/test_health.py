"""How a segment is, in one word and a sentence, from its draft to its being in force, and when that goes wrong."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rules.actions import build_again
from rules.queries import find_published
from segments.actions import MAX_TRIES, SUPERSEDED, blame_build, cancel_build, plan_recall
from segments.health import Health, State, list_health
from segments.models import Build, Segment
from segments.progress import NO_PROCESSOR, Alive
from segments.sizes import store_sizes
from tests.builds.conftest import Engine, define, did, publish
from tests.rosters import end_builds

PEOPLE = tuple(f"visitor-{number}" for number in range(8))
LATER = timedelta(minutes=2)


def look(slug: str, later: timedelta = timedelta(), **missing: bool) -> Health:
    alive = Alive(**{"builder": False, **missing})
    [health] = list_health(find_published(), at=timezone.now() + later, alive=alive, only=[slug])
    return health


def say(slug: str, later: timedelta = timedelta(), **missing: bool) -> tuple[State, str]:
    health = look(slug, later, **missing)
    return health.state, health.reason


@pytest.fixture
def crowd(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr("ingestion.builder.CHUNK", 3)
    engine.send("Page Viewed", people=PEOPLE)
    return engine


def test_from_a_draft_to_being_in_force(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    assert say("seen") == (State.DRAFT, "Not part of the published Book.")
    build = publish()
    assert say("seen") == (State.WAITING, "Version 1 is about to be filled: queued. Nobody is in it before that.")
    seen = []

    def watch() -> None:
        seen.append(say("seen"))
        crowd.run()

    crowd.build(watch)
    filling = [reason for state, reason in seen if state == State.FILLING]
    assert filling and all(reason.startswith("Version 1 is being filled: ") for reason in filling)
    assert all("of 8 people asked" in reason and "Nobody is in it before that." in reason for reason in filling)
    assert (State.IN_FORCE, "Version 1 answers; who has come and gone by it is being noted.") in seen
    health = look("seen")
    assert (health.state, health.reason, health.version) == (State.IN_FORCE, "Version 1 answers.", 1)
    assert build is not None
    build.refresh_from_db()
    assert health.since == build.in_force
    assert (health.size, health.build, health.error) == (None, None, "")
    assert not health.is_troubled
    store_sizes(at=timezone.now())
    health = look("seen")
    assert (health.size, health.day_change) == (8, None)
    assert health.changed is not None and (health.changed.what, health.changed.cause) == ("entered", "build")


def test_the_old_version_answers_while_the_new_one_is_filled(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    publish()
    crowd.build()
    store_sizes(at=timezone.now())
    define("seen", did("Product Viewed"))
    publish()
    state, reason = say("seen")
    assert (state, reason) == (State.WAITING, "Version 2 is about to be filled: queued. Version 1 goes on to answer.")
    assert (look("seen").version, look("seen").size) == (1, 8)
    crowd.build()
    assert (look("seen").version, look("seen").size) == (2, None)  # what was counted were others


def test_a_stuck_build_says_why_and_what_answers_meanwhile(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    define("other", did("Product Viewed"))
    publish()
    state, reason = say("seen", LATER)
    assert state == State.STUCK
    assert reason.startswith("Version 1 gets nowhere: No worker has taken it up")
    assert look("seen", LATER).is_troubled and look("other", LATER).is_troubled
    Build.objects.update(state=Build.State.FILLING)
    assert say("seen", LATER, processor=False) == (
        State.STUCK,
        f"Version 1 gets nowhere: {NO_PROCESSOR} Nobody is in it before that.",
    )


def test_who_waits_for_something_says_for_what(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    publish()
    Build.objects.update(error="Waiting for the archiver.", heartbeat=timezone.now())
    assert say("seen") == (State.WAITING, "Version 1: Waiting for the archiver. Nobody is in it before that.")


def test_tidying_up_that_is_stuck_is_trouble_though_the_segment_is_in_force(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    publish()
    crowd.build()
    Build.objects.update(state=Build.State.SETTLING, error="Waiting for the archiver.")
    health = look("seen", LATER)
    assert health.reason == "Version 1 answers; tidying up is stuck: Waiting for the archiver."
    assert (health.state, health.is_troubled) == (State.IN_FORCE, True)


def test_a_failed_build_is_told_until_it_is_tried_again(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    build = publish()
    assert build is not None
    for _ in range(MAX_TRIES):
        blame_build(build, "ValueError: no way", at=timezone.now())
    health = look("seen")
    assert health.state == State.FAILED
    ended = f"Build {build.pk} did not bring what is published into force."
    expected = f"{ended} ValueError: no way. Nobody is in it before that."
    assert (health.reason, health.error, health.build) == (expected, "ValueError: no way", None)
    again = build_again(build, at=timezone.now())
    assert again is not None
    assert say("seen")[0] == State.WAITING
    crowd.build()
    health = look("seen")
    assert (health.state, health.version, health.error) == (State.IN_FORCE, 2, "")


def test_a_cancelled_build_is_told_until_what_answers_is_published_again(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    publish()
    crowd.build()
    define("seen", did("Product Viewed"))
    build = publish()
    assert build is not None
    cancel_build(build, at=timezone.now(), why="Cancelled by anna.")
    ended = f"Build {build.pk} did not bring what is published into force."
    said = f"{ended} Cancelled by anna. Version 1 goes on to answer."
    assert say("seen") == (State.CANCELLED, said)
    define("seen", did("Page Viewed"))
    assert publish() is None
    assert say("seen") == (State.IN_FORCE, "Version 1 answers.")


def test_what_is_tried_again_is_what_is_published_now(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    first = publish()
    define("seen", did("Product Viewed"))
    second = publish()
    assert first is not None and second is not None
    first.refresh_from_db()
    assert (first.state, first.error) == (Build.State.CANCELLED, SUPERSEDED)
    assert build_again(first, at=timezone.now()) is None  # the second is at it
    crowd.build()
    assert build_again(first, at=timezone.now()) is None  # and has done it
    assert look("seen").version == 2


def test_before_the_first_book_nothing_can_be_tried_again(crowd: Engine) -> None:
    build = Build.objects.create(roster=1, queued=timezone.now(), state=Build.State.FAILED)
    assert build_again(build, at=timezone.now()) is None


def test_what_is_withdrawn_is_a_draft_again(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    publish()
    crowd.build()
    define("seen", did("Page Viewed"), live=False)
    publish()
    assert say("seen") == (State.DRAFT, "Not part of the published Book.")
    assert look("seen").version is None


def test_a_segment_in_force_whose_draft_is_gone_is_still_told(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    publish()
    crowd.build()
    Segment.objects.all().delete()
    [health] = list_health(find_published(), at=timezone.now(), alive=Alive())
    assert (health.segment, health.name, health.state) == ("seen", "seen", State.IN_FORCE)


def test_a_book_that_was_published_before_there_were_builds_says_what_to_do(crowd: Engine) -> None:
    define("seen", did("Page Viewed"))
    publish()
    published = find_published()
    Build.objects.all().delete()
    [health] = list_health(published, at=timezone.now(), alive=Alive())
    assert (health.state, health.reason.partition(":")[0]) == (
        State.WAITING,
        "No build was started for what is published",
    )


def test_trouble_comes_first_and_many_segments_take_no_more_queries(db: None, django_assert_num_queries: Any) -> None:
    def ask() -> list[Health]:
        published = find_published()
        return list_health(published, at=timezone.now(), alive=Alive())

    for number in range(3):
        define(f"s{number}", did("Page Viewed"))
    publish()
    end_builds()
    define("s2", did("Product Viewed"))
    build = publish()
    assert build is not None
    cancel_build(build, at=timezone.now())
    assert [health.segment for health in ask()] == ["s2", "s0", "s1"]
    with django_assert_num_queries(9):
        ask()
    for number in range(3, 40):
        define(f"s{number}", did("Page Viewed"))
    publish()
    with django_assert_num_queries(10):  # and one for the versions of the build under way
        assert len(ask()) == 40


def test_a_recall_that_was_cancelled_is_tried_again_by_itself(crowd: Engine) -> None:
    """And publishing segments meanwhile does not stand in its way."""
    first = plan_recall({"Page Viewed": ["fabric"]}, at=timezone.now())
    assert cancel_build(first, at=timezone.now())
    define("seen", did("Page Viewed"))
    publish()
    again = build_again(first, at=timezone.now())
    assert again is not None
    assert again.recalls == {"Page Viewed": ["fabric"]}
    crowd.build()
    assert set(Build.objects.exclude(pk=first.pk).values_list("state", flat=True)) == {Build.State.DONE}
