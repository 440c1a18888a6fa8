"""`manage.py segments` tells how the segments are, `manage.py cancel_build` calls a build off."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from rules.actions import publish_book
from segments.models import Build, Segment
from segments.progress import NO_ARCHIVER, NO_PROCESSOR
from segments.sizes import store_sizes
from tests.admin.operators import condition
from tests.rosters import end_builds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]


def run(*command: str) -> str:
    said = StringIO()
    call_command(*command, stdout=said)
    return said.getvalue()


def publish(slug: str) -> Build:
    Segment.objects.create(slug=slug, name=slug.title(), condition=condition())
    publish_book(by=None, at=timezone.now())
    build = Build.objects.first()
    assert build is not None
    return build


def test_a_table_for_people() -> None:
    publish("gold")
    end_builds()
    store_sizes(at=timezone.now())
    publish("silver")
    Build.objects.filter(state=Build.State.QUEUED).update(queued=timezone.now() - timedelta(minutes=3))
    lines = run("segments").splitlines()
    assert lines[:2] == [NO_ARCHIVER, NO_PROCESSOR]
    assert lines[2].startswith("Membership is late by under 1 s, events wait for under 1 s")
    assert lines[3].split("  ")[0] == "SEGMENT"
    assert lines[4].split()[:4] == ["silver", "stuck", "-", "-"]
    assert lines[5].strip().startswith("Version 1 gets nowhere: No archiver is running")
    assert lines[6].split()[:6] == ["gold", "in", "force", "0", "-", "1"]
    assert len(lines) == 7


def test_everything_for_programs() -> None:
    build = publish("gold")
    told: dict[str, Any] = json.loads(run("segments", "--json"))
    assert told["alive"] == {"redis": True, "archiver": False, "processor": False, "builder": False}
    assert told["lag"] == {"timers": 0, "log": 0, "archive": 0}
    [gold] = told["segments"]
    assert (gold["segment"], gold["state"], gold["version"], gold["size"]) == ("gold", "waiting", None, None)
    assert gold["build"]["build"] == build.pk
    end_builds()
    [gold] = json.loads(run("segments", "--json"))["segments"]
    assert (gold["state"], gold["version"], gold["build"]) == ("in force", 1, None)


def test_nothing_is_defined_yet() -> None:
    assert run("segments").splitlines()[-1].startswith("SEGMENT")
    assert json.loads(run("segments", "--json"))["segments"] == []


def test_a_build_is_called_off() -> None:
    build = publish("gold")
    assert run("cancel_build", str(build.pk)) == f"build {build.pk} is cancelled\n"
    build.refresh_from_db()
    assert (build.state, build.error) == (Build.State.CANCELLED, "Cancelled by manage.py cancel_build.")
    with pytest.raises(CommandError, match=f"too late: build {build.pk} is cancelled"):
        run("cancel_build", str(build.pk))


def test_a_build_that_is_not_there_is_said() -> None:
    with pytest.raises(CommandError, match="there is no build 77"):
        run("cancel_build", "77")
    with pytest.raises(CommandError, match="invalid int value"):
        run("cancel_build", "x")
