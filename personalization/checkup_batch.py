"""How the work beside the flow is: Celery's workers and beat, the rounds, builds of audiences."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalization.celery import SIGN_S, application
from personalization.checkup_parts import Figure, Light, Part
from personalization.rounds import ROUNDS
from personalization.signs import BEAT, name_round, name_task
from profiles.clients import Client
from segments.health import Health

SILENT = timedelta(seconds=30)
BEAT_SILENT = timedelta(seconds=3 * SIGN_S)
LONG_QUEUE = 100

Signs = Mapping[str, datetime]


@dataclass(frozen=True)
class Clockwork:
    """Something that is done again and again: when it was last, when it is next (of the schedule alone)."""

    name: str
    label: str
    last: datetime | None
    next: datetime | None = None
    failed: datetime | None = None
    is_late: bool = False

    @property
    def has_failed(self) -> bool:
        """The last time it ended in an error."""
        return self.failed is not None and (self.last is None or self.failed > self.last)


def say_name(name: str) -> str:
    """What is done, in words; those that have none yet are called as in the code."""
    return {
        "publish_what_is_due": _("Publish what is scheduled"),
        "announce_newest": _("Announce what is published"),
        "keep_whole": _("Fill Redis when it has lost what it held"),
        "notice_old_copy": _("Notice a Redis that is older than the archive"),
        "hand_over_builds": _("Have audiences filled"),
        "fill_pools": _("Keep codes of offers ready"),
        "note_stages": _("Keep how long events took"),
        "copy_uses": _("Note when keys were used"),
        "give-sign-of-life": _("Sign of life"),
        "drop-expired-sessions": _("Drop sessions that ended"),
        "drop-ended-tokens": _("Drop tokens that ended"),
        "count-segments": _("Count audiences"),
        "count-segments-of-few": _("Count audiences, of few people"),
        "forget-old-decisions": _("Forget old decisions"),
        "forget-old-events": _("Forget old events of the archive"),
        "forget-what-is-over": _("Forget what is over: logs, dead letters, counters"),
        "forget-idle-visitors": _("Forget visitors who have not come for long"),
        "resume-back-tests": _("Resume back-tests"),
        "reconcile": _("Compare people with the archive"),
        "resume-reconciliation": _("Go on comparing people with the archive"),
        "sweep-erasures": _("Clear the last traces of people who were erased"),
        "forget-segments-past": _("Forget the past of audiences"),
    }.get(name, name)


def list_rounds(signs: Signs, *, at: datetime) -> list[Clockwork]:
    """What the archiver's process looks after several times a second."""
    found = []
    for look in ROUNDS:
        last = signs.get(name_round(look.__name__))
        is_late = last is None or at - last > SILENT
        found.append(Clockwork(look.__name__, say_name(look.__name__), last, is_late=is_late))
    return found


def list_schedule(signs: Signs, *, at: datetime) -> list[Clockwork]:
    """What beat sends to the workers, by the clock."""
    found = []
    for name, entry in application.conf.beat_schedule.items():
        task = entry["task"]
        last, failed = signs.get(name_task(task)), signs.get(name_task(task, failed=True))
        found.append(Clockwork(name, say_name(name), last, _find_next(entry["schedule"], last, at), failed))
    return found


def _find_next(schedule: Any, last: datetime | None, at: datetime) -> datetime:
    if isinstance(schedule, int | float):
        return max(at, (last or at) + timedelta(seconds=schedule))
    left: timedelta = schedule.remaining_estimate(at)
    return (at + left + timedelta(milliseconds=500)).replace(microsecond=0)  # it is counted from a moment later


def list_workers(signs: Signs, *, at: datetime) -> list[str]:
    """Names of the workers that are alive."""
    found = {name.partition(":")[2]: when for name, when in signs.items() if name.startswith("worker:")}
    return sorted(name for name, when in found.items() if at - when < SILENT)


def count_waiting(client: Client) -> int:
    """Tasks that no worker has taken yet. May raise redis.RedisError."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    return int(client.llen(f"{prefix}{settings.CELERY_TASK_DEFAULT_QUEUE}"))


def check_workers(client: Client, signs: Signs, *, at: datetime) -> Part:
    """May raise redis.RedisError."""
    alive, waiting = list_workers(signs, at=at), count_waiting(client)
    light, todo = Light.GOOD, ""
    if not alive:
        light, todo = Light.BAD, _("No worker is at work: start Celery’s worker. Audiences are not filled meanwhile.")
    elif waiting > LONG_QUEUE:
        light, todo = Light.WARNING, _("Many tasks wait: run another worker.")
    figures = (Figure(_("Tasks waiting"), waiting), Figure(_("Names"), ", ".join(alive) or "–"))
    says = ngettext("%(count)d at work", "%(count)d at work", len(alive)) % {"count": len(alive)}
    return Part("workers", _("Celery workers"), "list-restart", light, says, figures, todo)


def check_beat(signs: Signs, schedule: list[Clockwork], *, at: datetime) -> Part:
    last = signs.get(BEAT)
    failed = [each.name for each in schedule if each.has_failed]
    light, todo, says = Light.GOOD, "", _("At work")
    if last is None or at - last > BEAT_SILENT:
        light, says = Light.BAD, _("Away")
        todo = _("Nothing is sent by the clock: start Celery’s beat. Nights pass without their work.")
    elif failed:
        light = Light.WARNING
        todo = _("Failed the last time: %(names)s. The worker’s output says why.")
        todo %= {"names": ", ".join(map(say_name, failed))}
    return Part("beat", _("Celery beat"), "clock", light, says, (Figure(_("Last sign"), "", last),), todo)


def check_rounds(rounds: list[Clockwork]) -> Part:
    late = [each.name for each in rounds if each.is_late]
    todo = ""
    if late:
        todo = _("Not done lately: %(names)s. They run in the archiver’s process; its output says why.")
        todo %= {"names": ", ".join(map(say_name, late))}
    last = max((each.last for each in rounds if each.last), default=None)
    light = Light.BAD if late else Light.GOOD
    says = _("Late") if late else _("At work")
    return Part("rounds", _("Rounds"), "refresh-cw", light, says, (Figure(_("Last"), "", last),), todo)


def check_audiences(found: list[Health]) -> Part:
    troubled = [each for each in found if each.is_troubled]
    under_way = sum(each.build is not None for each in found)
    figures = (Figure(_("Audiences"), len(found)), Figure(_("Being filled"), under_way))
    says = _("All in order")
    if troubled:
        count = len(troubled)
        says = ngettext("%(count)d in trouble", "%(count)d in trouble", count) % {"count": count}
    todo = " ".join(f"{each.name}: {each.reason}" for each in troubled[:3])
    light = Light.WARNING if troubled else Light.GOOD
    return Part("audiences", _("Filling of audiences"), "users", light, says, figures, todo)
