"""What is too old is forgotten: never what is in force, or what says since when; a bounded piece at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from segments.actions import cancel_build, finish_build, plan_build, put_in_force
from segments.models import Build, Roster, SegmentChange, SegmentSize, SegmentVersion
from segments.queries import newest_roster
from segments.retention import BUILDS_KEPT, HOURS_KEPT, ROSTERS_KEPT, forget_past
from tests.admin.operators import condition

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 3, 50, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEPT = timedelta(days=180)


def forget(seconds: float = 60) -> bool:
    return forget_past(at=NOW, changes_kept=KEPT, seconds=seconds)


def plan(at: datetime, plan: str) -> Build:
    build = plan_build([{"slug": "gold", "condition": condition(value=plan)}], zone="UTC", source="Book", at=at)
    assert build is not None
    return build


def end(build: Build, at: datetime) -> None:
    assert put_in_force(build, at=at)
    finish_build(build, settled=(), at=at)


def test_of_an_old_day_the_last_hour_stays() -> None:
    midnight = datetime(2026, 10, 1, tzinfo=UTC)
    for version, hours in ((1, (0, 5, 23, 24)), (2, (3,))):
        for hour in hours:
            SegmentSize.objects.create(segment="gold", version=version, hour=midnight + hour * HOUR, size=hour)
    young = NOW - HOURS_KEPT + HOUR
    for hour in (0, 1):
        SegmentSize.objects.create(segment="gold", version=1, hour=young + hour * HOUR, size=100 + hour)
    assert not forget()
    left = SegmentSize.objects.order_by("version", "hour").values_list("version", "size")
    assert list(left) == [(1, 23), (1, 24), (1, 100), (1, 101), (2, 3)]


def change(at: datetime) -> SegmentChange:
    return SegmentChange.objects.create(profile_id=uuid4(), segment="gold", what="entered", at=at, cause="event")


def test_old_changes_leave_in_pieces(monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any) -> None:
    monkeypatch.setattr("segments.retention.CHUNK", 3)
    for number in range(10):
        change(NOW - KEPT - timedelta(hours=10 - number))
    kept = [change(NOW - KEPT + timedelta(hours=number)) for number in range(1, 5)]
    assert not forget()
    assert list(SegmentChange.objects.order_by("id")) == kept
    with django_assert_max_num_queries(8):
        assert not forget()


def test_when_the_time_is_over_the_rest_is_left_for_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segments.retention.CHUNK", 3)
    for number in range(10):
        change(NOW - KEPT - timedelta(hours=10 - number))
    assert forget(seconds=0)
    assert SegmentChange.objects.count() == 7
    turns = 1
    while forget(seconds=0):
        turns += 1
    assert (SegmentChange.objects.count(), turns) == (0, 4)


def test_old_builds_leave_but_not_those_that_say_since_when_something_answers() -> None:
    old = NOW - BUILDS_KEPT - DAY
    end(plan(old, "copper"), old)
    called_off = plan(old, "silver")
    assert cancel_build(called_off, at=old)
    in_force = plan(old, "gold")
    end(in_force, old)
    young = Build.objects.create(roster=1, state=Build.State.DONE, queued=NOW, finished=NOW - DAY)
    waiting = Build.objects.create(roster=1, queued=old)
    assert not forget()
    assert set(Build.objects.all()) == {in_force, young, waiting}
    assert SegmentVersion.objects.count() == 3  # their numbers are never given away again


def test_rosters_leave_but_the_newest_and_those_that_builds_name() -> None:
    for number in range(1, ROSTERS_KEPT + 8):
        Roster.objects.create(number=number, payload={}, at=NOW)
    Build.objects.create(roster=3, state=Build.State.DONE, queued=NOW, finished=NOW)
    newest = newest_roster()
    assert not forget()
    assert set(Roster.objects.values_list("number", flat=True)) == {3, *range(8, ROSTERS_KEPT + 8)}
    assert newest_roster() == newest


def test_where_nothing_ever_happened_nothing_is_forgotten() -> None:
    assert not forget()
