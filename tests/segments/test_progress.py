"""How far a build is, when it counts as stuck, and which missing part is named first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from segments.models import Build
from segments.progress import (
    CAUSES,
    NO_ARCHIVER,
    NO_PROCESSOR,
    NO_REDIS,
    NO_WORKER,
    STUCK_AFTER,
    Alive,
    follow_builds,
    is_stuck,
    say_cause,
    say_duration,
    say_progress,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
NO_BUILDER = Alive(builder=False)


def make(state: str = Build.State.FILLING, quiet: timedelta = timedelta(), **fields: Any) -> Build:
    """A build that last got anywhere so long ago."""
    return Build(**{"pk": 7, "state": state, "queued": NOW - timedelta(hours=1), "heartbeat": NOW - quiet, **fields})


def test_stuck_is_who_got_nowhere_for_a_minute() -> None:
    assert not is_stuck(make(quiet=STUCK_AFTER), at=NOW, alive=NO_BUILDER)
    assert is_stuck(make(quiet=STUCK_AFTER + MOMENT), at=NOW, alive=NO_BUILDER)


def test_who_was_never_taken_up_counts_from_when_it_was_queued() -> None:
    young = make(Build.State.QUEUED, heartbeat=None, queued=NOW - STUCK_AFTER)
    old = make(Build.State.QUEUED, heartbeat=None)
    assert [is_stuck(build, at=NOW, alive=NO_BUILDER) for build in (young, old)] == [False, True]


@pytest.mark.parametrize("state", Build.ENDED)
def test_what_has_ended_is_not_stuck(state: str) -> None:
    assert not is_stuck(make(state, timedelta(days=1)), at=NOW, alive=NO_BUILDER)


def test_collecting_may_take_its_time_while_somebody_is_at_it_and_nothing_went_wrong() -> None:
    build = make(Build.State.COLLECTING, timedelta(minutes=20))
    assert not is_stuck(build, at=NOW, alive=Alive())
    assert is_stuck(build, at=NOW, alive=NO_BUILDER)
    build.error = "OperationalError: too many connections"
    assert is_stuck(build, at=NOW, alive=Alive())


@pytest.mark.parametrize(
    ("alive", "state", "error", "said"),
    [
        (Alive(redis=False, archiver=False, processor=False, builder=False), "filling", "Odd.", NO_REDIS),
        (Alive(archiver=False, processor=False, builder=False), "filling", "Odd.", NO_ARCHIVER),
        (Alive(processor=False, builder=False), "filling", "Odd.", NO_PROCESSOR),
        (Alive(processor=False, builder=False), "enrolling", "", NO_PROCESSOR),
        (Alive(processor=False, builder=False), "settling", "", NO_PROCESSOR),
        (Alive(processor=False, builder=False), "queued", "", NO_WORKER),
        (Alive(processor=False), "collecting", "Odd.", "Odd."),
        (Alive(builder=False), "filling", "Odd.", "Odd."),
        (Alive(builder=False), "filling", "", NO_WORKER),
        (Alive(builder=False), "filling", NO_REDIS, NO_WORKER),  # what was said before holds no longer
        (Alive(), "filling", NO_WORKER, ""),
    ],
)
def test_the_part_that_is_missing_is_named(alive: Alive, state: str, error: str, said: str) -> None:
    assert say_cause(make(state, error=error), alive) == said


def test_each_cause_has_words_of_its_own() -> None:
    assert len(set(CAUSES)) == len(CAUSES) == 4


def test_progress_has_a_rate_and_an_estimate_of_what_is_left() -> None:
    build = make(done=200, total=1_000, asked=NOW - timedelta(seconds=20))
    progress = follow_builds([build], at=NOW, alive=Alive())[7]
    assert (progress.percent, progress.rate, progress.left_s) == (20, 10.0, 80)
    assert say_progress(progress) == "200 of 1,000 people asked, about 1 min 20 s left"


@pytest.mark.parametrize(
    ("fields", "percent", "said"),
    [
        ({}, None, ""),
        ({"total": 10}, 0, "0 of 10 people asked"),
        ({"total": 10, "asked": NOW}, 0, "0 of 10 people asked"),
        ({"total": 10, "done": 4, "asked": NOW}, 40, "4 of 10 people asked"),
        ({"total": 10, "done": 10, "asked": NOW - MOMENT}, 100, "10 of 10 people asked"),
        ({"total": 10, "done": 12, "asked": NOW - MOMENT}, 100, "12 of 10 people asked"),  # some came meanwhile
        (
            {"total": 2_000_000, "done": 1, "asked": NOW - MOMENT},
            0,
            "1 of 2,000,000 people asked, about 33 min 20 s left",
        ),
    ],
)
def test_nothing_is_estimated_of_nothing(fields: dict[str, Any], percent: int | None, said: str) -> None:
    progress = follow_builds([make(**fields)], at=NOW, alive=Alive())[7]
    assert (progress.percent, say_progress(progress)) == (percent, said)


def test_a_stuck_build_promises_no_time() -> None:
    build = make(quiet=timedelta(minutes=5), done=5, total=10, asked=NOW - timedelta(minutes=6), error="Odd.")
    progress = follow_builds([build], at=NOW, alive=Alive())[7]
    assert (progress.is_stuck, progress.waits_for, say_progress(progress)) == (True, "Odd.", "5 of 10 people asked")


def test_builds_wait_for_their_turn() -> None:
    first, second = make(pk=7), make(Build.State.QUEUED, timedelta(hours=1), pk=8)
    progress = follow_builds([first, second], at=NOW, alive=NO_BUILDER)
    assert (progress[8].is_stuck, progress[8].waits_for) == (False, "Its turn comes after build 7.")
    assert follow_builds([], at=NOW, alive=NO_BUILDER) == {}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "under 1 s"),
        (0.99, "under 1 s"),
        (-5, "under 1 s"),
        (1, "1 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (3_659, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_in_words(seconds: float, said: str) -> None:
    assert say_duration(timedelta(seconds=seconds)) == said
