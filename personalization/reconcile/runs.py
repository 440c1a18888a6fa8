"""Runs of the reconciliation: begun, taken up again, reported; and what the newest one found, for pages and metrics."""

import logging
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from profiles.locks import RECONCILIATIONS, take_turns
from profiles.models import Reconciliation

logger = logging.getLogger(__name__)

KEPT = 60  # runs, with their evidence


class DriftFigures(NamedTuple):
    """Of the newest run that came to its end: how many people were compared, differed and were mended, of how many the
    archive does not know the beginning, how many counters and codes of everybody differed (`common`), and whether some
    still do. `under_way` says since when another one is at work, and `waits_for` what it waits for. All None or 0
    before the first."""

    finished: datetime | None = None
    people: int = 0
    differing: int = 0
    mended: int = 0
    unsettled: int = 0
    unjudged: int = 0
    common: int = 0
    common_left: bool = False
    note: str = ""
    under_way: datetime | None = None
    heartbeat: datetime | None = None
    waits_for: str = ""

    @property
    def share(self) -> float:
        """Of the people that were compared, those who differed."""
        return self.differing / self.people if self.people else 0.0

    @property
    def left(self) -> int:
        """People who differ, and could not be mended; what belongs to everybody is one more."""
        return self.differing - self.mended + self.common_left

    @property
    def is_alarming(self) -> bool:
        return self.share * 10_000 > settings.PZ_DRIFT_ALERT


@transaction.atomic
def begin_run(*, by: str, at: datetime, mends: bool = True, anyway: bool = False) -> Reconciliation:
    """A new run, or the one that is under way. With `anyway` it mends however many differ, and one that was kept from
    it is at its end. The oldest ones leave with their evidence."""
    take_turns(RECONCILIATIONS)
    if anyway:
        Reconciliation.objects.filter(finished=None, anyway=False).update(finished=at)
    run = find_unfinished()
    if run is None:
        run = Reconciliation.objects.create(by=by[:150], started=at, heartbeat=at, mends=mends, anyway=anyway)
        old = Reconciliation.objects.order_by("-pk").values_list("pk", flat=True)[KEPT:]
        Reconciliation.objects.filter(pk__in=list(old)).delete()
    return run


def find_unfinished() -> Reconciliation | None:
    return Reconciliation.objects.filter(finished=None).order_by("-pk").first()


def read_drift() -> DriftFigures:
    last = Reconciliation.objects.exclude(finished=None).order_by("-pk").first()
    now = find_unfinished()
    figures = DriftFigures()
    if last is not None:
        figures = DriftFigures(
            finished=last.finished,
            people=last.people,
            differing=last.differing,
            mended=last.mended,
            unsettled=last.unsettled,
            unjudged=last.unjudged,
            common=last.common,
            common_left=last.drifts.filter(profile_id=None, mended=None).exists(),
            note=last.note,
        )
    if now is not None:
        figures = figures._replace(under_way=now.started, heartbeat=now.heartbeat, waits_for=now.note)
    return figures


def report_run(run: Reconciliation) -> None:
    """One line of the log; an error where more differed than the setting bears, or not everything could be mended."""
    figures = read_drift()
    level = logging.ERROR if figures.is_alarming else logging.WARNING if figures.left else logging.INFO
    logger.log(
        level,
        "%s: %d people compared, %d differed from the archive, %d mended, %d not judged as they were busy, %d from "
        "before it begins; %d counters and codes of everybody differed. %s",
        run,
        run.people,
        run.differing,
        run.mended,
        run.unsettled,
        run.unjudged,
        run.common,
        run.note,
    )
