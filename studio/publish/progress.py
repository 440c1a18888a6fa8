"""How what was published comes into force: what is being filled, what is stuck, what has failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from personalization.vitals import look_alive
from personalization.wiring import redis_client
from segments.models import Build
from segments.progress import Progress, follow_builds
from segments.queries import list_waiting_builds

SHOWN = 20  # audiences of one build


@dataclass(frozen=True)
class BuildShown:
    progress: Progress
    segments: Sequence[str]
    more: int


@dataclass(frozen=True)
class InForce:
    """`failed` is the newest build where it did not bring its audiences into force."""

    builds: Sequence[BuildShown]
    failed: Build | None

    @property
    def is_moving(self) -> bool:
        return bool(self.builds)


def follow() -> InForce:
    waiting = list_waiting_builds()
    found = []
    if waiting:
        progress = follow_builds(waiting, at=timezone.now(), alive=look_alive(redis_client()))
        for build in waiting:
            names = sorted(version.segment for version in build.versions.all())
            found.append(BuildShown(progress[build.pk], names[:SHOWN], max(0, len(names) - SHOWN)))
    newest = Build.objects.filter(upload=None, recalls={}).order_by("-pk").first()
    has_failed = newest is not None and newest.state in (Build.State.FAILED, Build.State.CANCELLED)
    return InForce(found, newest if has_failed else None)
