"""The Celery application: batch work, never on the path of an event."""

import logging
import os
import time
from functools import cache
from typing import Any

import redis
from celery import Celery, signals
from celery.schedules import crontab

from personalization.signs import BEAT, Signs, name_task, name_worker, now_ms

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalization.settings")
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # it would load every page, and tells nobody what it found

logger = logging.getLogger(__name__)

SIGN_OF_LIFE = "personalization.tasks.give_sign_of_life"
SIGN_S = 20

application = Celery("personalization")
application.config_from_object("django.conf:settings", namespace="CELERY")
application.conf.beat_schedule = {
    "give-sign-of-life": {"task": SIGN_OF_LIFE, "schedule": SIGN_S, "options": {"expires": SIGN_S}},
    "drop-expired-sessions": {
        "task": "personalization.tasks.drop_expired_sessions",
        "schedule": crontab(hour="3", minute="30"),
    },
    "drop-ended-tokens": {
        "task": "personalization.tasks.drop_ended_tokens",
        "schedule": crontab(hour="3", minute="40"),
    },
    "count-segments": {
        "task": "personalization.tasks.count_segments",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 240},  # of those that waited for a worker, the last one is enough
    },
    "count-segments-of-few": {
        "task": "personalization.tasks.count_segments_of_few",
        "schedule": crontab(),  # each minute
        "options": {"expires": 50},
    },
    "forget-old-decisions": {
        "task": "personalization.tasks.forget_old_decisions",
        "schedule": crontab(hour="4", minute="10"),
        "options": {"expires": 6 * 3_600},
    },
    "resume-back-tests": {
        "task": "personalization.tasks.resume_back_tests",
        "schedule": crontab(minute="*/15"),
        "options": {"expires": 840},
    },
    "reconcile": {
        "task": "personalization.tasks.reconcile_nightly",
        "schedule": crontab(hour="2", minute="15"),
        "options": {"expires": 6 * 3_600},
    },
    "resume-reconciliation": {
        "task": "personalization.tasks.reconcile_some",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 240},
    },
    "sweep-erasures": {
        "task": "personalization.tasks.sweep_erasures",
        "schedule": crontab(hour="4", minute="30"),
        "options": {"expires": 6 * 3_600},
    },
    "forget-old-events": {
        "task": "personalization.tasks.forget_old_events",
        "schedule": crontab(hour="4", minute="20"),
        "options": {"expires": 6 * 3_600},
    },
    "forget-what-is-over": {
        "task": "personalization.tasks.forget_what_is_over",
        "schedule": crontab(hour="4", minute="40"),
        "options": {"expires": 6 * 3_600},
    },
    "forget-idle-visitors": {
        "task": "personalization.tasks.forget_idle_visitors",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 240},
    },
    "forget-segments-past": {
        "task": "personalization.tasks.forget_segments_past",
        "schedule": crontab(hour="3", minute="50"),
        "options": {"expires": 6 * 3_600},
    },
}
application.autodiscover_tasks(["personalization"])


_began: dict[str, float] = {}  # when each task that runs here began


def _metrics() -> Any:
    from personalization.metrics import metrics  # this module is loaded before Django is

    return metrics()


def _start(kind: str) -> None:
    from django.conf import settings

    from personalization.metrics import start_process

    start_process(settings.PZ_METRICS, kind)


@cache
def _signs() -> Signs:
    from personalization.wiring import redis_client  # this module is loaded before Django is

    return Signs(redis_client, now_ms)


def _note(name: str, *, anyway: bool = False) -> None:
    """A sign that cannot be given is missed by those who look for it, and ends nothing."""
    try:
        _signs().give(name, anyway=anyway)
    except redis.RedisError as error:
        logger.info("no sign of life of %s: %s", name, type(error).__name__)


@signals.beat_init.connect
def set_clocks(sender: Any = None, **said: Any) -> None:
    """Nights are the organisation's, by the time zone that was saved last before beat began."""
    from django.db import DatabaseError, InterfaceError, close_old_connections

    from profiles.organisation import find_zone

    try:
        application.conf.update(timezone=find_zone())
    except (DatabaseError, InterfaceError) as error:
        logger.warning("beat goes by PZ_TIME_ZONE, as PostgreSQL does not answer: %s", type(error).__name__)
        return
    finally:
        close_old_connections()
    application.__dict__.pop("timezone", None)  # both are kept once they were asked for
    for entry in sender.scheduler.schedule.values():
        entry.schedule.__dict__.pop("tz", None)


@signals.after_task_publish.connect(sender=SIGN_OF_LIFE)
def note_beat(**said: Any) -> None:
    """Nobody else sends this task: beat is alive, whether or not a worker takes it up."""
    _note(BEAT)


@signals.heartbeat_sent.connect
def note_worker(sender: Any = None, **said: Any) -> None:
    """Every few seconds, also while its tasks take long."""
    _note(name_worker(str(getattr(getattr(sender, "eventer", None), "hostname", None) or "worker")))


@signals.task_postrun.connect
def note_task(task: Any = None, task_id: str = "", state: str | None = None, **said: Any) -> None:
    if task is not None and state is not None:
        failed = state == "FAILURE"
        _note(name_task(task.name, failed=failed), anyway=True)
        took = time.monotonic() - _began.pop(task_id, time.monotonic())
        _metrics().ran(task.name.rpartition(".")[2], took, failed=failed)


@signals.task_prerun.connect
def note_beginning(task_id: str = "", **said: Any) -> None:
    _began[task_id] = time.monotonic()


@signals.worker_init.connect
def begin_worker(**said: Any) -> None:
    """Before its processes are forked, each of which keeps files of its own."""
    _start("worker")


@signals.beat_init.connect
def begin_beat(**said: Any) -> None:
    _start("beat")


@signals.setup_logging.connect
def keep_logging(**said: Any) -> None:
    """Celery leaves logging as the settings have it, because somebody listens here."""
