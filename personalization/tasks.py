"""Celery's tasks: work by the clock, each idempotent."""

from datetime import timedelta
from importlib import import_module

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from personalization.backtesting import hand_over_again, run_back_test
from personalization.idle import forget_idle
from personalization.issued import forget_ended
from personalization.reconcile.runs import begin_run, find_unfinished, report_run
from personalization.retention import forget_what_is_old
from personalization.sweeping import sweep_stores
from personalization.wiring import make_builder, make_reconciler, read_memory, redis_client
from profiles import keys
from profiles.archive_retention import find_cut, forget_archive
from profiles.models import StoredProfile
from profiles.organisation import read_organisation
from rules.archive import forget_decisions
from segments.queries import list_waiting_builds
from segments.retention import forget_past
from segments.sizes import store_sizes

SLICE_S = 10  # of one task, after which other tasks have their turn
FEW = 20_000  # people
NIGHTLY = "the clock"


@shared_task
def give_sign_of_life() -> None:
    """Says that what beat sends comes to a worker: that it ran is noted of every task."""


@shared_task
def sweep_erasures() -> None:
    """After erasures, what the stores keep beside their rows and keys is made anew."""
    sweep_stores(redis_client(), at=timezone.now())


@shared_task
def drop_expired_sessions() -> None:
    """Django keeps the sessions of people who never sign out; those that have ended are of no use to anybody."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task
def drop_ended_tokens() -> None:
    """OAuth tokens live for an hour; those that ended long ago are of no use to anybody."""
    forget_ended(at=timezone.now())


@shared_task
def build_segments() -> None:
    """A slice of filling new versions of segments; what is left is handed over again."""
    client = redis_client()
    client.set(keys.BUILDING, "at work", ex=2 * SLICE_S)
    if make_builder().work(SLICE_S):
        client.delete(keys.BUILDING)
        if not list_waiting_builds():
            count_segments.delay()


@shared_task
def count_segments() -> None:
    """How many people are in each segment: every few minutes, and when a build has ended."""
    store_sizes(at=timezone.now())


@shared_task
def count_segments_of_few() -> None:
    """The same every minute, while it costs nothing: who just begins sees audiences fill."""
    if not StoredProfile.objects.order_by("pk")[FEW : FEW + 1].exists():
        store_sizes(at=timezone.now())


@shared_task
def forget_old_decisions() -> None:
    """Months of decisions that are older than anybody wants to explain."""
    forget_decisions((timezone.now() - timedelta(days=read_organisation().decisions_days)).date())


@shared_task
def try_draft(back_test: int) -> None:
    """A draft asked of past decisions, by the number of the back-test."""
    run_back_test(back_test, read_memory())


@shared_task
def resume_back_tests() -> None:
    """Those whose task was lost with the broker's last second."""
    hand_over_again(at=timezone.now())


@shared_task
def reconcile_nightly() -> None:
    """Everybody is compared with the archive, and mended; the walk itself goes on in slices."""
    begin_run(by=NIGHTLY, at=timezone.now())
    reconcile_some.delay()


@shared_task
def reconcile_some() -> None:
    """A slice of the walk that is under way, if one is; what is left goes to the end of the queue."""
    run = find_unfinished()
    if run is None or not make_reconciler().work(run, SLICE_S):
        return
    run.refresh_from_db()
    if run.finished is not None:
        report_run(run)
    elif not run.note:
        reconcile_some.delay()  # what waits for something is taken up again by the clock


@shared_task
def forget_old_events() -> None:
    """Months of the archive that are older than it is to go back; what is left goes to the end of the queue."""
    chosen = read_organisation()
    cut = find_cut(timezone.now(), months=settings.PZ_ARCHIVE_MONTHS, retention_days=chosen.retention_days)
    if cut is not None and forget_archive(cut, seconds=SLICE_S):
        forget_old_events.delay()


@shared_task
def forget_what_is_over() -> None:
    """Dead letters, logs, counters and the like that are too old; what is left goes to the end of the queue."""
    if forget_what_is_old(at=timezone.now(), seconds=SLICE_S):
        forget_what_is_over.delay()


@shared_task
def forget_idle_visitors() -> None:
    """The next few who are due; the clock comes again for the others."""
    forget_idle(at=timezone.now(), days=settings.PZ_IDLE_DAYS)


@shared_task
def forget_segments_past() -> None:
    """Sizes, changes, builds and rosters that are too old; what is left goes to the end of the queue."""
    kept = timedelta(days=read_organisation().changes_days)
    if forget_past(at=timezone.now(), changes_kept=kept, seconds=SLICE_S):
        forget_segments_past.delay()
