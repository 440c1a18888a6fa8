"""Whether what is hot is what the archive says: by the newest reconciliation."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from personalization.checkup_parts import Figure, Light, Part
from personalization.reconcile.runs import DriftFigures

OVERDUE = timedelta(days=2)  # without a run that came to its end
STILL = timedelta(minutes=30)  # without a step of the one under way


def check_drift(drift: DriftFigures, *, at: datetime) -> Part:
    light, says, todo = _judge(drift, at)
    figures: tuple[Figure, ...] = (
        Figure(_("Last"), _("never"), drift.finished),
        Figure(_("People compared"), f"{drift.people:,}"),
        Figure(_("Differed"), f"{drift.differing:,} ({drift.share:.2%})"),
        Figure(_("Mended"), f"{drift.mended:,}"),
    )
    if drift.unjudged:
        figures = (*figures, Figure(_("From before the archive begins"), f"{drift.unjudged:,}"))
    if drift.common:
        figures = (*figures, Figure(_("Counters and codes of everybody that differed"), f"{drift.common:,}"))
    if drift.under_way is not None:
        figures = (*figures, Figure(_("Under way since"), "", drift.under_way))
    return Part("drift", _("Reconciliation"), "git-compare", light, says, figures, todo)


def _judge(drift: DriftFigures, at: datetime) -> tuple[Light, str, str]:
    if drift.is_alarming:
        return (
            Light.BAD,
            _("Drift"),
            _("More people than usual were not what the archive says. Find out what changed them."),
        )
    if drift.left:
        todo = _("Some people are not what the archive says, and could not be mended: the evidence says why.")
        return Light.WARNING, _("Drift"), todo
    if drift.under_way is not None and drift.heartbeat is not None and at - drift.heartbeat > STILL:
        return Light.WARNING, _("Stands still"), drift.waits_for or _("The comparison with the archive gets nowhere.")
    if drift.finished is None:
        return Light.GOOD, _("Not run yet"), ""
    if at - drift.finished > OVERDUE:
        return (
            Light.WARNING,
            _("Overdue"),
            _("Nobody was compared with the archive lately. Look at Celery’s beat and worker."),
        )
    return Light.GOOD, _("All alike") if not drift.differing else _("Mended"), ""
