"""How events flow: which processors work, how far behind each partition and the archiver are, how full the log is."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ingestion.lag import Lag
from ingestion.leases import ABSENT_MS
from ingestion.log import START
from personalization.checkup_parts import Figure, Light, Part, by_lag, say_lag
from profiles import keys
from profiles.clients import Client

LATE_MS, TOO_LATE_MS = 10_000, 60_000
HALF, NEARLY = 0.5, 0.9


@dataclass(frozen=True)
class Partition:
    """One part of the event log: who works on it, how much it holds, how long its oldest event has waited."""

    number: int
    owner: str
    length: int
    lag_ms: int

    @property
    def lag(self) -> str:
        return say_lag(self.lag_ms)


def list_partitions(client: Client, *, partitions: int, now: int) -> list[Partition]:
    """At `now` in Unix milliseconds. May raise redis.RedisError."""
    look = client.pipeline(transaction=False)
    for number in range(partitions):
        look.xlen(keys.log(number)).get(keys.lease(number)).get(keys.offset(number))
    found = look.execute()
    lengths, owners, offsets = found[::3], found[1::3], [each.decode() if each else START for each in found[2::3]]
    for number, offset in enumerate(offsets):
        look.xrange(keys.log(number), min=f"({offset}", count=1)
    waiting = [int(entries[0][0].partition(b"-")[0]) if entries else now for entries in look.execute()]
    return [
        Partition(number, owner.decode() if owner else "", length, max(0, now - since))
        for number, (length, owner, since) in enumerate(zip(lengths, owners, waiting, strict=True))
    ]


def check_processors(client: Client, partitions: list[Partition], lag: Lag, *, now: int) -> Part:
    """May raise redis.RedisError."""
    alive = client.zrangebyscore(keys.PROCESSORS, now - ABSENT_MS, "+inf", withscores=True)
    worst = max((each.lag_ms for each in partitions), default=0)
    orphans = sum(not each.owner for each in partitions)
    light, todo = by_lag(max(worst, lag.timers), warning=LATE_MS, bad=TOO_LATE_MS), ""
    if not alive:
        light, todo = Light.BAD, _("No processor is at work: start manage.py run_processor. Events wait in the log.")
    elif light != Light.GOOD:
        todo = _("It is behind. Run another processor, or look at its output for what holds it up.")
    elif orphans:
        light, todo = Light.WARNING, _("Some partitions have no processor; one takes them within seconds.")
    says = ngettext("%(count)d at work", "%(count)d at work", len(alive)) % {"count": len(alive)}
    figures = (
        Figure(_("Behind at most"), say_lag(worst)),
        Figure(_("Windows that ended late"), say_lag(lag.timers)),
        Figure(_("Names"), ", ".join(sorted(name.decode() for name, _at in alive)) or "–"),
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


def check_archiver(*, holds: bool, lag: Lag) -> Part:
    light = by_lag(lag.archive, warning=LATE_MS, bad=6 * TOO_LATE_MS)
    todo = (
        _("It is behind: sizes, people and the catalogue are shown as they were then.") if light != Light.GOOD else ""
    )
    if not holds:
        light = Light.BAD
        todo = _("No archiver is at work: start manage.py run_archiver. What is published does not come into force.")
    says = _("At work") if holds else _("Away")
    return Part("archiver", _("Archiver"), "archive", light, says, (Figure(_("Behind"), say_lag(lag.archive)),), todo)
