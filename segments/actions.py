"""Writes of segments: rosters and builds, each with what it replaces in one transaction; what came and went."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext_noop
from msgspec.structs import replace

from profiles.locks import PUBLISH_BOOK, take_turns
from segments.models import Build, SegmentVersion
from segments.models import Roster as StoredRoster
from segments.planning import Plan, call_off, cut_over, forget, plan_roster
from segments.queries import find_list_numbers, find_versions, newest_versions, read_as_of, read_roster, to_versions
from segments.roster import LIST, Roster
from segments.rows import ChangeRow

BEFORE_FORCE = (
    *(Build.State.QUEUED, Build.State.COLLECTING, Build.State.ADOPTING),
    *(Build.State.ENROLLING, Build.State.FILLING),
)
MAX_TRIES = 5  # failures in a row that end a build
LOST_SERVER = "lost"  # in the place of the Redis that people were handed out with
SUPERSEDED = gettext_noop("The segments were published anew before it was in force.")


@transaction.atomic
def plan_build(definitions: Sequence[Mapping[str, Any]], *, zone: str, source: str, at: datetime) -> Build | None:
    """Starts the way to these definitions: what is new or changed is filled in the background while the old versions
    answer. None when there is nothing to do. What was on its way before and is not in force yet is called off."""
    take_turns(PUBLISH_BOOK)
    return _follow(plan_roster(to_versions(definitions), read_roster(), newest_versions(), zone=zone), source, at)


@transaction.atomic
def replan(*, source: str, at: datetime) -> Build | None:
    """Starts the way from what is in force, or on its way, to the same with the newest versions of its lists."""
    take_turns(PUBLISH_BOOK)
    now = read_roster()
    wanted = [version for key in now.coming.values() if (version := now.find(key)) is not None]
    numbers = find_list_numbers(each.segment for each in wanted if each.kind == LIST)
    newest = [replace(each, version=numbers.get(each.segment, each.version)) for each in wanted]
    return _follow(plan_roster(newest, now, newest_versions(), zone=now.zone), source, at)


def _follow(plan: Plan | None, source: str, at: datetime) -> Build | None:
    if plan is None:
        return None
    for each in plan.fresh:
        as_of = read_as_of(each.as_of, at) if each.kind == "snapshot" else None
        SegmentVersion.objects.get_or_create(
            segment=each.segment,
            version=each.version,
            defaults={"kind": each.kind, "condition": each.condition, "as_of": as_of, "source": source, "made": at},
        )
    _supersede(at)
    _store(plan.roster, at)
    build = Build.objects.create(roster=plan.roster.number, queued=at)
    build.versions.set(find_versions(plan.filling))
    return build


def plan_recall(properties: Mapping[str, Sequence[str]], *, at: datetime) -> Build:
    """Starts to remember these properties, by event, of what was archived before they were declared."""
    paths = {name: list(declared) for name, declared in properties.items()}
    return Build.objects.create(recalls=paths, roster=read_roster().number, queued=at)


def _supersede(at: datetime) -> None:
    waiting = Build.objects.filter(state__in=BEFORE_FORCE, upload=None, recalls={})
    waiting.update(state=Build.State.CANCELLED, error=SUPERSEDED, finished=at)


@transaction.atomic
def cancel_build(build: Build, *, at: datetime, why: str = "", state: str = Build.State.CANCELLED) -> bool:
    """The old versions go on to answer. False when it was too late: the new ones are in force, or it has ended."""
    take_turns(PUBLISH_BOOK)
    cancelled = Build.objects.filter(pk=build.pk, state__in=BEFORE_FORCE).update(state=state, finished=at, error=why)
    if cancelled and build.upload_id is None and not build.recalls:
        _store(call_off(read_roster()), at)
    return bool(cancelled)


@transaction.atomic
def put_in_force(build: Build, *, at: datetime) -> bool:
    """What the build has filled answers from now on, everywhere at once. False when it was cancelled meanwhile."""
    take_turns(PUBLISH_BOOK)
    roster = cut_over(read_roster())
    state = Build.State.SETTLING
    moved = Build.objects.filter(pk=build.pk, state__in=BEFORE_FORCE).update(
        state=state, in_force=at, roster=roster.number, asked=None, cursor=None, done=0, total=0
    )
    if moved:
        _store(roster, at)
        build.refresh_from_db()
    return bool(moved)


@transaction.atomic
def add_again(build: Build, *, at: datetime) -> Build:
    """Another build that does what this one was to: people of a file into their list, properties out of the past."""
    take_turns(PUBLISH_BOOK)
    again = Build.objects.create(
        upload_id=build.upload_id, recalls=build.recalls, roster=read_roster().number, queued=at
    )
    again.versions.set(build.versions.all())
    return again


@transaction.atomic
def finish_build(build: Build, *, settled: Iterable[str], at: datetime) -> None:
    """Nobody carries what it replaced any more."""
    take_turns(PUBLISH_BOOK)
    roster = read_roster()
    if set(settled) & roster.retired.keys():
        _store(forget(roster, settled), at)
    Build.objects.filter(pk=build.pk).update(state=Build.State.DONE, finished=at, error="")


@transaction.atomic
def begin_builds_again() -> None:
    """Whoever is being asked for builds may never have heard of it: their walks begin anew (ingestion.builder)."""
    Build.objects.exclude(state__in=Build.ENDED).exclude(server="").update(server=LOST_SERVER)


def blame_build(build: Build, reason: str, *, at: datetime) -> None:
    """Notes a failure. After several in a row the build has failed, and the old versions go on to answer."""
    Build.objects.filter(pk=build.pk).update(tries=F("tries") + 1, error=reason)
    build.refresh_from_db()
    if build.tries >= MAX_TRIES:
        cancel_build(build, at=at, why=reason, state=Build.State.FAILED)


def _store(roster: Roster, at: datetime) -> None:
    payload = msgspec.to_builtins(replace(roster, number=0))
    StoredRoster.objects.create(number=roster.number, payload=payload, at=at)


def record_changes(rows: Sequence[ChangeRow]) -> None:
    """Keeps who entered and left which segment, each once."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segments_segmentchange (profile_id, segment, what, at, cause, because) SELECT * FROM unnest("
            "%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING",
            [list(column) for column in zip(*rows, strict=True)],
        )
