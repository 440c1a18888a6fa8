"""Work by the clock: every entry of the schedule names a task that is there, and the tasks do what they say."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from personalization.celery import application
from personalization.tasks import drop_expired_sessions


def test_the_schedule_names_tasks_that_are_there() -> None:
    application.loader.import_default_modules()
    entries = application.conf.beat_schedule
    assert len(entries) >= 1
    assert {entry["task"] for entry in entries.values()} <= set(application.tasks)


@pytest.mark.django_db
def test_sessions_that_have_ended_leave() -> None:
    now = timezone.now()
    for key, days in (("old", -1), ("new", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=days))
    drop_expired_sessions()
    drop_expired_sessions()
    assert [each.session_key for each in Session.objects.all()] == ["new"]
