"""Builds of segments are handed to Celery's worker, a slice of time at once, and again when nobody is at work."""

import logging

import redis
from django.utils import timezone
from kombu.exceptions import OperationalError

from personalization.celery import application
from personalization.tasks import SLICE_S, build_segments
from personalization.vitals import look_alive
from profiles import keys
from profiles.clients import Client
from segments.models import Build
from segments.progress import CAUSES, is_stuck, say_cause
from segments.queries import list_waiting_builds

logger = logging.getLogger(__name__)

GIVE_UP_S = SLICE_S + 5  # without a word from the worker


def hand_over_builds(client: Client) -> bool:
    """Sends the task when there is something to build and no worker is at it. Returns whether it did."""
    waiting = list_waiting_builds()
    if not waiting:
        return False
    _watch(waiting[0], client)
    if not client.set(keys.BUILDING, "handed over", nx=True, ex=GIVE_UP_S):
        return False
    try:
        application.send_task(build_segments.name, expires=GIVE_UP_S, retry=False)
    except (OperationalError, redis.RedisError) as error:
        logger.warning("the task of building segments cannot be sent: %s", type(error).__name__)
        return False
    return True


def _watch(build: Build, client: Client) -> None:
    """A build that gets nowhere says why, where its builder has not said so. The others wait for their turn."""
    if build.error and build.error not in CAUSES:
        return
    alive = look_alive(client)
    cause = say_cause(build, alive) if is_stuck(build, at=timezone.now(), alive=alive) else build.error
    if cause != build.error:
        Build.objects.filter(pk=build.pk, error=build.error).update(error=cause)
