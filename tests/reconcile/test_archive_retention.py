"""Old months leave the archive, and nobody is mended down for it: what profiles know for life stays as it is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from msgspec.structs import replace

from ingestion.undoing import UndoRefused
from personalization.tasks import forget_old_events
from personalization.wiring import clock, make_undoer
from profiles import keys, months
from profiles.archive_retention import find_cut, forget_archive, read_start
from profiles.models import ArchivedEvent, ArchiveStart, MergeRecord, StoredProfile
from profiles.months import EVENTS, list_months, months_before
from profiles.profile import Profile, pack, unpack
from tests.reconcile.conftest import DAY_MS, Town

pytestmark = pytest.mark.django_db
OLD_DAYS = 400
PEOPLE = 50


@pytest.fixture
def town(make_town: Callable[[int], Town]) -> Town:
    """Everybody came first more than a year ago."""
    town = make_town(PEOPLE)
    at = clock() - OLD_DAYS * DAY_MS
    for name in ("Product Viewed", "Page Viewed"):
        town.engine.log_events(name, people=town.people, at=at, properties={"value": 4.5})
    consent = {"consent": {"categoryPreferences": {"newsletter": True}}}
    traits = {"town": "Utrecht"}
    town.engine.log_events(
        "Identified", people=town.people[::2], type="identify", traits=traits, at=at, context=consent
    )
    while town.engine.process():
        pass
    town.engine.archiver.drain()
    return town


def cut() -> date:
    return months_before(timezone.now().date(), 8)


def read(town: Town, person: str) -> Profile:
    return unpack(town.client.get(keys.profile(town.id(person))))


def test_whole_months_leave_and_nobody_differs(town: Town) -> None:
    before = town.photograph()
    kept = ArchivedEvent.objects.filter(at__gte=datetime(cut().year, cut().month, 1, tzinfo=UTC)).count()
    assert not forget_archive(cut(), seconds=60)
    assert ArchivedEvent.objects.count() == kept
    assert all(month >= cut() for _, month in list_months(EVENTS))
    run = town.reconcile()
    assert (run.people, run.differing, run.mended) == (PEOPLE - 1, 0, 0)  # two of them turned out to be one person
    assert town.photograph() == before
    assert read(town, "p2").events["Page Viewed"].count == 1
    # Asked again, and with a later setting that keeps more, nothing changes.
    assert not forget_archive(cut(), seconds=60)
    assert not forget_archive(months_before(cut(), 5), seconds=60)
    assert read_start() == ArchiveStart.objects.get().since.timestamp() * 1_000
    assert ArchiveStart.objects.get().since.date() == cut()


def test_what_is_lost_comes_back_with_what_it_had_for_life(town: Town) -> None:
    lost, short = town.id("p1"), town.id("p2")
    whole = {person: read(town, person) for person in ("p1", "p2")}
    forget_archive(cut(), seconds=60)
    town.client.delete(keys.profile(lost))
    history = whole["p2"].events["Product Viewed"]
    early = replace(history, last=history.last - 1, recent=history.recent[:-1])
    state = replace(whole["p2"], events={**whole["p2"].events, "Product Viewed": early})
    town.client.set(keys.profile(short), pack(state))
    run = town.reconcile()
    assert (run.differing, run.mended) == (2, 2)
    assert read(town, "p1").events == whole["p1"].events
    mended = read(town, "p2").events["Product Viewed"]
    assert (mended.count, mended.total, mended.first, mended.last) == (
        *(history.count, history.total, history.first, history.last),
    )
    assert town.reconcile().differing == 0


def test_a_merge_of_before_cannot_be_undone_any_more(town: Town) -> None:
    MergeRecord.objects.update(at=timezone.now() - timedelta(days=OLD_DAYS))
    merge = MergeRecord.objects.get()
    forget_archive(cut(), seconds=60)
    merge.refresh_from_db()
    with pytest.raises(UndoRefused):
        make_undoer(lambda seconds: None).undo(merge, by="olga")


def test_it_goes_on_where_its_time_was_over(town: Town) -> None:
    assert forget_archive(cut(), seconds=0)
    assert ArchiveStart.objects.get().since.date() == cut()  # known before anything is gone
    assert not forget_archive(cut(), seconds=60)


def test_the_setting_says_how_many_months(town: Town, settings: Any) -> None:
    forget_old_events()
    assert not ArchiveStart.objects.exists()
    settings.PZ_ARCHIVE_MONTHS = 9
    forget_old_events()
    forget_old_events()
    assert ArchivedEvent.objects.filter(name="Page Viewed").count() == 0
    assert ArchivedEvent.objects.exists() and StoredProfile.objects.count() == PEOPLE - 1


def test_what_profiles_remember_is_never_cut() -> None:
    now = datetime(2026, 3, 15, tzinfo=UTC)
    assert find_cut(now, months=0, retention_days=180) is None
    assert find_cut(now, months=25, retention_days=180) == date(2024, 2, 1)
    assert find_cut(now, months=1, retention_days=180) == date(2025, 8, 1)


@pytest.mark.django_db(transaction=True)
def test_a_long_query_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(months, "_LOCK_TIMEOUT", "100ms")
    old = months_before(cut(), 3)
    months.Months().make([old])
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute(f"SELECT count(*) FROM {EVENTS}")
        assert not forget_archive(cut(), seconds=60)
        assert old in [month for _, month in list_months(EVENTS)]
    assert not forget_archive(cut(), seconds=60)
    assert old not in [month for _, month in list_months(EVENTS)]
