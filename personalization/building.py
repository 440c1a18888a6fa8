"""Builds of segments are handed to Celery's worker, a slice of time at once, and again when nobody is at work."""

import logging
from datetime import timedelta

from django.utils import timezone
from kombu.exceptions import OperationalError

from personalization.celery import application
from personalization.tasks import SLICE_S, build_segments
from profiles import keys
from profiles.clients import Client
from segments.models import Build
from segments.queries import list_waiting_builds

logger = logging.getLogger(__name__)

GIVE_UP_S = SLICE_S + 5  # without a word from the worker
STUCK_AFTER = timedelta(minutes=1)
NO_WORKER = "No worker has taken it up: is Celery's worker running?"


def hand_over_builds(client: Client) -> bool:
    """Sends the task when there is something to build and no worker is at it. Returns whether it did."""
    waiting = list_waiting_builds()
    if not waiting:
        return False
    if not client.set(keys.BUILDING, "handed over", nx=True, ex=GIVE_UP_S):
        _watch(waiting)
        return False
    try:
        application.send_task(build_segments.name, expires=GIVE_UP_S, retry=False)
    except OperationalError as error:
        logger.warning("the task of building segments cannot be sent: %s", type(error).__name__)
        return False
    return True


def _watch(waiting: list[Build]) -> None:
    """A build that nobody ever works on says so."""
    stuck = timezone.now() - STUCK_AFTER
    for build in waiting:
        if not build.error and (build.heartbeat or build.queued) < stuck:
            Build.objects.filter(pk=build.pk, error="").update(error=NO_WORKER)
