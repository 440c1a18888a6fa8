"""What a reconciliation found is said where people look: the health page, the log, the admin."""

import logging
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from personalization.checkup_drift import check_drift
from personalization.checkup_parts import Light, Part
from personalization.reconcile.runs import KEPT, begin_run, read_drift, report_run
from profiles.erasures import forget_drift
from profiles.models import Drift, Reconciliation
from tests.admin.operators import sign_in

pytestmark = pytest.mark.django_db


def look() -> Part:
    return check_drift(read_drift(), at=timezone.now())


def finish(*, people: int, differing: int, mended: int, ago: timedelta = timedelta()) -> Reconciliation:
    at = timezone.now() - ago
    run = begin_run(by="test", at=at)
    Reconciliation.objects.filter(pk=run.pk).update(people=people, differing=differing, mended=mended, finished=at)
    run.refresh_from_db()
    return run


def test_the_light_says_how_much_differed_and_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    assert (look().light, look().says) == (Light.GOOD, "Not run yet")
    finish(people=10_000, differing=10, mended=10)
    assert (look().light, look().says) == (Light.GOOD, "Mended")
    finish(people=10_000, differing=10, mended=9)
    assert look().light == Light.WARNING and look().todo
    run = finish(people=10_000, differing=11, mended=11)
    assert look().light == Light.BAD and look().todo
    report_run(run)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "11 differed" in caplog.text
    run = finish(people=10_000, differing=0, mended=0)
    assert look().light == Light.GOOD
    Drift.objects.create(run=run, aspects={"counters": {}}, noticed=timezone.now())
    Reconciliation.objects.filter(pk=run.pk).update(common=2, unjudged=30)
    assert look().light == Light.WARNING
    assert [figure.value for figure in look().figures[-2:]] == ["30", "2"]
    page = sign_in("profiles.view_drift").get("/admin/profiles/drift/").content.decode()
    assert "everybody" in page


def test_a_night_without_it_is_missed(settings: Any) -> None:
    finish(people=10, differing=0, mended=0, ago=timedelta(days=3))
    assert look().light == Light.WARNING
    run = begin_run(by="test", at=timezone.now())
    assert begin_run(by="another", at=timezone.now()) == run
    still = timezone.now() - timedelta(hours=1)
    Reconciliation.objects.filter(pk=run.pk).update(heartbeat=still, note="Waiting for the archiver.")
    assert (look().light, look().todo) == (Light.WARNING, "Waiting for the archiver.")


def test_what_is_to_be_mended_anyway_begins_anew() -> None:
    kept = begin_run(by="test", at=timezone.now(), mends=False)
    asked = begin_run(by="test", at=timezone.now(), anyway=True)
    kept.refresh_from_db()
    assert kept.finished is not None and asked.pk != kept.pk
    assert begin_run(by="test", at=timezone.now(), anyway=True) == asked


def test_old_runs_leave_with_their_evidence() -> None:
    first = finish(people=1, differing=1, mended=1)
    Drift.objects.create(run=first, profile_id=uuid4(), aspects={}, noticed=timezone.now())
    for _ in range(KEPT):
        finish(people=1, differing=0, mended=0)
    begin_run(by="test", at=timezone.now())
    assert not Drift.objects.exists()
    assert Reconciliation.objects.count() == KEPT


def test_operators_see_the_evidence_and_change_nothing() -> None:
    run = finish(people=10, differing=1, mended=1)
    aspects = {"segments": {"found": ["gold@1"], "expected": []}}
    drift = Drift.objects.create(run=run, profile_id=uuid4(), aspects=aspects, noticed=timezone.now())
    client = sign_in("profiles.view_drift", "profiles.view_reconciliation")
    page = client.get(f"/admin/profiles/drift/?run__id__exact={run.pk}").content.decode()
    assert str(drift.profile_id) in page and "segments" in page
    page = client.get(f"/admin/profiles/drift/{drift.pk}/change/").content.decode()
    assert "gold@1" in page and 'name="_save"' not in page
    assert "1 people" in client.get(f"/admin/profiles/reconciliation/{run.pk}/change/").content.decode()


def test_evidence_is_forgotten_with_its_person() -> None:
    run, now = finish(people=10, differing=2, mended=2), timezone.now()
    ids = [uuid4() for _ in range(2)]
    for id in ids:
        Drift.objects.create(run=run, profile_id=id, aspects={}, noticed=now)
    assert forget_drift([ids[0].hex], until=None) == 1
    assert [drift.profile_id for drift in Drift.objects.all()] == [ids[1]]
