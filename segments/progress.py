"""How far a build is, and what it waits for, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from profiles.writing import write_known, write_number
from segments.models import Build

STUCK_AFTER = timedelta(minutes=1)

# Builds keep these as their errors, in English.
NO_REDIS = _("Redis does not answer.")
NO_ARCHIVER = _("No archiver is running: it hands builds over to Celery's worker, and stores what was applied.")
NO_PROCESSOR = _("No processor is running: it evaluates the people that it is handed.")
NO_WORKER = _("No worker has taken it up: is Celery's worker running, or busy with something else?")
CAUSES = (NO_REDIS, NO_ARCHIVER, NO_PROCESSOR, NO_WORKER)

UNITS = ((86_400, _("%(n)s d")), (3_600, _("%(n)s h")), (60, _("%(n)s min")), (1, _("%(n)s s")))
STATES = {  # as parts of sentences
    Build.State.QUEUED: _("queued"),
    Build.State.COLLECTING: _("finding the members"),
    Build.State.ADOPTING: _("telling the processors"),
    Build.State.ENROLLING: _("putting people into lists"),
    Build.State.FILLING: _("filling"),
    Build.State.SETTLING: _("in force, tidying up"),
    Build.State.DONE: _("done"),
    Build.State.CANCELLED: _("cancelled"),
    Build.State.FAILED: _("failed"),
}
NEEDS_PROCESSORS = (Build.State.ENROLLING, Build.State.FILLING, Build.State.SETTLING)


@dataclass(frozen=True)
class Alive:
    """Which of the parts that a build takes are at work at this moment. `builder`: some worker is building."""

    redis: bool = True
    archiver: bool = True
    processor: bool = True
    builder: bool = True


@dataclass(frozen=True)
class Progress:
    """A build under way, and its state for a label and, `doing`, within a sentence. `adds` people to a list that
    answers already, or else fills new versions. `rate` is people per second, `left_s` an estimate; None where there is
    none yet."""

    build: int
    state: str
    doing: str
    adds: bool
    is_stuck: bool
    waits_for: str
    done: int
    total: int
    rate: float | None
    left_s: int | None

    @property
    def percent(self) -> int | None:
        return None if not self.total else min(100, 100 * self.done // self.total)


def is_stuck(build: Build, *, at: datetime, alive: Alive) -> bool:
    """Whether it has got nowhere for STUCK_AFTER: the one definition. An error is cleared by the first step that
    succeeds, so the same error for so long is the same. Collecting is a single step, however long it takes."""
    if build.state in Build.ENDED or (build.state == Build.State.COLLECTING and alive.builder and not build.error):
        return False
    return at - (build.heartbeat or build.queued) > STUCK_AFTER


def list_missing(alive: Alive) -> list[str]:
    """What is not at work of the parts that everything rests on; without Redis nothing is known of the others."""
    if not alive.redis:
        return [gettext(NO_REDIS)]
    parts = ((alive.archiver, NO_ARCHIVER), (alive.processor, NO_PROCESSOR))
    return [gettext(said) for is_there, said in parts if not is_there]


def say_cause(build: Build, alive: Alive) -> str:
    """Why a build gets nowhere, in English: the part that is missing, or what its builder said last."""
    if not alive.redis:
        return NO_REDIS
    if not alive.archiver:
        return NO_ARCHIVER
    if not alive.processor and build.state in NEEDS_PROCESSORS:
        return NO_PROCESSOR
    if build.error and build.error not in CAUSES:
        return build.error
    return "" if alive.builder else NO_WORKER


def follow_builds(waiting: Sequence[Build], *, at: datetime, alive: Alive) -> dict[int, Progress]:
    """The progress of each build under way, the oldest first: they are worked on one after the other."""
    first = waiting[0] if waiting else None
    return {build.pk: _follow(build, at=at, alive=alive, before=None if build is first else first) for build in waiting}


def _follow(build: Build, *, at: datetime, alive: Alive, before: Build | None) -> Progress:
    if before is not None:
        stuck, waits_for = False, gettext("Its turn comes after build %(number)s.") % {"number": before.pk}
    else:
        stuck = is_stuck(build, at=at, alive=alive)
        waits_for = write_known(say_cause(build, alive) if stuck else build.error)
    rate = None
    if build.asked is not None and build.heartbeat is not None and build.heartbeat > build.asked and build.done:
        rate = build.done / (build.heartbeat - build.asked).total_seconds()
    left = max(0, build.total - build.done)
    return Progress(
        build=build.pk,
        state=build.get_state_display(),
        doing=say_state(build.state),
        adds=build.upload_id is not None,
        is_stuck=stuck,
        waits_for=waits_for,
        done=build.done,
        total=build.total,
        rate=rate,
        left_s=ceil(left / rate) if rate and build.total else None,
    )


def say_progress(progress: Progress) -> str:
    """How far it is, as "1,200 of 5,000 people asked, about 20 s left"."""
    if not progress.total:
        return ""
    places = {"done": write_number(progress.done), "total": write_number(progress.total)}
    if not progress.left_s or progress.is_stuck:
        return gettext("%(done)s of %(total)s people asked") % places
    left = say_duration(timedelta(seconds=progress.left_s))
    return gettext("%(done)s of %(total)s people asked, about %(left)s left") % {**places, "left": left}


def say_state(state: str) -> str:
    """What a build does, as a part of a sentence."""
    return gettext(STATES[Build.State(state)])


def say_duration(duration: timedelta) -> str:
    """A duration in its two largest units, as "2 h 5 min"; below a second it is as good as none."""
    seconds = int(duration.total_seconds())
    for (size, unit), (next_size, next_unit) in pairwise(UNITS):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            said = gettext(unit) % {"n": whole}
            return f"{said} {gettext(next_unit) % {'n': rest // next_size}}" if rest >= next_size else said
    return gettext(UNITS[-1][1]) % {"n": seconds} if seconds >= 1 else gettext("under 1 s")
