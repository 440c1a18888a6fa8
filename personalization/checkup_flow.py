"""How events flow: which processors work, how far behind each partition and the archiver are, how full the log is."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingestion import lag
from ingestion.lag import Flow
from personalization.checkup_parts import Figure, Light, Part, by_lag, say_lag

LATE_MS = 10_000
HALF, NEARLY = 0.5, 0.9


@dataclass(frozen=True)
class Partition(lag.Partition):
    """A partition as the page shows it."""

    @property
    def lag(self) -> str:
        return say_lag(self.lag_ms)


def list_partitions(flow: Flow) -> list[Partition]:
    return [Partition(each.number, each.owner, each.length, each.lag_ms) for each in flow.partitions]


def check_processors(flow: Flow) -> Part:
    worst, alive = flow.log_ms, flow.processors
    orphans = sum(not each.owner for each in flow.partitions)
    light, todo = by_lag(max(worst, flow.timers_ms), warning=LATE_MS, bad=settings.PZ_LOG_LAG_S * 1_000), ""
    if not alive:
        light, todo = Light.BAD, _("No processor is at work: start manage.py run_processor. Events wait in the log.")
    elif light != Light.GOOD:
        todo = _("It is behind. Run another processor, or look at its output for what holds it up.")
    elif orphans:
        light, todo = Light.WARNING, _("Some partitions have no processor; one takes them within seconds.")
    says = ngettext("%(count)d at work", "%(count)d at work", len(alive)) % {"count": len(alive)}
    figures = (
        Figure(_("Behind at most"), say_lag(worst)),
        Figure(_("Windows that ended late"), say_lag(flow.timers_ms)),
        Figure(_("Names"), ", ".join(sorted(alive)) or "–"),
    )
    return Part("processor", _("Processors"), "cpu", light, says, figures, todo)


def check_log(partitions: list[Partition], *, most: int) -> Part:
    fullest = max((each.length for each in partitions), default=0)
    share = fullest / most
    light = Light.BAD if share >= NEARLY else Light.WARNING if share >= HALF else Light.GOOD
    todo = _("The log fills up: beyond its bound events are answered with 429. The processors are too slow or away.")
    figures = (
        Figure(_("Fullest partition"), f"{fullest:,} / {most:,}"),
        Figure(_("Records in all"), f"{sum(each.length for each in partitions):,}"),
    )
    says = _("%(share)d %% full") % {"share": share * 100}
    return Part("log", _("Event log"), "layers", light, says, figures, "" if light == Light.GOOD else todo)


def check_archiver(*, holds: bool, lag_ms: int) -> Part:
    light = by_lag(lag_ms, warning=LATE_MS, bad=settings.PZ_ARCHIVE_LAG_S * 1_000)
    todo = (
        _("It is behind: sizes, people and the catalogue are shown as they were then.") if light != Light.GOOD else ""
    )
    if not holds:
        light = Light.BAD
        todo = _("No archiver is at work: start manage.py run_archiver. What is published does not come into force.")
    says = _("At work") if holds else _("Away")
    return Part("archiver", _("Archiver"), "archive", light, says, (Figure(_("Behind"), say_lag(lag_ms)),), todo)
