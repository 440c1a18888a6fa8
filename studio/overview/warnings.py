"""What somebody should look at: parts that are not at work or behind, audiences in trouble, what was set aside."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingestion.models import DeadLetter
from personalization.vitals import Overview
from rules.models import ScheduledPublication
from studio.roles import Ability

BEHIND_MS = 5_000  # profiles are then no longer what one calls live
ARCHIVE_BEHIND_MS = 60_000
COUNTED_WITHIN = timedelta(hours=2)
FAILED_WITHIN = timedelta(days=7)
SHOWN_SEGMENTS = 3


class Warning(NamedTuple):
    """`is_grave`: something does not work now. `ability` is what one needs to look at it closer."""

    text: str
    url: str
    label: str
    ability: str
    is_grave: bool = False


def find_warnings(overview: Overview, *, at: datetime) -> list[Warning]:
    """The gravest first."""
    found = [*_of_parts(overview, at), *_of_segments(overview), *_of_letters(), *_of_publications(at)]
    return sorted(found, key=lambda each: not each.is_grave)


def _of_parts(overview: Overview, at: datetime) -> list[Warning]:
    def warn(text: str, *, is_grave: bool = True) -> None:
        found.append(Warning(text, reverse("studio:health"), _("Health"), Ability.SET_UP, is_grave))

    found: list[Warning] = []
    alive, lag = overview.alive, overview.lag
    if not alive.redis:
        warn(_("Redis does not answer: events are not taken in, and pages show their default blocks."))
    elif not alive.processor:
        warn(_("No processor is running: events are kept, and profiles do not change."))
    if not alive.archiver:
        warn(_("No archiver is running: sizes, people and decisions are shown as they were when it stopped."))
    if lag is not None and lag.log > BEHIND_MS:
        warn(_("Profiles are %(seconds)s s behind: more events come in than are processed.") % _in_seconds(lag.log))
    if lag is not None and lag.timers > BEHIND_MS:
        said = _("Time windows are %(seconds)s s late: people leave and enter audiences too late.")
        warn(said % _in_seconds(lag.timers), is_grave=False)
    if lag is not None and lag.archive > ARCHIVE_BEHIND_MS:
        said = _("The archive is %(seconds)s s behind: sizes, people and decisions are shown as they were then.")
        warn(said % _in_seconds(lag.archive), is_grave=False)
    counted = [each.counted for each in overview.segments if each.counted is not None]
    if counted and max(counted) < at - COUNTED_WITHIN:
        warn(
            _("Audiences have not been counted for hours: Celery's worker or its clock is not running."), is_grave=False
        )
    return found


def _of_segments(overview: Overview) -> list[Warning]:
    troubled = [each for each in overview.segments if each.is_troubled]
    found = [
        Warning(
            f"{each.name}: {each.reason}",
            reverse("studio:audience", args=[each.segment]),
            _("Open"),
            Ability.LOOK,
        )
        for each in troubled[:SHOWN_SEGMENTS]
    ]
    if more := len(troubled[SHOWN_SEGMENTS:]):
        said = ngettext("%(count)s more audience is in trouble.", "%(count)s more audiences are in trouble.", more)
        found.append(Warning(said % {"count": more}, reverse("studio:audiences"), _("Audiences"), Ability.LOOK))
    return found


def _of_letters() -> list[Warning]:
    count = DeadLetter.objects.filter(replayed=None).count()
    if not count:
        return []
    said = ngettext(
        "%(count)s record could not be processed and was set aside.",
        "%(count)s records could not be processed and were set aside.",
        count,
    )
    return [Warning(said % {"count": count}, reverse("studio:dead_letters"), _("Dead letters"), Ability.EVENTS)]


def _of_publications(at: datetime) -> list[Warning]:
    states = ScheduledPublication.State
    count = ScheduledPublication.objects.filter(state=states.FAILED, at__gte=at - FAILED_WITHIN).count()
    if not count:
        return []
    said = ngettext(
        "%(count)s scheduled publication has failed in the last days.",
        "%(count)s scheduled publications have failed in the last days.",
        count,
    )
    return [Warning(said % {"count": count}, reverse("studio:publish"), _("Publish"), Ability.LOOK)]


def _in_seconds(milliseconds: int) -> dict[str, int]:
    return {"seconds": round(milliseconds / 1000)}
