"""Work by the clock: every entry of the schedule names a task that is there, and the tasks do what they say."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from personalization.celery import application
from personalization.tasks import count_segments, drop_expired_sessions, forget_segments_past, sweep_erasures
from profiles.clients import Client
from profiles.models import Erasure, StoredProfile
from rules.actions import publish_book
from segments.models import Segment, SegmentChange, SegmentSize
from studio.models import Session
from tests.admin.operators import condition
from tests.rosters import end_builds


def test_the_schedule_names_tasks_that_are_there() -> None:
    application.loader.import_default_modules()
    entries = application.conf.beat_schedule
    assert len(entries) >= 3
    assert {entry["task"] for entry in entries.values()} <= set(application.tasks)


@pytest.mark.django_db
def test_sessions_that_have_ended_leave() -> None:
    now = timezone.now()
    for key, days in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    drop_expired_sessions()
    drop_expired_sessions()
    assert [each.session_key for each in Session.objects.all()] == ["new"]


@pytest.mark.django_db
def test_the_people_of_segments_are_counted() -> None:
    Segment.objects.create(slug="gold", name="Gold", condition=condition())
    publish_book(by=None, at=timezone.now())
    end_builds()
    count_segments()
    count_segments()
    assert [(size.segment, size.size) for size in SegmentSize.objects.all()] == [("gold", 0)]


@pytest.mark.django_db
def test_changes_of_segments_are_kept_for_as_long_as_the_setting_says(settings: Any) -> None:
    settings.PZ_SEGMENT_CHANGES_DAYS = 10
    now = timezone.now()
    for days in (11, 9):
        SegmentChange.objects.create(profile_id=uuid4(), segment="gold", what="left", at=now - timedelta(days=days))
    forget_segments_past()
    assert [now - change.at for change in SegmentChange.objects.all()] == [timedelta(days=9)]


@pytest.mark.django_db
def test_after_erasures_the_statistics_of_postgresql_are_made_anew(redis_client: Client) -> None:
    now = timezone.now()
    for name in ("ann", "ann", "ben", "ben"):
        StoredProfile.objects.create(id=uuid4(), user_id=name, first_seen=now, last_seen=now, state=b"", updated=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE profiles_storedprofile")
    StoredProfile.objects.filter(user_id="ann").delete()
    sweep_erasures()
    assert _list_known_values() == {"ann", "ben"}
    Erasure.objects.create(requested=now, done=now)
    sweep_erasures()
    assert _list_known_values() == {"ben"}


def _list_known_values() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'profiles_storedprofile' "
            "AND attname = 'user_id'"
        )
        [(said,)] = cursor.fetchall()
    return set(said.strip("{}").split(","))


@pytest.mark.django_db
def test_what_takes_longer_than_its_turn_is_gone_on_with_later(monkeypatch: pytest.MonkeyPatch) -> None:
    again: list[bool] = []
    left = [True, True, False]
    monkeypatch.setattr("personalization.tasks.forget_past", lambda **_: left.pop(0))
    monkeypatch.setattr("personalization.tasks.forget_segments_past.delay", lambda: again.append(True))
    for _ in range(3):
        forget_segments_past()
    assert len(again) == 2
