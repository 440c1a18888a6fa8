"""What is too old leaves, what is not stays, in pieces; the page says of every table and key how long it is kept."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model
from django.utils import timezone

from ingestion.models import DeadLetter, Outcome, PublishedDirectory
from personalization import retention
from personalization.celery import application
from personalization.retention import KEPT, NEWEST, forget_what_is_old
from profiles import keys
from profiles.audit import Act, record_act
from profiles.models import AuditEntry, Rebuild
from rules.models import BackTest
from segments.models import Segment, SegmentVersion, Upload
from tests.product import ROOT

PAGE = (Path(ROOT) / "docs/reference/retention.md").read_text()


def _letter(at: datetime) -> Model:
    number = DeadLetter.objects.count()
    letter = {"partition": 0, "offset": f"{number}-0", "raw": b"", "reason": "no", "tries": 3}
    return DeadLetter.objects.create(**letter, at=at, replayed=at)


def _audit(at: datetime) -> Model:
    olga, _ = User.objects.get_or_create(username="olga")
    return record_act(Act.EXPORTED, by=olga, at=at, kind="person", subject="x")


def _log(at: datetime) -> Model:
    olga, _ = User.objects.get_or_create(username="olga")
    return LogEntry.objects.create(user=olga, object_repr="x", action_flag=CHANGE, action_time=at)


def _sign_in(model: Any, **more: int) -> Callable[[datetime], Model]:
    def make(at: datetime) -> Model:
        row: Model = model.objects.create(username=f"olga-{at}", ip_address="127.0.0.1", **more)
        model.objects.filter(pk=row.pk).update(attempt_time=at)
        return row

    return make


def _count(at: datetime) -> Model:
    return Outcome.objects.create(day=at.date(), source=f"s{Outcome.objects.count()}", outcome="accepted", count=1)


def _back_test(at: datetime) -> Model:
    return BackTest.objects.create(payload={}, since=at, until=at, created=at)


MAKE: dict[str, tuple[type[Model], Callable[[datetime], Model]]] = {
    "dead letters that were replayed": (DeadLetter, _letter),
    "audit entries": (AuditEntry, _audit),
    "operators' log": (LogEntry, _log),
    "sign-ins": (AccessLog, _sign_in(AccessLog)),
    "failed sign-ins": (AccessFailureLog, _sign_in(AccessFailureLog)),
    "attempts to sign in": (AccessAttempt, _sign_in(AccessAttempt, failures_since_start=1)),
    "counters of outcomes": (Outcome, _count),
    "back-tests": (BackTest, _back_test),
}


def test_every_place_is_tried() -> None:
    assert {kept.name for kept in KEPT} == MAKE.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("name", MAKE)
def test_what_is_too_old_leaves_and_what_is_not_stays(name: str, settings: Any, monkeypatch: Any) -> None:
    model, make = MAKE[name]
    [kept] = [each for each in KEPT if each.name == name]
    settings.PZ_AUDIT_DAYS = 0
    days = kept.days() or 1_000
    now = timezone.now()
    old = [make(now - timedelta(days=days + 2, seconds=number)) for number in range(3)]
    new = make(now - timedelta(days=days - 2))
    if not kept.days():
        assert not forget_what_is_old(at=now, seconds=60)
        assert model._default_manager.count() == 4
        settings.PZ_AUDIT_DAYS = days
    monkeypatch.setattr(retention, "CHUNK", 1)
    assert forget_what_is_old(at=now, seconds=-1, pause=lambda _: None)  # one piece, and its time is over
    assert model._default_manager.filter(pk__in=[row.pk for row in old]).count() == 2
    assert not forget_what_is_old(at=now, seconds=60, pause=lambda _: None)
    assert list(model._default_manager.values_list("pk", flat=True)) == [new.pk]


@pytest.mark.django_db
def test_letters_that_were_not_replayed_stay() -> None:
    _letter(timezone.now() - timedelta(days=999))
    DeadLetter.objects.update(replayed=None)
    forget_what_is_old(at=timezone.now(), seconds=60)
    assert DeadLetter.objects.exists()


@pytest.mark.django_db
def test_of_some_the_newest_stay() -> None:
    for number in range(103):
        PublishedDirectory.objects.create(payload={"number": number})
        Rebuild.objects.create(mark=number, cause="new", phase="done", began=timezone.now(), heartbeat=timezone.now())
    Rebuild.objects.update(finished=timezone.now())
    forget_what_is_old(at=timezone.now(), seconds=60, pause=lambda _: None)
    assert {newest.name for newest in NEWEST} == {"published directories", "rebuilds"}
    assert PublishedDirectory.objects.count() == Rebuild.objects.count() == 100
    assert PublishedDirectory.objects.order_by("-pk")[0].payload == {"number": 102}


@pytest.mark.django_db
def test_what_refused_rows_said_is_not_kept() -> None:
    now = timezone.now()
    version = SegmentVersion.objects.create(segment="list", version=1, kind="list", made=now)
    segment = Segment.objects.create(slug="list", name="List", kind="list")
    for days in (91, 89):
        Upload.objects.create(
            segment=segment,
            version=version,
            file="f",
            column="1",
            replaces=False,
            problems=[1],
            at=now - timedelta(days),
        )
    forget_what_is_old(at=now, seconds=60, pause=lambda _: None)
    assert [upload.problems for upload in Upload.objects.order_by("at")] == [[], [1]]


def test_the_page_tells_of_every_table() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    told = set(re.findall(r"`([a-z0-9_]+_[a-z0-9_]+)`", PAGE))
    assert tables - told == set()


def test_the_page_tells_of_every_key() -> None:
    source = (Path(ROOT) / "profiles/keys.py").read_text()
    names = set(re.findall(r'"(pz:[a-z]+)', source)) | {f"pz:{keys.ERASED.partition(':')[2]}"}
    assert {name for name in names if f"`{name}" not in PAGE} == set()


def test_the_page_tells_of_every_job_and_setting() -> None:
    forgets = {name for name in application.conf.beat_schedule if name.startswith(("forget-", "drop-"))}
    assert {name for name in forgets if f"`{name}`" not in PAGE} == set()
    for setting in ("PZ_ARCHIVE_MONTHS", "PZ_IDLE_DAYS", "PZ_AUDIT_DAYS"):
        assert f"`{setting}`" in PAGE and getattr(settings, setting) == 0
    for kept in KEPT:
        assert kept.days() == 0 or f"{kept.days()} days" in PAGE
